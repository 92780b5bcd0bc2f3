/* What a shell runs of a Dockerfile.
 *
 *     RUN a && b                  the text behind the flags, run by SHELL
 *     RUN cat <<EOF > f           the same, the here-document and its end behind it: that is what BuildKit hands to the shell
 *     RUN <<EOF                   the here-document, run by SHELL, or by the program of its #! line
 *     RUN bash -e <<EOF           both: the command, and its here-document as a script of its own
 *     RUN ["sh", "-c", "a && b"]  the last string
 *     RUN ["a", "b"]              the words, quoted where a shell needs it */
#include "lint/script.h"
#include "base/buf.h"

struct shell {
	bool posix;
	enum sh_dialect dialect;
	struct str name; /* p NULL: sh */
};

static struct str base_name(struct str s)
{
	for (size_t i = s.n; i > 0; i--)
		if (s.p[i - 1] == '/' || s.p[i - 1] == '\\')
			return str_from(s, i);
	return s;
}

/* Which shell a program is; false: none that we read. */
static bool shell_named(struct str name, enum sh_dialect *dialect)
{
	static const struct {
		const char *name;
		enum sh_dialect dialect;
	} shells[] = { { "sh", SH_POSIX }, { "dash", SH_POSIX }, { "ash", SH_POSIX }, { "busybox", SH_POSIX }, { "bash", SH_BASH }, { "ksh", SH_BASH }, { "mksh", SH_BASH }, { "zsh", SH_BASH } };
	name = base_name(name);
	if (str_ends(name, STR(".exe")))
		name.n -= 4;
	for (size_t i = 0; i < countof(shells); i++)
		if (str_is(name, shells[i].name)) {
			*dialect = shells[i].dialect;
			return true;
		}
	return false;
}

/* `-o pipefail`, `-eo pipefail`, `-euxo pipefail`. */
static bool sets_pipefail(struct str option, struct str value) { return option.n >= 2 && (option.p[0] == '-') && option.p[option.n - 1] == 'o' && str_is(value, "pipefail"); }

/* --- `# hadolint shell=NAME`: holds from its line to the next SHELL or FROM --- */
static struct str pragma_shell(struct str comment)
{
	struct str s = str_trim(str_from(comment, 1));
	if (!str_starts(s, STR("hadolint")))
		return str_n(NULL, 0);
	s = str_from(s, 8);
	struct str rest = str_trim(s);
	if (rest.n == s.n || !str_starts(rest, STR("shell")))
		return str_n(NULL, 0);
	rest = str_trim(str_from(rest, 5));
	if (!rest.n || rest.p[0] != '=')
		return str_n(NULL, 0);
	rest = str_trim(str_from(rest, 1));
	size_t n = 0;
	while (n < rest.n && rest.p[n] != ' ' && rest.p[n] != '\t')
		n++;
	return str_head(rest, n);
}

struct walk {
	struct lint *l;
	u32 cap, comment;
	struct str pragma; /* p NULL: none holds */
	u32 pragma_at;     /* line */
};

static void pragmas_up_to(struct walk *w, const struct df_instruction *i)
{
	const struct df_file *f = &w->l->file;
	for (; w->comment < f->n_comments && f->comments[w->comment].line < i->line; w->comment++) {
		const struct df_span *s = &f->comments[w->comment].span;
		struct str shell = pragma_shell(str_n(f->text.p + s->at, s->end - s->at));
		if (shell.p)
			w->pragma = shell;
	}
	if (i->keyword == DF_FROM) {
		/* one right above the first FROM speaks of the stage that begins: Windows images are marked so */
		bool above = f->n_comments && w->comment && f->comments[w->comment - 1].line + 1 == i->line;
		if (!above || w->l->codes == LINT_HADOLINT)
			w->pragma = str_n(NULL, 0);
	} else if (i->keyword == DF_SHELL) {
		w->pragma = str_n(NULL, 0);
	}
}

static struct shell shell_of(struct walk *w, const struct df_instruction *i, bool *pipefail)
{
	const struct lint *l = w->l;
	const struct df_state *s = l->graph.state ? l->graph.state[i->index] : NULL;
	struct shell sh = { true, SH_POSIX };
	u32 stage = l->graph.stage_of ? l->graph.stage_of[i->index] : DF_NONE;
	if (s && s->shell && s->n_shell) {
		sh.posix = shell_named(s->shell[0], &sh.dialect);
		sh.name = base_name(s->shell[0]);
		for (u32 k = 2; k < s->n_shell; k++)
			*pipefail |= sets_pipefail(s->shell[k - 1], s->shell[k]);
	} else if (stage != DF_NONE && l->graph.stages[stage].windows) {
		sh.posix = false;
	}
	if (w->pragma.p) {
		sh.posix = shell_named(w->pragma, &sh.dialect);
		sh.name = base_name(w->pragma);
	}
	return sh;
}

static bool script_sets_pipefail(const struct lint_script *s)
{
	for (u32 i = 0; i < s->commands.n; i++) {
		const struct sh_command *c = &s->commands.v[i];
		for (u32 k = 1; sh_is(c, "set") && k < c->n_args; k++)
			if (sets_pipefail(c->args[k - 1].text, c->args[k].text))
				return true;
	}
	return false;
}

static struct lint_script *script_add(struct walk *w, const struct df_instruction *in, const struct df_instruction *outer, struct df_text text, struct shell sh, bool pipefail)
{
	struct lint *l = w->l;
	struct lint_script s = { .in = in, .outer = outer, .text = text, .dialect = sh.dialect, .posix = sh.posix, .shell = sh.name.p ? sh.name : STR("sh"), .pipefail = pipefail,
		.stage = l->graph.stage_of ? l->graph.stage_of[outer->index] : DF_NONE };
	if (sh.posix || l->codes == LINT_HADOLINT) {
		sh_parse(text.s, &s.tree);
		sh_commands_of(&s.tree, &s.commands);
		s.pipefail |= script_sets_pipefail(&s);
	}
	VEC_PUSH(l->scripts, l->n_scripts, w->cap, s);
	return &l->scripts[l->n_scripts - 1];
}

/* --- texts --- */
static struct df_text text_of_span(struct arena *a, struct str file, struct df_span span)
{
	struct df_piece *p = arena_new(a, struct df_piece);
	p->file = span.at;
	return (struct df_text){ str_n(file.p + span.at, span.end - span.at), p, span.end > span.at };
}

/* The line as it is, a newline, and everything from the first body to the end of the last one's end mark. */
static struct df_text with_heredocs(struct arena *a, struct str file, const struct df_instruction *i)
{
	struct df_span tail = { i->heredocs[0].body.at, i->span.end };
	if (tail.end < tail.at)
		return i->rest;
	size_t n = i->rest.s.n + 1 + (tail.end - tail.at);
	char *p = arena_alloc(a, n);
	if (i->rest.s.n)
		memcpy(p, i->rest.s.p, i->rest.s.n);
	p[i->rest.s.n] = '\n';
	memcpy(p + i->rest.s.n + 1, file.p + tail.at, tail.end - tail.at);
	struct df_piece *v = arena_array(a, struct df_piece, i->rest.n_pieces + 2);
	for (u32 k = 0; k < i->rest.n_pieces; k++)
		v[k] = i->rest.pieces[k];
	v[i->rest.n_pieces] = (struct df_piece){ (u32)i->rest.s.n, tail.at };
	v[i->rest.n_pieces + 1] = (struct df_piece){ (u32)i->rest.s.n + 1, tail.at };
	return (struct df_text){ str_n(p, n), v, i->rest.n_pieces + 2 };
}

static bool plain_word(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-_./:=,+@%^", c);
		if (!ok || !c)
			return false;
	}
	return s.n > 0;
}

/* The words of a JSON form as a command line. Hadolint puts blanks between and asks no more. */
static struct df_text words_joined(struct arena *a, const struct df_word *v, u32 n, bool quote)
{
	struct buf b = BUF(DF_BYTES);
	struct df_piece *pieces = arena_array(a, struct df_piece, n);
	for (u32 k = 0; k < n; k++) {
		bool plain = !quote || plain_word(v[k].s);
		if (k)
			buf_putc(&b, ' ');
		if (!plain)
			buf_putc(&b, '\'');
		pieces[k] = (struct df_piece){ (u32)b.n, MIN(v[k].span.at + 1, v[k].span.end) };
		for (size_t i = 0; i < v[k].s.n; i++)
			if (!plain && v[k].s.p[i] == '\'')
				buf_puts(&b, "'\\''");
			else
				buf_putc(&b, v[k].s.p[i]);
		if (!plain)
			buf_putc(&b, '\'');
	}
	struct df_text t = { str_n(arena_strdup(a, buf_str(&b)), b.n), pieces, n };
	buf_free(&b);
	return t;
}

/* The first of an instruction's JSON words; HEALTHCHECK has CMD before them. */
static u32 first_word(const struct df_instruction *i) { return i->keyword == DF_HEALTHCHECK ? 1 : 0; }

static void json_script(struct walk *w, const struct df_instruction *i, const struct df_instruction *outer)
{
	struct arena *a = &w->l->file.arena;
	u32 first = MIN(first_word(i), i->n_args), n = i->n_args - first;
	const struct df_word *v = n ? i->args + first : NULL;
	struct shell sh = { true, SH_POSIX };
	bool pipefail = false;
	struct df_text text;
	if (w->l->codes != LINT_HADOLINT && n >= 3 && shell_named(v[0].s, &sh.dialect)) {
		sh.name = base_name(v[0].s);
		for (u32 k = 1; k < n; k++) {
			if (k > 1)
				pipefail |= sets_pipefail(v[k - 1].s, v[k].s);
			if (v[k].s.n >= 2 && v[k].s.p[0] == '-' && v[k].s.p[1] != '-' && str_chr(v[k].s, 'c') && k + 1 < n) {
				text = words_joined(a, &v[k + 1], 1, false);
				script_add(w, i, outer, text, sh, pipefail)->json = true;
				return;
			}
		}
	}
	if (i->keyword != DF_RUN || !n)
		return;
	text = words_joined(a, v, n, w->l->codes != LINT_HADOLINT);
	script_add(w, i, outer, text, sh, false)->json = true;
}

/* --- here-documents --- */
/* `#!/bin/bash -e`: the program that runs the body, and its options. */
static bool hash_bang(struct str body, struct str *program, struct str *options)
{
	if (!str_starts(body, STR("#!")))
		return false;
	struct str rest = str_from(body, 2), line = str_trim(str_cut(&rest, '\n'));
	struct str word = str_cut(&line, ' ');
	if (str_is(base_name(word), "env")) {
		do
			word = line.p ? str_cut(&line, ' ') : str_n("", 0);
		while (line.p && (!word.n || word.p[0] == '-'));
	}
	*program = word;
	*options = line.p ? line : str_n("", 0);
	return true;
}

static void heredoc_script(struct walk *w, const struct df_instruction *i, const struct df_instruction *outer, struct shell sh, bool pipefail)
{
	struct lint *l = w->l;
	const struct df_heredoc *h = &i->heredocs[0];
	struct str program, options;
	if (hash_bang(h->content, &program, &options)) {
		sh.posix = shell_named(program, &sh.dialect);
		sh.name = base_name(program);
		pipefail = false;
		while (options.p) {
			struct str o = str_cut(&options, ' '), next = options;
			pipefail |= next.p && sets_pipefail(o, str_cut(&next, ' '));
		}
	}
	script_add(w, i, outer, text_of_span(&l->file.arena, l->file.text, h->body), sh, pipefail)->heredoc = h;
}

/* `bash -e <<EOF` alone on its line: the body is a script too. */
static void stdin_script(struct walk *w, const struct df_instruction *i, const struct df_instruction *outer)
{
	struct lint *l = w->l;
	const struct lint_script *line = &l->scripts[l->n_scripts - 1];
	const struct sh_command *c = line->commands.v;
	struct shell sh = { true, SH_POSIX };
	bool pipefail = false;
	if (!line->posix || line->commands.n != 1 || i->n_heredocs != 1 || i->heredocs[0].fd != 0 || !shell_named(c->name, &sh.dialect))
		return;
	for (u32 k = 0; k < c->n_args; k++) {
		struct str word = c->args[k].text;
		bool option = word.n && word.p[0] == '-', value = k && sets_pipefail(c->args[k - 1].text, word);
		pipefail |= value;
		if ((!option && !value) || (option && word.n > 1 && word.p[1] != '-' && str_chr(word, 'c')))
			return; /* a script file, or -c: the body is its input */
	}
	sh.name = base_name(c->name);
	script_add(w, i, outer, text_of_span(&l->file.arena, l->file.text, i->heredocs[0].body), sh, pipefail)->heredoc = &i->heredocs[0];
}

/* Whether nothing but here-document marks stands on the line: `RUN <<EOF`, `RUN <<A <<B`. */
static bool only_heredocs(const struct df_instruction *i)
{
	struct str s = str_trim(i->rest.s);
	if (!str_starts(s, STR("<<")) || i->n_heredocs != 1)
		return false;
	struct df_span m = i->heredocs[0].marker;
	u32 start = df_text_at(&i->rest, (u32)(s.p - i->rest.s.p)), last = df_text_at(&i->rest, (u32)(s.p - i->rest.s.p + (long)s.n - 1));
	return start >= m.at && last < m.end;
}

void lint_scripts(struct lint *l)
{
	struct walk w = { .l = l };
	for (u32 k = 0; k < l->file.n_instructions; k++) {
		const struct df_instruction *outer = &l->file.instructions[k];
		const struct df_instruction *i = outer->keyword == DF_ONBUILD && outer->trigger ? outer->trigger : outer;
		pragmas_up_to(&w, outer);
		bool run = i->keyword == DF_RUN, health = i->keyword == DF_HEALTHCHECK && i->n_args && str_ieq(i->args[0].s, STR("CMD"));
		if (outer->bad || i->bad || !(run || health || i->keyword == DF_CMD || i->keyword == DF_ENTRYPOINT))
			continue;
		if (i->json) {
			json_script(&w, i, outer);
			continue;
		}
		bool pipefail = false;
		struct shell sh = shell_of(&w, outer, &pipefail);
		if (run && i->n_heredocs && only_heredocs(i)) {
			heredoc_script(&w, i, outer, sh, pipefail);
		} else if (run && i->n_heredocs) {
			script_add(&w, i, outer, with_heredocs(&l->file.arena, l->file.text, i), sh, pipefail);
			stdin_script(&w, i, outer);
		} else if (i->rest.s.n) {
			script_add(&w, i, outer, i->rest, sh, pipefail);
		}
	}
}

void lint_scripts_free(struct lint *l)
{
	for (u32 i = 0; i < l->n_scripts; i++) {
		sh_commands_free(&l->scripts[i].commands);
		sh_free(&l->scripts[i].tree);
	}
	free(l->scripts);
}
