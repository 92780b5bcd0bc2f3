/* Grammar: lists, pipelines, commands, redirections. */
#include "shell/parser.h"

static struct sh_node *parse_command(struct sh_parser *p);

static struct sh_node *node_new(struct sh_parser *p, enum sh_kind kind, u32 at)
{
	if (++p->nodes > SH_NODES)
		sh_stop(p, "more commands than can be read");
	struct sh_node *n = arena_new(p->arena, struct sh_node);
	n->kind = kind;
	n->at = sh_pos(p, at);
	n->end = n->at;
	return n;
}

/* --- reserved words --- */

/* The unquoted letters up to what ends a word, "" when there is anything else in it or it is too long to be reserved. */
static struct str reserved_at(const struct sh_parser *p)
{
	u32 k = 0;
	for (; k < 10; k++) {
		int c = sh_peek(p, k);
		if (sh_meta(c) || (c == '\r' && sh_ends_text(p, p->i + k + 1)))
			return sh_slice(p, p->i, p->i + k);
		if (!((c >= 'a' && c <= 'z') || c == '{' || c == '}' || c == '!' || c == '[' || c == ']'))
			break;
	}
	return STR("");
}

static bool at_word(const struct sh_parser *p, const char *word) { return str_is(reserved_at(p), word); }

static bool take_word(struct sh_parser *p, const char *word)
{
	if (!at_word(p, word))
		return false;
	p->i += (u32)strlen(word);
	return true;
}

static const char *const closers[] = { "then", "do", "done", "fi", "else", "elif", "esac", "}" };

static const char *closer_at(const struct sh_parser *p)
{
	struct str w = reserved_at(p);
	for (u32 k = 0; w.n && k < countof(closers); k++)
		if (str_is(w, closers[k]))
			return closers[k];
	return NULL;
}

static bool list_ends(const struct sh_parser *p)
{
	int c = sh_cur(p);
	return c < 0 || c == ')' || (c == ';' && (sh_peek(p, 1) == ';' || sh_peek(p, 1) == '&')) || closer_at(p);
}

/* --- children --- */

struct chain {
	struct sh_node *first, *last;
	u32 n;
};

static void chain_add(struct chain *c, struct sh_node *n)
{
	if (c->last)
		c->last->next = n;
	else
		c->first = n;
	c->last = n;
	c->n++;
}

static void adopt(struct sh_node *parent, struct sh_node *first)
{
	parent->child = first;
	for (struct sh_node *n = first; n; n = (struct sh_node *)n->next)
		n->parent = parent;
}

/* A node over them; the only one itself. */
static struct sh_node *chain_close(struct sh_parser *p, struct chain *c, enum sh_kind kind)
{
	if (c->n < 2)
		return c->first;
	struct sh_node *n = node_new(p, kind, p->i);
	n->at = c->first->at;
	n->end = c->last->end;
	adopt(n, c->first);
	return n;
}

/* A part of a compound command: never nothing, so that parts can be counted. */
static struct sh_node *part_of(struct sh_parser *p, const char *empty)
{
	sh_skip_newlines(p);
	u32 at = p->i;
	struct sh_node *n = sh_parse_list(p);
	if (n)
		return n;
	if (empty && !p->stopped)
		sh_fail(p, at, empty);
	return node_new(p, SH_LIST, at);
}

static void end_at(struct sh_parser *p, struct sh_node *n) { n->end = MAX(n->at, sh_pos(p, p->i)); }

static void expect(struct sh_parser *p, const char *word, u32 at, const char *message)
{
	sh_skip_newlines(p);
	if (!take_word(p, word) && !p->stopped)
		sh_fail(p, at, message);
}

/* --- redirections --- */

static const char *redirect_at(const struct sh_parser *p)
{
	static const char *const ops[] = { "<<<", "<<-", "<<", "<&", "<>", "<", ">>", ">&", ">|", ">", "&>>", "&>" };
	int c = sh_cur(p);
	if (c != '<' && c != '>' && c != '&')
		return NULL;
	if (c != '&' && sh_peek(p, 1) == '(')
		return NULL;
	for (u32 k = 0; k < countof(ops); k++)
		if (str_starts(sh_slice(p, p->i, p->n), str_of(ops[k])))
			return ops[k];
	return NULL;
}

/* Digits, or {name}, right in front of an operator. */
static u32 redirect_prefix(const struct sh_parser *p, s32 *fd)
{
	u32 k = 0;
	*fd = -1;
	if (sh_digit(sh_cur(p))) {
		for (*fd = 0; sh_digit(sh_peek(p, k)); k++)
			*fd = MIN(*fd, 100000) * 10 + sh_peek(p, k) - '0';
	} else if (sh_cur(p) == '{' && sh_name_start(sh_peek(p, 1))) {
		for (k = 2; sh_name_char(sh_peek(p, k)); k++)
			;
		k = sh_peek(p, k) == '}' ? k + 1 : 0;
	}
	int c = sh_peek(p, k);
	return k && (c == '<' || c == '>') && sh_peek(p, k + 1) != '(' ? k : 0;
}

static bool try_redirect(struct sh_parser *p, struct sh_node *owner)
{
	s32 fd;
	u32 start = p->i, prefix = redirect_prefix(p, &fd);
	p->i += prefix;
	const char *op = redirect_at(p);
	if (!op) {
		p->i = start;
		return false;
	}
	struct sh_redirect r = { .at = sh_pos(p, start), .op = str_of(op), .fd = prefix ? fd : -1 };
	p->i += (u32)r.op.n;
	sh_skip_blanks(p);
	if (!sh_read_word(p, SH_WORD_PLAIN, &r.target) && !p->stopped)
		sh_fail(p, start, "a redirection names no file");
	r.end = MAX(sh_pos(p, p->i), r.at);
	VEC_PUSH(p->redirects, p->n_redirects, p->cap_redirects, r);
	if (r.op.p[0] == '<' && r.op.n > 1 && r.op.p[1] == '<' && !str_is(r.op, "<<<")) {
		struct sh_pending d = { NULL, (u32)p->n_redirects - 1, owner };
		VEC_PUSH(p->pending, p->n_pending, p->cap_pending, d);
	}
	owner->end = r.end;
	return true;
}

/* What lies on the stacks since the node began becomes its own. */
struct marks {
	size_t words, assigns, redirects, pending;
	struct sh_node *owner;
};

static struct marks begin(struct sh_parser *p, struct sh_node *n)
{
	struct marks m = { p->n_words, p->n_assigns, p->n_redirects, p->n_pending, p->owner };
	p->owner = n;
	return m;
}

#define TAKE(field, T)                                                                          \
	if (p->n_##field > m.field) {                                                           \
		n->n_##field = (u32)(p->n_##field - m.field);                                   \
		T *v = arena_alloc(p->arena, sizeof *v * n->n_##field);                         \
		memcpy(v, p->field + m.field, sizeof *v * n->n_##field);                        \
		n->field = v;                                                                   \
		p->n_##field = m.field;                                                         \
	}

static void finish(struct sh_parser *p, struct sh_node *n, struct marks m)
{
	TAKE(words, struct sh_word)
	TAKE(assigns, struct sh_assign)
	TAKE(redirects, struct sh_redirect)
	for (size_t k = MIN(m.pending, p->n_pending); k < p->n_pending; k++)
		if (p->pending[k].owner == n && !p->pending[k].final)
			p->pending[k].final = (struct sh_redirect *)&n->redirects[p->pending[k].stacked - m.redirects];
	p->owner = m.owner;
}

static bool add_word(struct sh_parser *p, u32 flags)
{
	struct sh_word w;
	if (!sh_read_word(p, flags, &w))
		return false;
	VEC_PUSH(p->words, p->n_words, p->cap_words, w);
	return true;
}

/* --- simple commands --- */

/* NAME=, NAME+=, NAME[index]= : length of what stands before the value, 0 when it is none. */
static u32 assignment_at(struct sh_parser *p, u32 *name, bool *append)
{
	u32 k = 0;
	if (!sh_name_start(sh_cur(p)))
		return 0;
	while (sh_name_char(sh_peek(p, k)))
		k++;
	*name = k;
	if (sh_peek(p, k) == '[') {
		u32 depth = 0;
		for (;; k++) {
			int c = sh_peek(p, k);
			if (c < 0 || c == '\n' || p->budget == 0)
				return 0;
			p->budget--;
			if (c == '[')
				depth++;
			else if (c == ']' && --depth == 0)
				break;
		}
		k++;
	}
	*append = sh_peek(p, k) == '+';
	if (*append)
		k++;
	return sh_peek(p, k) == '=' ? k + 1 : 0;
}

static bool try_assignment(struct sh_parser *p)
{
	u32 start = p->i, name = 0;
	bool append;
	u32 n = assignment_at(p, &name, &append);
	if (n == 0)
		return false;
	struct sh_assign a = { .at = sh_pos(p, start), .name = sh_slice(p, start, start + name), .append = append };
	p->i += n;
	if (sh_cur(p) == '(') {
		a.array = true;
		p->i++;
		a.value = (struct sh_word){ .at = sh_pos(p, p->i), .end = sh_pos(p, p->i), .source = STR(""), .text = STR(""), .literal = true };
		if (sh_enter(p)) {
			sh_read_array(p, &a.items, &a.n_items);
			sh_leave(p);
		}
	} else {
		sh_read_word(p, SH_WORD_VALUE, &a.value);
	}
	a.end = sh_pos(p, p->i);
	VEC_PUSH(p->assigns, p->n_assigns, p->cap_assigns, a);
	return true;
}

static bool declares(struct str name)
{
	static const char *const names[] = { "declare", "typeset", "local", "export", "readonly" };
	for (u32 k = 0; k < countof(names); k++)
		if (str_is(name, names[k]))
			return true;
	return false;
}

/* `()` behind a first word that is a name: a function. */
static bool function_follows(const struct sh_parser *p, u32 *len)
{
	u32 k = 0;
	while (sh_blank(sh_peek(p, k)))
		k++;
	if (sh_peek(p, k) != '(')
		return false;
	k++;
	while (sh_blank(sh_peek(p, k)))
		k++;
	*len = k + 1;
	return sh_peek(p, k) == ')';
}

static struct sh_node *function_body(struct sh_parser *p, struct sh_node *n)
{
	sh_skip_newlines(p);
	u32 at = p->i;
	struct sh_node *body = parse_command(p);
	if ((!body || body->kind == SH_SIMPLE) && !p->stopped)
		sh_fail(p, at, "a function has no body");
	if (body) {
		adopt(n, body);
		n->end = body->end;
	}
	return n;
}

static struct sh_node *parse_simple(struct sh_parser *p)
{
	u32 start = p->i, len = 0;
	struct sh_node *n = node_new(p, SH_SIMPLE, start);
	struct marks m = begin(p, n);
	u32 flags = SH_WORD_PLAIN;
	for (;; sh_skip_blanks(p)) {
		if (sh_cur(p) == '#' && (p->i == start || sh_blank(p->s[p->i - 1])))
			break; /* a comment: the list skips it */
		if (try_redirect(p, n))
			continue;
		bool first = p->n_words == m.words;
		if (!(first && try_assignment(p)) && !add_word(p, flags))
			break;
		end_at(p, n);
		if (first && p->n_words > m.words) {
			const struct sh_word *w = &p->words[m.words];
			if (declares(w->text))
				flags = SH_WORD_DECL;
			if (p->n_assigns == m.assigns && p->n_redirects == m.redirects && !w->quoted && w->literal && function_follows(p, &len)) {
				n->kind = SH_FUNCTION;
				n->name = w->source;
				p->n_words = m.words;
				p->i += len;
				end_at(p, n);
				finish(p, n, m);
				return function_body(p, n);
			}
		}
	}
	finish(p, n, m);
	if (n->n_words || n->n_assigns || n->n_redirects)
		return n;
	return NULL;
}

/* --- compound commands --- */

/* Redirections behind a compound command. */
static struct sh_node *with_redirects(struct sh_parser *p, struct sh_node *n)
{
	struct marks m = begin(p, n);
	for (;;) {
		u32 at = p->i;
		sh_skip_blanks(p);
		if (!try_redirect(p, n)) {
			p->i = p->stopped ? p->i : at;
			break;
		}
	}
	const struct sh_word *words = n->words;
	u32 n_words = n->n_words;
	finish(p, n, m);
	n->words = words;
	n->n_words = n_words;
	return n;
}

static struct sh_node *parse_if(struct sh_parser *p)
{
	u32 start = p->i;
	struct sh_node *n = node_new(p, SH_IF, start);
	struct chain c = { 0 };
	p->i += 2;
	do {
		chain_add(&c, part_of(p, "an if has no condition"));
		c.last->condition = true;
		expect(p, "then", start, "an if has no then");
		chain_add(&c, part_of(p, "a then is empty"));
		sh_skip_newlines(p);
	} while (take_word(p, "elif"));
	if (take_word(p, "else"))
		chain_add(&c, part_of(p, "an else is empty"));
	adopt(n, c.first);
	expect(p, "fi", start, "an if has no fi");
	end_at(p, n);
	return n;
}

static void parse_do(struct sh_parser *p, u32 start, struct chain *c)
{
	sh_skip_newlines(p);
	if (take_word(p, "{")) {
		chain_add(c, part_of(p, "a loop does nothing"));
		expect(p, "}", start, "a loop has no end");
		return;
	}
	expect(p, "do", start, "a loop has no do");
	chain_add(c, part_of(p, "a loop does nothing"));
	expect(p, "done", start, "a loop has no done");
}

static struct sh_node *parse_while(struct sh_parser *p, enum sh_kind kind)
{
	u32 start = p->i;
	struct sh_node *n = node_new(p, kind, start);
	struct chain c = { 0 };
	p->i += 5;
	chain_add(&c, part_of(p, "a loop has no condition"));
	c.last->condition = true;
	parse_do(p, start, &c);
	adopt(n, c.first);
	end_at(p, n);
	return n;
}

static void read_arith_word(struct sh_parser *p, u32 end)
{
	struct sh_word w;
	sh_read_text(p, end, true, &w);
	VEC_PUSH(p->words, p->n_words, p->cap_words, w);
	if (!p->stopped)
		p->i = end + 2;
}

static struct sh_node *parse_for(struct sh_parser *p, enum sh_kind kind)
{
	u32 start = p->i, end;
	struct sh_node *n = node_new(p, kind, start);
	struct chain c = { 0 };
	struct marks m = begin(p, n);
	p->i += kind == SH_FOR ? 3 : 6;
	sh_skip_space(p);
	if (sh_cur(p) == '(' && sh_peek(p, 1) == '(' && (p->i += 2, sh_scan_arithmetic(p, p->i, &end))) {
		n->kind = SH_ARITH_FOR;
		read_arith_word(p, end);
		sh_skip_space(p);
		if (sh_cur(p) == ';')
			p->i++;
	} else {
		u32 at = p->i;
		while (sh_name_char(sh_cur(p)))
			p->i++;
		n->name = sh_slice(p, at, p->i);
		if (!sh_is_name(n->name) && !p->stopped) {
			sh_fail(p, start, "a for has no name");
			struct sh_word skipped;
			sh_read_word(p, SH_WORD_PLAIN, &skipped);
		}
		sh_skip_newlines(p);
		if (take_word(p, "in"))
			do {
				sh_skip_blanks(p);
			} while (!(sh_cur(p) == '#') && add_word(p, SH_WORD_PLAIN));
		sh_skip_space(p);
		if (sh_cur(p) == ';' && sh_peek(p, 1) != ';')
			p->i++;
	}
	finish(p, n, m);
	parse_do(p, start, &c);
	adopt(n, c.first);
	end_at(p, n);
	return n;
}

static struct sh_node *parse_case_item(struct sh_parser *p)
{
	struct sh_node *n = node_new(p, SH_CASE_ITEM, p->i);
	u32 start = p->i;
	struct marks m = begin(p, n);
	if (sh_cur(p) == '(')
		p->i++;
	do {
		sh_skip_blanks(p);
		if (!add_word(p, SH_WORD_PLAIN) && !p->stopped)
			sh_fail(p, p->i, "a case has no pattern");
		sh_skip_blanks(p);
	} while (sh_cur(p) == '|' && p->i++ < p->n);
	finish(p, n, m);
	if (sh_cur(p) == ')')
		p->i++;
	else if (!p->stopped)
		sh_fail(p, start, "a case pattern has no )");
	end_at(p, n);
	struct sh_node *body = sh_parse_list(p);
	if (body) {
		adopt(n, body);
		n->end = body->end;
	}
	return n;
}

static struct sh_node *parse_case(struct sh_parser *p)
{
	u32 start = p->i;
	struct sh_node *n = node_new(p, SH_CASE, start);
	struct chain c = { 0 };
	struct marks m = begin(p, n);
	p->i += 4;
	sh_skip_space(p);
	if (!add_word(p, SH_WORD_PLAIN) && !p->stopped)
		sh_fail(p, start, "a case has no subject");
	finish(p, n, m);
	expect(p, "in", start, "a case has no in");
	for (;;) {
		sh_skip_newlines(p);
		if (sh_cur(p) < 0 || at_word(p, "esac"))
			break;
		u32 before = p->i;
		struct sh_node *item = parse_case_item(p);
		chain_add(&c, item);
		sh_skip_newlines(p);
		if (sh_cur(p) == ';' && (sh_peek(p, 1) == ';' || sh_peek(p, 1) == '&')) {
			p->i += 2;
			if (p->s[p->i - 1] == ';' && sh_cur(p) == '&')
				p->i++;
		} else if (!at_word(p, "esac")) {
			if (sh_cur(p) == ')' || p->i == before)
				p->i += p->i < p->n;
			else if (sh_cur(p) >= 0)
				break;
		}
	}
	adopt(n, c.first);
	expect(p, "esac", start, "a case has no esac");
	end_at(p, n);
	return n;
}

static struct sh_node *parse_group(struct sh_parser *p, bool subshell)
{
	u32 start = p->i++;
	struct sh_node *n = node_new(p, subshell ? SH_SUBSHELL : SH_GROUP, start);
	adopt(n, part_of(p, subshell ? "( ) is empty" : "{ } is empty"));
	if (!subshell) {
		expect(p, "}", start, "{ is not closed");
	} else {
		sh_skip_newlines(p);
		if (sh_cur(p) == ')')
			p->i++;
		else if (!p->stopped)
			sh_fail(p, start, "( is not closed");
	}
	end_at(p, n);
	return n;
}

static struct sh_node *parse_arith(struct sh_parser *p, u32 end)
{
	struct sh_node *n = node_new(p, SH_ARITH, p->i);
	struct marks m = begin(p, n);
	p->i += 2;
	read_arith_word(p, end);
	finish(p, n, m);
	end_at(p, n);
	return n;
}

static void operator_word(struct sh_parser *p, u32 len)
{
	u32 at = p->i;
	p->i += len;
	struct sh_part *part = arena_new(p->arena, struct sh_part);
	*part = (struct sh_part){ .kind = SH_LITERAL, .at = sh_pos(p, at), .end = sh_pos(p, p->i), .text = sh_slice(p, at, p->i) };
	struct sh_word w = { .at = part->at, .end = part->end, .source = part->text, .text = part->text, .literal = true, .parts = part, .n_parts = 1 };
	VEC_PUSH(p->words, p->n_words, p->cap_words, w);
}

static struct sh_node *parse_cond(struct sh_parser *p)
{
	u32 start = p->i;
	struct sh_node *n = node_new(p, SH_COND, start);
	struct marks m = begin(p, n);
	p->i += 2;
	for (bool regex = false;;) {
		sh_skip_newlines(p);
		int c = sh_cur(p);
		if (take_word(p, "]]"))
			break;
		if (c < 0 || c == ';' || ((c == '&' || c == '|') && sh_peek(p, 1) != c)) {
			if (!p->stopped)
				sh_fail(p, start, "[[ is not closed");
			break;
		}
		if (c == '&' || c == '|')
			operator_word(p, 2);
		else if (!regex && (c == '(' || c == ')' || ((c == '<' || c == '>') && sh_peek(p, 1) != '(')))
			operator_word(p, 1);
		else if (!add_word(p, regex ? SH_WORD_REGEX : SH_WORD_PLAIN))
			operator_word(p, 1);
		regex = p->n_words > m.words && str_is(p->words[p->n_words - 1].source, "=~");
	}
	finish(p, n, m);
	end_at(p, n);
	return n;
}

static struct sh_node *parse_function(struct sh_parser *p)
{
	struct sh_node *n = node_new(p, SH_FUNCTION, p->i);
	struct sh_word w;
	u32 len;
	p->i += 8;
	sh_skip_space(p);
	if (!sh_read_word(p, SH_WORD_PLAIN, &w) && !p->stopped)
		sh_fail(p, p->i, "a function has no name");
	n->name = w.source;
	if (function_follows(p, &len))
		p->i += len;
	end_at(p, n);
	return function_body(p, n);
}

static struct sh_node *parse_coproc(struct sh_parser *p)
{
	struct sh_node *n = node_new(p, SH_COPROC, p->i);
	p->i += 6;
	sh_skip_space(p);
	u32 at = p->i;
	while (sh_name_char(sh_cur(p)))
		p->i++;
	struct str name = sh_slice(p, at, p->i);
	sh_skip_blanks(p);
	struct str next = reserved_at(p);
	if (sh_is_name(name) && reserved_at(p).n && (str_is(next, "{") || str_is(next, "while") || str_is(next, "if") || str_is(next, "for")))
		n->name = name;
	else if (!(sh_is_name(name) && sh_cur(p) == '('))
		p->i = p->stopped ? p->i : at;
	struct sh_node *child = parse_command(p);
	if (child)
		adopt(n, child);
	else if (!p->stopped)
		sh_fail(p, at, "coproc runs nothing");
	n->end = child ? child->end : n->end;
	return n;
}

static struct sh_node *parse_compound(struct sh_parser *p)
{
	u32 end;
	if (sh_cur(p) == '(') {
		if (sh_peek(p, 1) == '(' && sh_scan_arithmetic(p, p->i + 2, &end))
			return parse_arith(p, end);
		return parse_group(p, true);
	}
	struct str w = reserved_at(p);
	if (w.n == 0)
		return NULL;
	if (str_is(w, "if"))
		return parse_if(p);
	if (str_is(w, "while"))
		return parse_while(p, SH_WHILE);
	if (str_is(w, "until"))
		return parse_while(p, SH_UNTIL);
	if (str_is(w, "for"))
		return parse_for(p, SH_FOR);
	if (str_is(w, "select"))
		return parse_for(p, SH_SELECT);
	if (str_is(w, "case"))
		return parse_case(p);
	if (str_is(w, "{"))
		return parse_group(p, false);
	if (str_is(w, "[["))
		return parse_cond(p);
	return NULL;
}

static struct sh_node *parse_command(struct sh_parser *p)
{
	sh_skip_space(p);
	if (list_ends(p) || !sh_enter(p))
		return NULL;
	struct sh_node *n;
	if (at_word(p, "function"))
		n = parse_function(p);
	else if (at_word(p, "coproc"))
		n = parse_coproc(p);
	else if ((n = parse_compound(p)))
		n = with_redirects(p, n);
	else
		n = parse_simple(p);
	sh_leave(p);
	return n;
}

/* --- pipelines and lists --- */

/* `time` in front of a compound command is the shell's own; in front of a simple one it is read as a command. */
static void skip_time(struct sh_parser *p)
{
	u32 at = p->i;
	if (!take_word(p, "time"))
		return;
	sh_skip_blanks(p);
	if (str_starts(sh_slice(p, p->i, p->n), STR("-p "))) {
		p->i += 2;
		sh_skip_blanks(p);
	}
	static const char *const compound[] = { "if", "while", "until", "for", "case", "{", "[[", "!" };
	struct str w = reserved_at(p);
	for (u32 k = 0; w.n && k < countof(compound); k++)
		if (str_is(w, compound[k]))
			return;
	if (sh_cur(p) != '(')
		p->i = at;
}

static struct sh_node *parse_pipeline(struct sh_parser *p)
{
	struct chain c = { 0 };
	bool negated = false;
	sh_skip_space(p);
	u32 start = p->i;
	skip_time(p);
	for (; at_word(p, "!") || (sh_cur(p) == '!' && sh_peek(p, 1) == '('); sh_skip_space(p)) {
		negated = !negated;
		p->i++;
	}
	for (enum sh_op op = SH_OP_NONE;;) {
		struct sh_node *n = parse_command(p);
		if (!n) {
			if ((op || negated) && !p->stopped)
				sh_fail(p, p->i, op ? "a pipe leads nowhere" : "! negates nothing");
			break;
		}
		n->op = op;
		chain_add(&c, n);
		sh_skip_space(p);
		if (sh_cur(p) != '|' || sh_peek(p, 1) == '|')
			break;
		op = sh_peek(p, 1) == '&' ? SH_OP_PIPE_AMP : SH_OP_PIPE;
		p->i += op == SH_OP_PIPE ? 1 : 2;
		sh_skip_newlines(p);
	}
	struct sh_node *n = chain_close(p, &c, SH_PIPELINE);
	if (n && n->kind != SH_PIPELINE)
		n->op = SH_OP_NONE;
	if (n && negated)
		n->negated = true;
	if (n)
		n->at = MIN(n->at, sh_pos(p, start));
	return n;
}

static struct sh_node *parse_andor(struct sh_parser *p)
{
	struct chain c = { 0 };
	for (enum sh_op op = SH_OP_NONE;;) {
		struct sh_node *n = parse_pipeline(p);
		if (!n) {
			if (op && !p->stopped)
				sh_fail(p, p->i, op == SH_OP_AND ? "&& leads nowhere" : "|| leads nowhere");
			break;
		}
		n->op = op;
		chain_add(&c, n);
		sh_skip_space(p);
		int ch = sh_cur(p);
		if ((ch != '&' && ch != '|') || sh_peek(p, 1) != ch)
			break;
		op = ch == '&' ? SH_OP_AND : SH_OP_OR;
		p->i += 2;
		sh_skip_newlines(p);
	}
	struct sh_node *n = chain_close(p, &c, SH_ANDOR);
	if (n)
		n->op = SH_OP_NONE;
	return n;
}

/* What cannot begin a command is told and passed over. */
static void unexpected(struct sh_parser *p)
{
	int c = sh_cur(p);
	static const char *const what[] = { "a ; where a command should be", "an & where a command should be", "a | where a command should be",
		"a ) that closes nothing", "something a shell would not take here" };
	sh_fail(p, p->i, what[c == ';' ? 0 : c == '&' ? 1 : c == '|' ? 2 : c == ')' ? 3 : 4]);
	p->i += (c == '&' || c == '|' || c == ';') && sh_peek(p, 1) == c ? 2 : 1;
}

struct sh_node *sh_parse_list(struct sh_parser *p)
{
	struct chain c = { 0 };
	if (!sh_enter(p))
		return NULL;
	for (;;) {
		sh_skip_newlines(p);
		if (list_ends(p))
			break;
		struct sh_node *n = parse_andor(p);
		if (!n) {
			if (sh_cur(p) >= 0 && !list_ends(p))
				unexpected(p);
			continue;
		}
		chain_add(&c, n);
		sh_skip_space(p);
		int ch = sh_cur(p);
		if (ch == ';' && sh_peek(p, 1) != ';' && sh_peek(p, 1) != '&') {
			n->op = SH_OP_SEMI;
			p->i++;
		} else if (ch == '&') {
			n->op = SH_OP_AMP;
			p->i++;
		} else if (ch == '\n') {
			n->op = SH_OP_NEWLINE;
		} else if (!list_ends(p)) {
			sh_fail(p, p->i, ch == '(' ? "a ( where none can be" : "two commands without a separator");
		}
	}
	sh_leave(p);
	return chain_close(p, &c, SH_LIST);
}

static const char *stray(const char *word)
{
	static const char *const messages[] = { "a then without if", "a do without loop", "a done without loop", "a fi without if", "an else without if",
		"an elif without if", "an esac without case", "a } that closes nothing" };
	for (u32 k = 0; k < countof(closers); k++)
		if (closers[k] == word)
			return messages[k];
	return "";
}

struct sh_node *sh_parse_script(struct sh_parser *p)
{
	struct chain c = { 0 };
	for (;;) {
		struct sh_node *n = sh_parse_list(p);
		if (n)
			chain_add(&c, n);
		if (sh_cur(p) < 0)
			break;
		const char *word = closer_at(p);
		if (!word) {
			unexpected(p);
			continue;
		}
		sh_fail(p, p->i, stray(word));
		p->i += (u32)strlen(word);
	}
	return chain_close(p, &c, SH_LIST);
}

void sh_parse(struct str text, struct sh_tree *ret)
{
	*ret = (struct sh_tree){ .text = text };
	struct sh_parser p = { .tree = ret, .arena = &ret->arena, .s = text.p, .n = (u32)MIN(text.n, SH_BYTES) };
	p.budget = 32 * (u64)p.n + 1024;
	ret->arena.next = MIN(512 + 16 * (size_t)p.n, (size_t)4096); /* files of many small scripts must not cost a page each */
	if (text.n > SH_BYTES)
		sh_fail(&p, p.n, "longer than can be read");
	ret->root = sh_parse_script(&p);
	free(p.parts);
	free(p.words);
	free(p.assigns);
	free(p.redirects);
	free(p.pending);
}

void sh_free(struct sh_tree *t)
{
	arena_free(&t->arena);
	free(t->errors);
	*t = (struct sh_tree){ 0 };
}
