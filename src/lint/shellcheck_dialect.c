/* What sh does not have. Shells differ in what they add: dash has local and echo -n, busybox much of bash. */
#include "lint/shellcheck.h"

static bool quiet(const struct sc *c) { return c->shell == SC_BASH || c->unsure_shell; }

#define UNDEFINED(c, id, at, end, ...) sc_add(c, id, at, end, __VA_ARGS__)

/* --- commands --- */

static struct str arg(const struct sh_node *n, u32 i) { return i < n->n_words ? n->words[i].text : STR(""); }

static void echo(struct sc *c, const struct sh_node *n)
{
	if (n->n_words < 2 || !n->words[1].literal)
		return;
	struct str a = arg(n, 1);
	if (a.n < 2 || a.p[0] != '-')
		return;
	bool e = false;
	for (size_t i = 1; i < a.n; i++) {
		if (!strchr("eEsn", a.p[i]) || !a.p[i])
			return;
		e |= a.p[i] != 'n' && a.p[i] != 'e';
	}
	const struct sh_word *w = &n->words[1];
	if (c->shell == SC_SH)
		UNDEFINED(c, SC3037, w->at, w->end, "sh has no options of echo: printf");
	else if (c->shell == SC_DASH ? !str_is(a, "-n") : e)
		UNDEFINED(c, SC3036, w->at, w->end, "%s prints %.*s as it stands: printf", c->shell == SC_DASH ? "dash" : "busybox", STR_FMT(a));
}

static void set(struct sc *c, const struct sh_node *n)
{
	for (u32 i = 1; i + 1 < n->n_words; i++) {
		struct str a = arg(n, i);
		if (a.n < 2 || (a.p[0] != '-' && a.p[0] != '+') || a.p[1] == '-')
			return;
		if (a.p[a.n - 1] != 'o')
			continue;
		const struct sh_word *w = &n->words[++i];
		if (str_is(w->text, "pipefail") && c->shell != SC_BUSYBOX && (c->shell == SC_SH || !c->hado))
			UNDEFINED(c, SC3040, w->at, w->end, "not every sh has pipefail: dash stops at it");
	}
}

static void test(struct sc *c, const struct sh_node *n, u32 from, u32 end)
{
	for (u32 i = from; i < end; i++) {
		const struct sh_word *w = &n->words[i];
		struct str s = w->source;
		if (str_is(s, "==") && i > from && i + 1 < end && c->shell != SC_BUSYBOX) {
			struct diagnostic *d = UNDEFINED(c, SC3014, w->at, w->end, "sh compares with =");
			sc_fix(c, d, FIX_SAFE, "Write =", w->at, w->end, STR("="));
		} else if (str_is(s, "=~") && i > from) {
			UNDEFINED(c, SC3015, w->at, w->end, "sh has no =~: case, grep or expr");
		}
	}
}

static void read_options(struct sc *c, const struct sh_node *n, const char *allowed)
{
	for (u32 i = 1; i < n->n_words; i++) {
		struct str a = arg(n, i);
		if (a.n < 2 || a.p[0] != '-' || a.p[1] == '-')
			return;
		for (size_t k = 1; k < a.n; k++)
			if (!a.p[k] || !strchr(allowed, a.p[k])) {
				UNDEFINED(c, SC3045, n->words[i].at, n->words[i].end, "sh has no %.*s -%c", STR_FMT(n->words[0].text), a.p[k]);
				return;
			}
	}
}

static void source(struct sc *c, const struct sh_node *n)
{
	const struct sh_word *w = n->words;
	if (c->shell == SC_BUSYBOX)
		return;
	struct diagnostic *d = UNDEFINED(c, SC3046, w->at, w->end, "sh has no source: .");
	struct str file = arg(n, 1);
	if (!w->quoted && w->source.n == 6)
		sc_fix(c, d, str_chr(file, '/') ? FIX_SAFE : FIX_SUGGESTED, "Write .", w->at, w->end, STR("."));
}

static void trap(struct sc *c, const struct sh_node *n)
{
	for (u32 i = 2; i < n->n_words; i++)
		if (str_ieq(arg(n, i), STR("ERR")) || str_ieq(arg(n, i), STR("DEBUG")) || str_ieq(arg(n, i), STR("RETURN")))
			UNDEFINED(c, SC3047, n->words[i].at, n->words[i].end, "sh traps no %.*s", STR_FMT(arg(n, i)));
}

static void command(struct sc *c, const struct sh_node *n)
{
	static const char *const none[] = { "caller", "builtin", "complete", "compgen", "declare", "dirs", "disown", "enable", "mapfile", "readarray", "pushd", "popd", "shopt", "suspend", "typeset", NULL };
	if (!n->words[0].literal)
		return;
	struct str name = n->words[0].text;
	if (str_is(name, "echo") || (c->hado && str_ends(name, STR("/echo"))))
		echo(c, n);
	else if (str_is(name, "set"))
		set(c, n);
	else if (str_is(name, "["))
		test(c, n, 1, n->n_words && str_is(arg(n, n->n_words - 1), "]") ? n->n_words - 1 : n->n_words);
	else if (str_is(name, "test") && n->n_words == 4)
		test(c, n, 1, n->n_words);
	else if (str_is(name, "source"))
		source(c, n);
	else if (str_is(name, "let"))
		UNDEFINED(c, SC3039, n->at, n->end, "sh has no let: $((…))");
	else if (str_is(name, "local") && c->shell == SC_SH)
		UNDEFINED(c, SC3043, n->at, n->end, "local is not part of sh");
	else if (str_is(name, "trap"))
		trap(c, n);
	else if (str_is(name, "read"))
		read_options(c, n, c->shell == SC_SH ? "r" : c->shell == SC_DASH ? "rp" : "rpnstda");
	else if (str_is(name, "export"))
		read_options(c, n, c->shell == SC_BUSYBOX ? "pn" : "p");
	else if (str_listed(name, none))
		UNDEFINED(c, SC3044, n->at, n->end, "sh has no %.*s", STR_FMT(name));
}

/* --- redirections --- */

static void redirect(struct sc *c, const struct sh_redirect *r)
{
	if (str_is(r->op, "&>") || str_is(r->op, "&>>")) {
		if (c->shell == SC_BUSYBOX)
			return;
		struct diagnostic *d = UNDEFINED(c, SC3020, r->at, r->end, "sh runs what is before & in the background and empties the file: > file 2>&1");
		sc_fix(c, d, FIX_SUGGESTED, "Write > … 2>&1", r->at, r->at + (u32)r->op.n, str_is(r->op, "&>") ? STR(">") : STR(">>"));
		sc_fix_more(c, d, r->end, r->end, STR(" 2>&1"));
	} else if (str_is(r->op, ">&") && r->fd == -1) {
		struct str t = r->target.text;
		bool number = t.n > 0;
		for (size_t i = 0; i < t.n; i++)
			number &= (t.p[i] >= '0' && t.p[i] <= '9') || t.p[i] == '-';
		if (!number && r->target.literal)
			UNDEFINED(c, SC3021, r->at, r->end, "sh has no >& file: > file 2>&1");
	} else if (str_is(r->op, "<<<")) {
		UNDEFINED(c, SC3011, r->at, r->end, "sh has no <<<: a here-document, or a pipe");
	}
}

/* --- nodes --- */

void sc_dialect_node(struct sc *c, const struct sh_node *n)
{
	if (quiet(c))
		return;
	switch (n->kind) {
	case SH_ARITH_FOR:
		UNDEFINED(c, SC3005, n->at, n->end, "sh has no for ((…))");
		break;
	case SH_ARITH:
		UNDEFINED(c, SC3006, n->at, n->end, "sh has no ((…)) by itself");
		break;
	case SH_SELECT:
		UNDEFINED(c, SC3008, n->at, n->end, "sh has no select");
		break;
	case SH_COND:
		if (c->shell != SC_BUSYBOX)
			UNDEFINED(c, SC3010, n->at, n->end, "sh has no [[ ]]: [ ]");
		break;
	case SH_COPROC:
		UNDEFINED(c, SC3032, n->at, n->end, "sh has no coproc");
		break;
	case SH_FUNCTION:
		if (!sh_is_name(n->name))
			UNDEFINED(c, SC3033, n->at, n->at + (u32)n->name.n, "in sh, names of functions are letters, digits and _");
		break;
	case SH_SIMPLE:
		if (n->n_words)
			command(c, n);
		break;
	default:
		break;
	}
	if (n->op == SH_OP_PIPE_AMP)
		UNDEFINED(c, SC3029, n->at, n->end, "sh has no |&: 2>&1 |");
	for (u32 i = 0; i < n->n_assigns; i++) {
		const struct sh_assign *a = &n->assigns[i];
		if (a->append)
			UNDEFINED(c, SC3024, a->at, a->end, "sh has no +=: %.*s=\"${%.*s}…\"", STR_FMT(a->name), STR_FMT(a->name));
		if (a->array)
			UNDEFINED(c, SC3030, a->at, a->end, "sh has no arrays");
	}
	for (u32 i = 0; i < n->n_redirects; i++)
		redirect(c, &n->redirects[i]);
}

/* --- parts of words --- */

static bool bash_variable(const struct sc *c, struct str name)
{
	static const char *const dynamic[] = { "EPOCHREALTIME", "EPOCHSECONDS", "RANDOM", "SECONDS", "SRANDOM", NULL };
	static const char *const names[] = { "OSTYPE", "MACHTYPE", "HOSTTYPE", "HOSTNAME", "DIRSTACK", "EUID", "UID", "SHLVL", "PIPESTATUS", "SHELLOPTS", "BASH", "BASHOPTS", "BASHPID", "BASH_ALIASES",
		"BASH_ARGC", "BASH_ARGV", "BASH_CMDS", "BASH_COMMAND", "BASH_LINENO", "BASH_REMATCH", "BASH_SOURCE", "BASH_SUBSHELL", "BASH_VERSINFO", "COPROC", "FUNCNAME", "GROUPS", "MAPFILE", NULL };
	static const char *const busybox[] = { "RANDOM", "HOSTNAME", "SHLVL", NULL };
	const struct sc_var *v = sc_var(c, name);
	if (!c->hado && (c->shell == SC_BUSYBOX || str_is(name, "HOSTNAME") || str_is(name, "SHLVL")) && str_listed(name, busybox))
		return false; /* the build sets HOSTNAME */
	return str_listed(name, dynamic) || (str_listed(name, names) && !(v && (v->assigned || v->environment)));
}

static void parameter(struct sc *c, const struct sh_part *p)
{
	struct str op = p->op;
	bool busybox = c->shell == SC_BUSYBOX;
	if (str_is(op, "!") && (sh_is_name(p->name)))
		UNDEFINED(c, SC3053, p->at, p->end, "sh has no ${!name}");
	else if (p->index.p && sh_is_name(p->name))
		UNDEFINED(c, SC3054, p->at, p->end, "sh has no arrays");
	else if (str_is(op, ":") && !busybox)
		UNDEFINED(c, SC3057, p->at, p->end, "sh has no ${name:from:length}");
	else if (op.n && (op.p[0] == '^' || op.p[0] == ','))
		UNDEFINED(c, SC3059, p->at, p->end, "sh has no ${name%.*s}: tr", STR_FMT(op));
	else if (op.n && op.p[0] == '/' && !busybox)
		UNDEFINED(c, SC3060, p->at, p->end, "sh has no ${name/this/that}: sed");
	if (bash_variable(c, p->name))
		UNDEFINED(c, SC3028, p->at, p->end, "sh sets no %.*s", STR_FMT(p->name));
}

static void arithmetic(struct sc *c, const struct sh_part *p)
{
	if (str_starts(p->text, STR("$["))) {
		UNDEFINED(c, SC3007, p->at, p->end, "sh has no $[…]: $((…))");
		return;
	}
	if (c->shell == SC_BUSYBOX)
		return;
	bool steps = false, power = false;
	for (u32 i = 0; i < p->n_parts; i++)
		if (p->parts[i].kind == SH_LITERAL) {
			steps |= str_contains(p->parts[i].text, STR("++")) || str_contains(p->parts[i].text, STR("--"));
			power |= str_contains(p->parts[i].text, STR("**"));
		}
	if (steps)
		UNDEFINED(c, SC3018, p->at, p->end, "sh has no ++ and --: x=$((x + 1))");
	if (power)
		UNDEFINED(c, SC3019, p->at, p->end, "sh has no **");
}

void sc_dialect_part(struct sc *c, const struct sh_part *p, enum sc_place place, bool quoted)
{
	(void)quoted;
	if (quiet(c))
		return;
	switch (p->kind) {
	case SH_PROCESS:
		if (c->shell != SC_BUSYBOX)
			UNDEFINED(c, SC3001, p->at, p->end, "sh has no %.*s( )", 1, p->text.p);
		break;
	case SH_DOLLAR_DOUBLE:
		UNDEFINED(c, SC3004, p->at, p->end, "sh has no $\"…\"");
		break;
	case SH_BRACE:
		if (place != SC_VALUE && place != SC_TEST && place != SC_SUM)
			UNDEFINED(c, SC3009, p->at, p->end, "sh doesn't expand %.*s: it stays as it is", STR_FMT(p->text));
		break;
	case SH_PARAM:
		parameter(c, p);
		break;
	case SH_ARITHMETIC:
		arithmetic(c, p);
		break;
	default:
		break;
	}
}
