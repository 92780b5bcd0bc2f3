#include "program/script.h"
#include "shell/command.h"

bool script_is_shell(struct str name)
{
	static const char *const shells[] = { "sh", "bash", "dash", "ash", "rbash", "ksh", "ksh93", "mksh", "oksh", "zsh", "yash", "openrc-run", "runscript", NULL };
	return str_listed(str_base(name), shells);
}

u32 script_line(struct str line, struct str *words)
{
	u32 n = 0;
	if (!str_starts(line, STR("#!")))
		return 0;
	line = str_from(line, 2);
	while (line.n && n < SCRIPT_WORDS) {
		size_t i = 0;
		while (i < line.n && line.p[i] != ' ' && line.p[i] != '\t')
			i++;
		if (i)
			words[n++] = str_head(line, i);
		line = str_from(line, i + 1);
	}
	return n;
}

/* --- the commands of a shell's text --- */
#define VARIABLES 64u

struct variable {
	struct str name, value;
	bool bad; /* set more than once, or to what is not plain text */
};

struct commands {
	struct variable v[VARIABLES];
	u32 n;
	bool arguments, computed, cut;
	struct buf lines;
};

static void set(struct commands *c, struct str name, struct str value, bool plain)
{
	u32 k = 0;
	while (k < c->n && !str_eq(c->v[k].name, name))
		k++;
	if (k == VARIABLES)
		return;
	bool again = k < c->n;
	c->n += !again;
	c->v[k] = (struct variable){ name, value, again || !plain };
}

static void assign(void *ctx, const struct sh_node *n)
{
	for (u32 i = 0; i < n->n_assigns; i++) {
		const struct sh_assign *a = &n->assigns[i];
		set(ctx, a->name, a->value.text, !a->append && !a->array && a->value.literal && !str_chr(a->value.text, '\n'));
	}
	if (n->kind == SH_FOR || n->kind == SH_SELECT) /* a loop's variable has many values */
		set(ctx, n->name, STR(""), false);
}

static void seek(void *ctx, const struct sh_word *w, const struct sh_part *part, bool quoted)
{
	(void)w, (void)quoted;
	struct commands *c = ctx;
	if (part->kind == SH_PARAM && (str_is(part->name, "@") || str_is(part->name, "*") || str_is(part->name, "1")))
		c->arguments = true;
}

/* "$@" by itself: what it stands for is known elsewhere. */
static bool is_arguments(const struct sh_word *w)
{
	const struct sh_part *p = w->n_parts == 1 ? w->parts : NULL;
	if (p && p->kind == SH_DOUBLE)
		p = p->n_parts == 1 ? p->parts : NULL;
	return p && p->kind == SH_PARAM && (str_is(p->name, "@") || str_is(p->name, "*"));
}

/* One part of a word into out; false: it cannot be told here. */
static bool put_part(const struct commands *c, const struct sh_part *p, struct buf *out)
{
	if (p->kind == SH_LITERAL || p->kind == SH_QUOTED_CHAR || p->kind == SH_SINGLE || p->kind == SH_DOLLAR_SINGLE) {
		buf_add(out, p->text);
		return true;
	}
	for (u32 k = 0; p->kind == SH_PARAM && !p->op.n && !p->index.p && k < c->n; k++)
		if (str_eq(c->v[k].name, p->name) && !c->v[k].bad) {
			buf_add(out, c->v[k].value);
			return true;
		}
	return false;
}

static void put_word(struct commands *c, const struct sh_word *w)
{
	size_t at = c->lines.n;
	bool known = true;
	for (u32 i = 0; i < w->n_parts && known; i++) {
		const struct sh_part *p = &w->parts[i];
		if (p->kind == SH_DOUBLE)
			for (u32 k = 0; k < p->n_parts && known; k++)
				known = put_part(c, &p->parts[k], &c->lines);
		else
			known = put_part(c, p, &c->lines);
	}
	if (!known) {
		c->lines.n = at;
		buf_putc(&c->lines, SCRIPT_RS);
		buf_add(&c->lines, w->text);
	}
	for (size_t i = at + !known; i < c->lines.n; i++) /* a word of several lines is no program's name */
		if (c->lines.p[i] == '\n' || c->lines.p[i] == SCRIPT_US || !c->lines.p[i])
			c->lines.p[i] = ' ';
}

static void put_command(struct commands *c, const struct sh_word *words, u32 n)
{
	if (!n || c->cut || is_arguments(words))
		return;
	buf_putc(&c->lines, '=');
	for (u32 i = 0; i < n && i < SCRIPT_WORDS; i++) {
		if (i)
			buf_putc(&c->lines, SCRIPT_US);
		put_word(c, &words[i]);
	}
	buf_putc(&c->lines, '\n');
	c->cut |= c->lines.n > SCRIPT_NOTE;
}

static void put_sourced(struct commands *c, const struct sh_word *w)
{
	if (!w->literal || str_chr(w->text, '\n')) {
		c->computed = true;
		return;
	}
	buf_putc(&c->lines, '.');
	buf_add(&c->lines, w->text);
	buf_putc(&c->lines, '\n');
	c->cut |= c->lines.n > SCRIPT_NOTE;
}

/* What a shell does by itself starts nothing; a program of the same name is not what is meant. */
static bool is_builtin(struct str name)
{
	static const char *const builtins[] = { "", ":", "[", "alias", "bg", "break", "cd", "continue", "declare", "dirs", "echo", "exit", "export", "false", "fg", "getopts", "hash", "jobs", "kill", "let", "local",
		"popd", "printf", "pushd", "pwd", "read", "readonly", "return", "shift", "shopt", "test", "times", "trap", "true", "type", "typeset", "ulimit", "umask", "unalias", "unset", "wait", "builtin", NULL };
	return str_listed(name, builtins);
}

static void one(struct commands *c, const struct sh_command *k)
{
	for (u32 i = 0; i < k->n_args; i++)
		sh_each_part(&k->args[i], seek, c);
	sh_each_part(k->word, seek, c);
	if (str_is(k->name, "eval")) {
		c->computed |= k->n_args > 0;
	} else if (str_is(k->name, ".") || str_is(k->name, "source")) {
		if (k->n_args)
			put_sourced(c, &k->args[0]);
	} else if (str_is(k->name, "set")) { /* set -- nginx "$@": what is started later on */
		if (k->n_args > 1 && str_is(k->args[0].text, "--"))
			put_command(c, k->args + 1, k->n_args - 1);
	} else if (!is_builtin(k->name) && !k->wraps) {
		put_command(c, k->word, 1 + k->n_args);
	} else if (k->wraps && !str_is(k->name, "exec") && !str_is(k->name, "command")) {
		put_command(c, k->word, 1);
	}
}

/* read X, export X=y: what it holds from then on is not known here. */
static void forget(struct commands *c, const struct sh_command *k)
{
	static const char *const setters[] = { "read", "mapfile", "readarray", "getopts", "export", "local", "declare", "typeset", "readonly", "printf", "unset", NULL };
	for (u32 i = 0; i < k->n_args && str_listed(k->name, setters); i++) {
		struct str name = k->args[i].text;
		set(c, str_cut(&name, '='), STR(""), false);
	}
}

void script_commands(struct str text, struct buf *note)
{
	struct sh_tree t;
	struct sh_commands list;
	struct commands c = { .lines = BUF(0) };
	c.cut = text.n > SCRIPT_BYTES;
	sh_parse(str_head(text, SCRIPT_BYTES), &t);
	sh_commands_of(&t, &list);
	if (t.root)
		sh_each(t.root, assign, &c);
	for (u32 i = 0; i < list.n; i++)
		forget(&c, &list.v[i]);
	c.computed |= t.n_errors > 0; /* what was not understood may start anything */
	for (u32 i = 0; i < list.n && !c.cut; i++)
		one(&c, &list.v[i]);
	if (c.arguments)
		buf_putc(note, SCRIPT_ARGUMENTS);
	if (c.computed)
		buf_putc(note, SCRIPT_COMPUTED);
	if (c.cut)
		buf_putc(note, SCRIPT_CUT);
	buf_putc(note, '\n');
	buf_add(note, buf_str(&c.lines));
	buf_free(&c.lines);
	sh_commands_free(&list);
	sh_free(&t);
}

/* --- the collector --- */
struct script {
	struct buf text;
	bool is_config, is_shell_by_name;
};

static void *open_script(void) { return xcalloc(1, sizeof(struct script)); }

static bool is_config(struct str dir, struct str name)
{
	if (str_is(dir, "etc/ld.so.conf.d"))
		return str_ends(name, STR(".conf"));
	return str_is(dir, "etc") && (str_is(name, "ld.so.conf") || str_is(name, "ld.so.preload") || (str_starts(name, STR("ld-musl-")) && str_ends(name, STR(".path"))));
}

static bool is_shell_by_name(struct str name) { return str_ends(name, STR(".sh")) || str_ends(name, STR(".envsh")); }

static bool wants(struct str dir, struct str name) { return is_config(dir, name) || is_shell_by_name(name); }

static bool sniff(struct str dir, struct str name, const struct tar_entry *e, struct str head)
{
	(void)dir, (void)name, (void)e;
	return str_starts(head, STR("#!"));
}

static void begin(void *state, struct str dir, struct str name, const struct tar_entry *e)
{
	(void)e;
	struct script *s = state;
	buf_clear(&s->text);
	s->is_config = is_config(dir, name);
	s->is_shell_by_name = is_shell_by_name(name);
}

static void feed(void *state, struct str piece)
{
	struct script *s = state;
	if (s->text.n <= SCRIPT_BYTES) /* one byte more tells that there is more */
		buf_add(&s->text, str_head(piece, SCRIPT_BYTES + 1 - s->text.n));
}

static int end(void *state, struct buf *note, struct error *err)
{
	(void)err;
	struct script *s = state;
	struct str text = buf_str(&s->text), rest = text, line, words[SCRIPT_WORDS];
	if (s->is_config || !text.n) {
		buf_add(note, text);
		return 0;
	}
	line = str_trim(str_head(str_cut(&rest, '\n'), SCRIPT_LINE));
	bool marked = str_starts(line, STR("#!"));
	if (str_chr(str_head(text, 512), '\0'))
		return 0;
	if (marked)
		buf_add(note, line);
	buf_putc(note, '\n');
	u32 n = script_line(line, words);
	bool shell = marked ? false : s->is_shell_by_name;
	for (u32 i = 0; i < n && i < 4; i++)
		shell |= script_is_shell(words[i]); /* "env bash", "with-contenv sh" */
	if (shell)
		script_commands(!marked ? text : rest.p ? rest : STR(""), note);
	return 0;
}

static void close_script(void *state)
{
	struct script *s = state;
	buf_free(&s->text);
	free(s);
}

static const struct collector_stream stream = { .open = open_script, .begin = begin, .feed = feed, .end = end, .close = close_script };

const struct collector script_collector = { .id = COLLECT_PROGRAM, .version = 1, .name = "script", .limit = UINT64_MAX, .wants = wants, .sniff = sniff, .stream = &stream };
