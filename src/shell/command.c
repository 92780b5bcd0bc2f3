/* The commands of a tree, and the questions rules ask about them. */
#include "shell/command.h"
#include "base/buf.h"

/* Programs that run the command behind their own options. */
struct wrapper {
	const char *name;
	const char *valued;   /* letters of options with a value in the next word */
	const char *valued_long; /* long ones, between blanks */
	const char *none;     /* letters with which nothing is run */
	u32 operands;         /* its own, in front of the command */
	bool assigns;         /* NAME=value may stand in front of the command */
};
static const struct wrapper wrappers[] = {
	{ "builtin", "", "", "", 0, false },
	{ "chroot", "", " userspec groups ", "", 1, false },
	{ "command", "", "", "vV", 0, false },
	{ "doas", "uC", "", "", 0, false },
	{ "eatmydata", "", "", "", 0, false },
	{ "env", "uCS", " unset chdir ", "", 0, true },
	{ "exec", "a", "", "", 0, false },
	{ "fakeroot", "lsi", "", "", 0, false },
	{ "flock", "wE", " timeout wait ", "c", 1, false },
	{ "gosu", "", "", "", 1, false },
	{ "ionice", "cnpPu", " class classdata ", "", 0, false },
	{ "nice", "n", " adjustment ", "", 0, false },
	{ "nohup", "", "", "", 0, false },
	{ "setarch", "", "", "", 1, false },
	{ "setsid", "", "", "", 0, false },
	{ "stdbuf", "ioe", " input output error ", "", 0, false },
	{ "su-exec", "", "", "", 1, false },
	{ "sudo", "CDghpRrTtUu", " user group host prompt chroot chdir role type ", "lve", 0, true },
	{ "time", "fo", " format output ", "", 0, false },
	{ "timeout", "ks", " kill-after signal ", "", 1, false },
	{ "unbuffer", "", "", "", 0, false },
	{ "xargs", "aEIJLnPRSsd", " arg-file delimiter max-lines max-args max-procs replace max-chars ", "", 0, false },
};

static bool assigns(struct str s)
{
	size_t i = 0;
	while (i < s.n && (s.p[i] == '_' || ((s.p[i] | 32) >= 'a' && (s.p[i] | 32) <= 'z') || (i && s.p[i] >= '0' && s.p[i] <= '9')))
		i++;
	return i && i < s.n && s.p[i] == '=';
}

/* Index in args of the command that w runs; n when there is none. */
static u32 wrapped_at(const struct wrapper *w, const struct sh_word *args, u32 n)
{
	u32 left = w->operands, i = 0;
	for (; i < n; i++) {
		struct str a = args[i].text;
		if (str_is(a, "--")) {
			i++;
			break;
		}
		if (a.n < 2 || a.p[0] != '-') {
			if (!(w->assigns && assigns(a)))
				break;
			continue;
		}
		if (a.p[1] == '-') {
			char key[40];
			int len = snprintf(key, sizeof key, " %.*s ", STR_FMT(str_from(a, 2)));
			if (len > 0 && (size_t)len < sizeof key && strstr(w->valued_long, key))
				i++;
			continue;
		}
		for (size_t k = 1; k < a.n; k++) {
			if (strchr(w->none, a.p[k]))
				return n;
			if (!strchr(w->valued, a.p[k]))
				continue;
			i += k + 1 == a.n; /* its value is the next word; else the rest of this one */
			break;
		}
	}
	while (i < n && w->assigns && assigns(args[i].text))
		i++;
	return MIN(i + left, n);
}

struct gather {
	struct sh_command *v;
	u32 n, cap;
};

static void describe(struct sh_command *c)
{
	for (const struct sh_node *n = c->node; n; n = n->parent) {
		c->in_function |= n->kind == SH_FUNCTION;
		c->in_substitution |= n->substituted;
		c->in_condition |= n->condition;
	}
}

static void add_wrapped(struct gather *g, const struct sh_command *c)
{
	for (u32 k = 0; k < countof(wrappers); k++) {
		if (!str_is(c->base, wrappers[k].name))
			continue;
		u32 at = wrapped_at(&wrappers[k], c->args, c->n_args);
		if (at >= c->n_args)
			return;
		struct sh_command w = *c;
		w.word = &c->args[at];
		w.name = w.word->text;
		w.base = str_base(w.name);
		w.args = c->args + at + 1;
		w.n_args = c->n_args - at - 1;
		w.index = g->n;
		w.wrapped = true;
		VEC_PUSH(g->v, g->n, g->cap, w);
		return;
	}
}

static void gather(void *ctx, const struct sh_node *n)
{
	struct gather *g = ctx;
	if (n->kind != SH_SIMPLE || n->n_words == 0)
		return;
	struct sh_command c = { .node = n, .word = n->words, .name = n->words[0].text, .args = n->words + 1, .n_args = n->n_words - 1, .index = g->n };
	c.base = str_base(c.name);
	describe(&c);
	VEC_PUSH(g->v, g->n, g->cap, c);
	for (u32 depth = 0, at = g->n - 1; depth < 8 && at < g->n; depth++, at++) {
		struct sh_command last = g->v[at]; /* the vector moves when it grows */
		add_wrapped(g, &last);
	}
}

void sh_commands_of(const struct sh_tree *t, struct sh_commands *ret)
{
	struct gather g = { 0 };
	*ret = (struct sh_commands){ 0 };
	sh_each(t->root, gather, &g);
	for (u32 i = 0; i + 1 < g.n; i++)
		if (g.v[i + 1].wrapped)
			g.v[i].wraps = &g.v[i + 1];
	ret->v = g.v;
	ret->n = g.n;
}

void sh_commands_free(struct sh_commands *c)
{
	free(c->v);
	*c = (struct sh_commands){ 0 };
}

bool sh_is(const struct sh_command *c, const char *name) { return str_is(c->base, name); }

bool sh_is_any(const struct sh_command *c, const char *const *names) { return str_listed(c->base, names); }

bool sh_is_sub(const struct sh_command *c, const char *name, const char *sub)
{
	if (!sh_is(c, name))
		return false;
	const struct sh_word *w = sh_operand(c, 0, NULL);
	return w && str_is(w->text, sub);
}

/* --- options --- */

static u32 letters(struct str arg, char c)
{
	u32 n = 0;
	for (size_t i = 1; i < arg.n; i++)
		n += arg.p[i] == c;
	return n;
}

/* How often the word holds the option. */
static u32 holds(struct str arg, const char *name)
{
	struct str key = str_of(name);
	if (arg.n < 2 || arg.p[0] != '-')
		return 0;
	if (arg.p[1] != '-')
		return key.n == 1 ? letters(arg, key.p[0]) : 0;
	struct str rest = str_from(arg, 2), head = str_cut(&rest, '=');
	return str_eq(head, key);
}

static u32 next_index(const struct sh_command *c, const struct sh_word *after) { return after ? (u32)(after - c->args) + 1 : 0; }

static bool ends_options(const struct sh_command *c, u32 i) { return str_is(c->args[i].text, "--"); }

const struct sh_word *sh_next_flag(const struct sh_command *c, const char *name, const struct sh_word *after)
{
	for (u32 i = next_index(c, after); i < c->n_args && !ends_options(c, i); i++)
		if (holds(c->args[i].text, name))
			return &c->args[i];
	return NULL;
}

const struct sh_word *sh_flag_word(const struct sh_command *c, const char *name) { return sh_next_flag(c, name, NULL); }
bool sh_has_flag(const struct sh_command *c, const char *name) { return sh_flag_word(c, name) != NULL; }

bool sh_has_any_flag(const struct sh_command *c, const char *const *names)
{
	for (; *names; names++)
		if (sh_has_flag(c, *names))
			return true;
	return false;
}

u32 sh_count_flag(const struct sh_command *c, const char *name)
{
	u32 n = 0;
	for (u32 i = 0; i < c->n_args && !ends_options(c, i); i++)
		n += holds(c->args[i].text, name);
	return n;
}

struct str sh_flag_value_at(const struct sh_command *c, const char *name, const struct sh_word *at)
{
	struct str arg = at->text;
	u32 i = next_index(c, at);
	struct str next = i < c->n_args ? c->args[i].text : (struct str){ 0 };
	if (arg.p[1] == '-') {
		struct str rest = str_from(arg, 2);
		str_cut(&rest, '=');
		return rest.p ? rest : next;
	}
	const char *letter = memchr(arg.p + 1, name[0], arg.n - 1);
	struct str tail = str_from(arg, (size_t)(letter - arg.p) + 1);
	if (tail.n == 0)
		return next;
	return tail.p[0] == '=' ? str_from(tail, 1) : tail;
}

struct str sh_flag_value(const struct sh_command *c, const char *name)
{
	const struct sh_word *w = sh_flag_word(c, name);
	return w ? sh_flag_value_at(c, name, w) : (struct str){ 0 };
}

/* --- operands --- */

static bool takes_next(struct str arg, const char *const *valued)
{
	for (; valued && *valued; valued++) {
		struct str key = str_of(*valued);
		if (arg.p[1] == '-' ? str_eq(str_from(arg, 2), key) : str_eq(str_from(arg, 1), key))
			return true;
		if (arg.p[1] != '-' && key.n == 1 && arg.p[arg.n - 1] == key.p[0] && letters(arg, key.p[0]) == 1)
			return true;
	}
	return false;
}

const struct sh_word *sh_next_operand(const struct sh_command *c, const struct sh_word *after, const char *const *valued)
{
	u32 from = next_index(c, after);
	bool all = false, skip = false;
	for (u32 i = 0; i < c->n_args; i++) {
		struct str a = c->args[i].text;
		if (skip) {
			skip = false;
		} else if (!all && str_is(a, "--")) {
			all = true;
		} else if (!all && a.n > 1 && a.p[0] == '-') {
			skip = takes_next(a, valued);
		} else if (i >= from) {
			return &c->args[i];
		}
	}
	return NULL;
}

const struct sh_word *sh_operand(const struct sh_command *c, u32 n, const char *const *valued)
{
	const struct sh_word *w = sh_next_operand(c, NULL, valued);
	while (w && n--)
		w = sh_next_operand(c, w, valued);
	return w;
}

u32 sh_count_operands(const struct sh_command *c, const char *const *valued)
{
	u32 n = 0;
	bool all = false;
	for (u32 i = 0; i < c->n_args; i++) {
		struct str a = c->args[i].text;
		if (!all && str_is(a, "--"))
			all = true;
		else if (!all && a.n > 1 && a.p[0] == '-')
			i += takes_next(a, valued);
		else
			n++;
	}
	return n;
}

const struct sh_word *sh_sub_word(const struct sh_command *c, const char *sub, const char *const *valued)
{
	bool all = false;
	for (u32 i = 0; i < c->n_args; i++) {
		struct str a = c->args[i].text;
		if (!all && str_is(a, "--"))
			all = true;
		else if (!all && a.n > 1 && a.p[0] == '-')
			i += takes_next(a, valued);
		else if (str_is(a, sub))
			return &c->args[i];
	}
	return NULL;
}

/* --- arguments --- */

const struct sh_word *sh_arg_word(const struct sh_command *c, const char *arg)
{
	for (u32 i = 0; i < c->n_args; i++)
		if (str_is(c->args[i].text, arg))
			return &c->args[i];
	return NULL;
}

const struct sh_word *sh_arg_starting(const struct sh_command *c, const char *prefix)
{
	for (u32 i = 0; i < c->n_args; i++)
		if (str_starts(c->args[i].text, str_of(prefix)))
			return &c->args[i];
	return NULL;
}

const struct sh_word *sh_arg_containing(const struct sh_command *c, const char *part)
{
	for (u32 i = 0; i < c->n_args; i++)
		if (str_contains(c->args[i].text, str_of(part)))
			return &c->args[i];
	return NULL;
}

bool sh_hado_flag(struct str arg) { return arg.n > 1 && arg.p[0] == '-' && !str_is(arg, "--"); }

const struct sh_word *sh_hado_next(const struct sh_command *c, const struct sh_word *after)
{
	return sh_hado_next_dropping(c, after, NULL);
}

static bool holds_any(struct str arg, const char *const *names)
{
	for (; names && *names; names++)
		if (holds(arg, *names))
			return true;
	return false;
}

const struct sh_word *sh_hado_next_dropping(const struct sh_command *c, const struct sh_word *after, const char *const *dropped)
{
	for (u32 i = next_index(c, after); i < c->n_args; i++)
		if (!sh_hado_flag(c->args[i].text) && !(i && sh_hado_flag(c->args[i - 1].text) && holds_any(c->args[i - 1].text, dropped)))
			return &c->args[i];
	return NULL;
}

bool sh_hado_has_flag(const struct sh_command *c, const char *name)
{
	for (u32 i = 0; i < c->n_args; i++)
		if (sh_hado_flag(c->args[i].text) && holds(c->args[i].text, name))
			return true;
	return false;
}

/* --- lists --- */

const struct sh_command *sh_find_next(const struct sh_commands *l, const char *name, const struct sh_command *after)
{
	for (u32 i = after ? after->index + 1 : 0; i < l->n; i++)
		if (sh_is(&l->v[i], name))
			return &l->v[i];
	return NULL;
}

const struct sh_command *sh_find(const struct sh_commands *l, const char *name) { return sh_find_next(l, name, NULL); }

const struct sh_command *sh_find_sub(const struct sh_commands *l, const char *name, const char *sub)
{
	for (u32 i = 0; i < l->n; i++)
		if (sh_is_sub(&l->v[i], name, sub))
			return &l->v[i];
	return NULL;
}

const struct sh_command *sh_find_arg(const struct sh_commands *l, const char *name, const char *arg)
{
	for (u32 i = 0; i < l->n; i++)
		if (sh_is(&l->v[i], name) && sh_has_arg(&l->v[i], arg))
			return &l->v[i];
	return NULL;
}

/* --- place --- */

const struct sh_node *sh_pipeline_of(const struct sh_command *c, bool *last)
{
	for (const struct sh_node *n = c->node; n->parent; n = n->parent) {
		if (n->parent->kind == SH_PIPELINE) {
			*last = n->next == NULL;
			return n->parent;
		}
		if (n->parent->kind == SH_SIMPLE)
			return NULL;
	}
	return NULL;
}

bool sh_and_follows(const struct sh_node *n)
{
	for (; n; n = n->parent) {
		if (n->next)
			return n->next->op == SH_OP_AND;
		if (!n->parent || (n->parent->kind != SH_ANDOR && n->parent->kind != SH_PIPELINE && n->parent->kind != SH_LIST && n->parent->kind != SH_GROUP &&
		                   n->parent->kind != SH_SUBSHELL))
			return false;
	}
	return false;
}

const struct sh_redirect *sh_redirect_of(const struct sh_node *n, char direction)
{
	for (u32 i = 0; i < n->n_redirects; i++)
		if (n->redirects[i].op.p[0] == direction)
			return &n->redirects[i];
	return NULL;
}
