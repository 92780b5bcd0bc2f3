/* What stands between commands: blanks, continuations, comments, newlines, and the here-documents that these bring. */
#include "shell/parser.h"

void sh_fail(struct sh_parser *p, u32 at, const char *message)
{
	struct sh_tree *t = p->tree;
	if (t->n_errors == SH_ERRORS)
		return;
	struct sh_error e = { sh_pos(p, MIN(at, p->n)), message };
	VEC_PUSH(t->errors, t->n_errors, p->cap_errors, e);
}

void sh_stop(struct sh_parser *p, const char *why)
{
	if (!p->stopped)
		sh_fail(p, p->i, why);
	p->stopped = true;
	p->n = p->i;
}

bool sh_enter(struct sh_parser *p)
{
	if (p->depth >= SH_DEPTH) {
		sh_stop(p, "nested too deeply to be read");
		return false;
	}
	p->depth++;
	return true;
}

bool sh_ends_text(const struct sh_parser *p, u32 i)
{
	return i >= p->n || p->s[i] == '\n';
}

static bool continuation(const struct sh_parser *p)
{
	return sh_cur(p) == '\\' && (sh_peek(p, 1) == '\n' || (sh_peek(p, 1) == '\r' && sh_peek(p, 2) == '\n'));
}

void sh_skip_blanks(struct sh_parser *p)
{
	for (;;) {
		int c = sh_cur(p);
		if (sh_blank(c) || (c == '\r' && sh_ends_text(p, p->i + 1)))
			p->i++;
		else if (continuation(p))
			p->i += sh_peek(p, 1) == '\n' ? 2 : 3;
		else
			return;
	}
}

void sh_skip_space(struct sh_parser *p)
{
	sh_skip_blanks(p);
	if (sh_cur(p) == '#')
		while (!sh_ends_text(p, p->i))
			p->i++;
}

static bool ends_heredoc(struct str line, struct str mark, bool tabs)
{
	while (tabs && line.n && line.p[0] == '\t')
		line = str_from(line, 1);
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	return str_eq(line, mark);
}

/* The position is behind a newline. */
static void read_heredocs(struct sh_parser *p)
{
	for (size_t k = 0; k < p->n_pending && !p->stopped; k++) {
		struct sh_redirect *r = p->pending[k].final ? p->pending[k].final : &p->redirects[p->pending[k].stacked];
		u32 start = p->i, end = p->n, next = p->n;
		bool found = false;
		struct str mark = r->target.text;
		for (u32 at = start; at < p->n && !found; at = next) {
			const char *nl = memchr(p->s + at, '\n', p->n - at);
			u32 eol = nl ? (u32)(nl - p->s) : p->n;
			next = nl ? eol + 1 : eol;
			if (ends_heredoc(sh_slice(p, at, eol), mark, str_is(r->op, "<<-"))) {
				found = true;
				end = at;
			}
		}
		if (found) {
			r->body = sh_slice(p, start, end);
			if (!r->target.quoted) {
				struct sh_word *w = arena_new(p->arena, struct sh_word);
				struct sh_node *owner = p->owner;
				struct sh_pending *rest = p->pending; /* what is read inside has its own */
				size_t n = p->n_pending, cap = p->cap_pending, stacked = p->pending[k].final ? 0 : p->pending[k].stacked;
				bool final = rest[k].final != NULL;
				p->pending = NULL;
				p->n_pending = p->cap_pending = 0;
				p->owner = rest[k].owner;
				sh_read_text(p, end, false, w);
				p->owner = owner;
				free(p->pending);
				p->pending = rest;
				p->n_pending = n;
				p->cap_pending = cap;
				if (!final)
					r = &p->redirects[stacked]; /* the stack may have moved */
				r->expanded = w;
			}
		}
		if (!p->stopped)
			p->i = next;
	}
	p->n_pending = 0;
}

void sh_skip_newlines(struct sh_parser *p)
{
	for (;;) {
		sh_skip_space(p);
		if (sh_cur(p) != '\n')
			return;
		p->i++;
		if (p->n_pending)
			read_heredocs(p);
	}
}
