/* Variables: who sets them, who reads them, and what is an assignment only by the look of it. */
#include "lint/shellcheck.h"

/* --- the table --- */

static u32 hash(struct str s)
{
	u32 h = 2166136261u;
	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (u8)s.p[i]) * 16777619u;
	return h ^ h >> 13;
}

static struct sc_var *slot(const struct sc *c, struct str name)
{
	u32 k = hash(name) & (c->cap_vars - 1);
	while (c->vars[k].name.p && !str_eq(c->vars[k].name, name))
		k = (k + 1) & (c->cap_vars - 1);
	return &c->vars[k];
}

const struct sc_var *sc_var(const struct sc *c, struct str name)
{
	if (!c->cap_vars || !name.n)
		return NULL;
	const struct sc_var *v = slot(c, name);
	return v->name.p ? v : NULL;
}

static struct sc_var *enter(struct sc *c, struct str name)
{
	if (2 * (c->n_vars + 1) > c->cap_vars) {
		struct sc old = *c;
		c->cap_vars = old.cap_vars ? old.cap_vars * 2 : 64;
		c->vars = xcalloc(c->cap_vars, sizeof *c->vars);
		for (u32 i = 0; i < old.cap_vars; i++)
			if (old.vars[i].name.p)
				*slot(c, old.vars[i].name) = old.vars[i];
		free(old.vars);
	}
	struct sc_var *v = slot(c, name);
	if (!v->name.p) {
		v->name = name;
		c->n_vars++;
	}
	return v;
}

/* --- what values are --- */

enum value { CLEAN, UNSURE, DIRTY };

static enum value worse(enum value a, enum value b) { return a == DIRTY || b == DIRTY ? DIRTY : a == UNSURE || b == UNSURE ? UNSURE : CLEAN; }

static bool blank_or_pattern(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] && strchr(" \t\n*?[", s.p[i]))
			return true;
	return false;
}

static enum value value_of_var(const struct sc *c, struct str name)
{
	if (name.n == 1 && strchr("?#$!-", name.p[0]))
		return CLEAN;
	const struct sc_var *v = sc_var(c, name);
	if (!v || !v->assigned)
		return v && v->environment ? CLEAN : DIRTY;
	return v->clean && !v->dirty && !v->unsure ? CLEAN : v->dirty && !v->clean && !v->unsure ? DIRTY : UNSURE;
}

static enum value value_of(const struct sc *c, const struct sh_part *p, u32 n)
{
	enum value v = CLEAN;
	for (u32 i = 0; i < n; i++, p++) {
		switch (p->kind) {
		case SH_LITERAL:
		case SH_QUOTED_CHAR:
		case SH_SINGLE:
		case SH_DOLLAR_SINGLE:
			v = worse(v, blank_or_pattern(p->text) ? DIRTY : CLEAN);
			break;
		case SH_DOUBLE:
		case SH_DOLLAR_DOUBLE:
			v = worse(v, value_of(c, p->parts, p->n_parts));
			break;
		case SH_ARITHMETIC:
			break;
		case SH_PARAM:
			if (str_is(p->op, "#len"))
				break;
			v = worse(v, p->op.n && value_of_var(c, p->name) != CLEAN ? UNSURE : value_of_var(c, p->name));
			v = worse(v, value_of(c, p->parts, p->n_parts) == CLEAN ? CLEAN : UNSURE);
			break;
		case SH_COMMAND:
		case SH_PROCESS:
		case SH_GLOB:
			v = DIRTY;
			break;
		default:
			v = worse(v, UNSURE);
			break;
		}
	}
	return v;
}

static struct sc_var *assign(struct sc *c, struct str name, enum value v, u32 at, u32 end)
{
	if (!sh_is_name(name))
		return NULL;
	struct sc_var *x = enter(c, name);
	if (!x->assigned) {
		x->at = at;
		x->end = end;
	}
	x->assigned = true;
	x->clean |= v == CLEAN;
	x->unsure |= v == UNSURE;
	x->dirty |= v == DIRTY;
	return x;
}

/* --- who assigns --- */

/* export A=x B, read -r a b, printf -v a …: names among the words. */
static void by_words(struct sc *c, const struct sh_node *n, enum value v, bool exported)
{
	for (u32 i = 1; i < n->n_words; i++) {
		const struct sh_word *w = &n->words[i];
		struct str rest = w->n_parts && w->parts[0].kind == SH_LITERAL ? w->parts[0].text : w->text, name = str_cut(&rest, '=');
		if (str_ends(name, STR("+")))
			name.n--;
		enum value own = v;
		if (rest.p && w->n_parts) {
			struct sh_part head = w->parts[0];
			head.text = rest;
			own = worse(value_of(c, &head, 1), value_of(c, w->parts + 1, w->n_parts - 1));
		}
		if (!sh_is_name(name))
			continue;
		if (!rest.p && exported) {
			enter(c, name)->exported = true;
			continue;
		}
		struct sc_var *x = assign(c, name, own, w->at, w->end);
		if (x)
			x->exported |= exported;
	}
}

static void by_command(struct sc *c, const struct sh_node *n)
{
	static const char *const declare[] = { "export", "readonly", "local", "declare", "typeset", NULL };
	static const char *const reads[] = { "read", "mapfile", "readarray", "getopts", "let", "unset", NULL };
	struct str name = sc_name(n);
	if (str_listed(name, declare))
		by_words(c, n, UNSURE, str_is(name, "export") || str_is(name, "declare") || str_is(name, "typeset"));
	else if (str_listed(name, reads))
		by_words(c, n, str_is(name, "read") ? DIRTY : UNSURE, true);
	else if (n->n_words > 2 && (str_is(n->words[1].text, "-v") || str_is(n->words[1].text, "-p")))
		by_words(c, n, UNSURE, true); /* printf -v, wait -p */
}

/* Names in arithmetic are read and perhaps assigned. */
static void by_arithmetic(struct sc *c, struct str s)
{
	for (size_t i = 0; i < s.n;) {
		size_t k = i;
		while (k < s.n && (s.p[k] == '_' || (s.p[k] >= '0' && s.p[k] <= '9') || ((s.p[k] | 32) >= 'a' && (s.p[k] | 32) <= 'z')))
			k++;
		struct str name = str_n(s.p + i, k - i);
		if (sh_is_name(name) && (i == 0 || s.p[i - 1] != '$')) {
			struct sc_var *v = enter(c, name);
			v->assigned = v->clean = true;
			v->reads++;
		}
		i = MAX(k, i + 1);
	}
}

static void by_part(void *ctx, const struct sh_word *w, const struct sh_part *p, bool quoted)
{
	struct sc *c = ctx;
	(void)w;
	(void)quoted;
	if (p->kind == SH_ARITHMETIC) {
		by_arithmetic(c, p->text);
	} else if (p->kind == SH_PARAM && sh_is_name(p->name)) {
		struct sc_var *v = enter(c, p->name);
		v->reads++;
		if (str_is(p->op, "=") || str_is(p->op, ":="))
			assign(c, p->name, UNSURE, p->at, p->end);
		if (str_is(p->op, "!") || p->index.p)
			v->array = true;
		if (p->index.p)
			by_arithmetic(c, p->index);
		if (str_is(p->op, ":"))
			for (u32 i = 0; i < p->n_parts; i++)
				by_arithmetic(c, p->parts[i].text);
	}
}

static void each_word(void *ctx, const struct sh_node *n, const struct sh_word *w)
{
	struct sc *c = ctx;
	sh_each_part(w, by_part, c);
	if (n->kind == SH_ARITH || n->kind == SH_ARITH_FOR)
		by_arithmetic(c, w->text);
}

static void collect(void *ctx, const struct sh_node *n)
{
	struct sc *c = ctx;
	sh_each_word(n, each_word, c);
	for (u32 i = 0; i < n->n_assigns; i++) {
		const struct sh_assign *a = &n->assigns[i];
		bool whole = !a->array && a->value.at == a->at + (u32)a->name.n + 1;
		struct sc_var *v = assign(c, a->name, whole ? value_of(c, a->value.parts, a->value.n_parts) : UNSURE, a->at, a->end);
		if (!v)
			continue;
		v->array |= !whole;
		v->exported |= n->n_words > 0; /* for the command alone */
		if (!v->word && whole)
			v->word = &a->value;
	}
	if (n->kind == SH_FOR || n->kind == SH_SELECT) {
		enum value v = n->n_words ? CLEAN : DIRTY;
		for (u32 i = 0; i < n->n_words; i++) {
			bool braces = false;
			for (u32 k = 0; k < n->words[i].n_parts; k++)
				braces |= n->words[i].parts[k].kind == SH_BRACE;
			enum value one = braces ? UNSURE : value_of(c, n->words[i].parts, n->words[i].n_parts);
			v = worse(v, one == DIRTY && !sc_has_glob(&n->words[i]) && !n->words[i].quoted && n->words[i].literal ? UNSURE : one);
		}
		struct sc_var *x = assign(c, n->name, n->kind == SH_SELECT ? UNSURE : v, n->at, n->at);
		if (x)
			x->exported = true; /* a loop for its count is no mistake */
	}
	if (n->kind == SH_COPROC)
		assign(c, n->name.n ? n->name : STR("COPROC"), UNSURE, n->at, n->at);
	if (n->kind == SH_SIMPLE && n->n_words)
		by_command(c, n);
}

void sc_vars(struct sc *c)
{
	static const char *const proxies[] = { "HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "FTP_PROXY", "ftp_proxy", "NO_PROXY", "no_proxy" };
	for (u32 i = 0; i < countof(proxies); i++)
		enter(c, str_of(proxies[i]))->environment = true;
	const struct lint *l = c->l;
	const struct df_state *s = l->graph.state ? l->graph.state[c->s->outer->index] : NULL;
	for (const struct df_var *v = s ? s->vars : NULL; v; v = v->shadow)
		if (!v->predefined || v->instruction != DF_NONE || !c->hado)
			enter(c, v->name)->environment = true;
	sh_each(c->s->tree.root, collect, c);
}

/* --- 2034, 2153, 2154 --- */

static bool internal(struct str name)
{
	static const char *const names[] = { "_", "rest", "REST", "BASH", "BASHOPTS", "BASHPID", "BASH_ALIASES", "BASH_ARGC", "BASH_ARGV", "BASH_CMDS", "BASH_COMMAND", "BASH_EXECUTION_STRING",
		"BASH_LINENO", "BASH_REMATCH", "BASH_SOURCE", "BASH_SUBSHELL", "BASH_VERSINFO", "BASH_VERSION", "COPROC", "DIRSTACK", "EUID", "FUNCNAME", "GROUPS", "HOSTNAME", "HOSTTYPE", "LINENO",
		"MACHTYPE", "MAPFILE", "OLDPWD", "OPTARG", "OPTIND", "OSTYPE", "PIPESTATUS", "PPID", "PWD", "RANDOM", "REPLY", "SECONDS", "SHELLOPTS", "SHLVL", "UID", "BASH_ENV", "BASH_XTRACEFD", "CDPATH",
		"COLUMNS", "COMPREPLY", "EMACS", "ENV", "FCEDIT", "FIGNORE", "FUNCNEST", "GLOBIGNORE", "HISTFILE", "HISTSIZE", "HISTCONTROL", "HISTFILESIZE", "HOME", "IFS", "IGNOREEOF", "INPUTRC", "LANG",
		"LC_ALL", "LC_COLLATE", "LC_CTYPE", "LC_MESSAGES", "LC_MONETARY", "LC_NUMERIC", "LC_TIME", "LINES", "MAIL", "MAILCHECK", "MAILPATH", "OPTERR", "PATH", "POSIXLY_CORRECT", "PROMPT_COMMAND",
		"PROMPT_DIRTRIM", "PS1", "PS2", "PS3", "PS4", "SHELL", "TIMEFORMAT", "TMOUT", "TMPDIR", "auto_resume", "histchars", "USER", "TZ", "TERM", "LOGNAME", "LD_LIBRARY_PATH", "LANGUAGE", "DISPLAY",
		"KRB5CCNAME", "XAUTHORITY", NULL };
	return str_listed(name, names);
}

static bool has_lower(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] >= 'a' && s.p[i] <= 'z')
			return true;
	return false;
}

/* Changes of one letter, an exchange of neighbours among them, that lead from a to b; `most` + 1 when there are more. */
static u32 distance(struct str a, struct str b, u32 most)
{
	enum { LONGEST = 40 };
	u32 rows[3][LONGEST + 1];
	if (a.n > LONGEST || b.n > LONGEST || (a.n > b.n ? a.n - b.n : b.n - a.n) > most)
		return most + 1;
	for (u32 j = 0; j <= b.n; j++)
		rows[0][j] = j;
	for (u32 i = 1; i <= a.n; i++) {
		u32 *now = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
		now[0] = i;
		for (u32 j = 1; j <= b.n; j++) {
			u32 v = last[j - 1] + (a.p[i - 1] != b.p[j - 1]);
			v = MIN(v, MIN(last[j], now[j - 1]) + 1);
			if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1])
				v = MIN(v, before[j - 2] + 1);
			now[j] = v;
		}
	}
	return MIN(rows[a.n % 3][b.n], most + 1);
}

static struct str nearest(const struct sc *c, struct str name)
{
	struct str best = { 0 };
	u32 found = 3;
	for (u32 i = 0; i < c->cap_vars && c->cap_vars <= 4096; i++) {
		const struct sc_var *v = &c->vars[i];
		if (!v->name.p || !(v->assigned || v->environment) || str_eq(v->name, name))
			continue;
		u32 d = distance(name, v->name, 2);
		bool near = (v->name.n > 3 && d <= 1) || (v->name.n > 7 && d <= 2);
		if (near && d < found) {
			found = d;
			best = v->name;
		}
	}
	return best;
}

struct reads {
	struct sc *c;
	u32 asked;
};

static bool provided(const struct sh_part *p)
{
	static const char *const ops[] = { ":-", "-", ":=", "=", ":?", "?", ":+", "+", "!", NULL };
	return str_listed(p->op, ops) || p->index.p;
}

/* The first place that reads a variable speaks for all. */
static void read_part(void *ctx, const struct sh_word *w, const struct sh_part *p, bool quoted)
{
	struct reads *r = ctx;
	struct sc *c = r->c;
	(void)w;
	(void)quoted;
	if (p->kind != SH_PARAM || !sh_is_name(p->name))
		return;
	struct sc_var *v = slot(c, p->name);
	if (!v->name.p || v->assigned || v->environment || v->array || v->exported || internal(p->name))
		return;
	if (provided(p)) {
		v->environment = true; /* whoever provides for its being unset knows that it may be */
		return;
	}
	if (has_lower(p->name)) {
		v->environment = true;
		sc_add(c, SC2154, p->at, p->end, "nothing here sets %.*s", STR_FMT(p->name));
	} else if (r->asked++ < 100) {
		struct str near = nearest(c, p->name);
		v->exported = true; /* not asked again */
		if (near.p)
			sc_add(c, SC2153, p->at, p->end, "nothing here sets %.*s: is %.*s meant?", STR_FMT(p->name), STR_FMT(near));
	}
}

static void read_word(void *ctx, const struct sh_node *n, const struct sh_word *w)
{
	(void)n;
	sh_each_part(w, read_part, ctx);
}

static void read_node(void *ctx, const struct sh_node *n) { sh_each_word(n, read_word, ctx); }

void sc_vars_judge(struct sc *c)
{
	struct reads r = { .c = c };
	for (u32 i = 0; i < c->cap_vars; i++) {
		const struct sc_var *v = &c->vars[i];
		if (v->name.p && v->assigned && v->word && !v->reads && !v->exported && !v->array && !v->environment && !internal(v->name) && !c->reads_others)
			sc_add(c, SC2034, v->at, v->end, "nothing reads %.*s", STR_FMT(v->name));
	}
	if (c->hado || !c->reads_others)
		sh_each(c->s->tree.root, read_node, &r);
}

/* --- assignments by the look: 1007, 2036, 2037, 2125, 2209, 2283 --- */

static bool common_command(struct str s)
{
	static const char *const names[] = { "awk", "basename", "cat", "cd", "chmod", "chown", "cp", "cut", "date", "dd", "df", "diff", "dirname", "du", "echo", "env", "eval", "exec", "exit", "export",
		"expr", "find", "getconf", "grep", "head", "id", "kill", "ln", "ls", "make", "mkdir", "mv", "od", "patch", "printf", "ps", "pwd", "read", "rm", "rmdir", "sed", "sh", "sleep", "sort", "tail",
		"tee", "test", "touch", "tr", "type", "uname", "uniq", "wc", "who", "xargs", NULL };
	return str_listed(s, names);
}

void sc_var_node(struct sc *c, const struct sh_node *n)
{
	if (n->kind != SH_SIMPLE)
		return;
	for (u32 i = 0; i < n->n_assigns; i++) {
		const struct sh_assign *a = &n->assigns[i];
		const struct sh_word *next = i + 1 < n->n_assigns ? NULL : n->n_words ? n->words : NULL;
		u32 follows = next ? next->at : i + 1 < n->n_assigns ? n->assigns[i + 1].at : 0;
		if (!a->array && a->value.source.n == 0 && follows > a->end && !a->append && a->end == a->at + a->name.n + 1 && (c->hado || (next && n->n_assigns == 1))) {
			static const char *const fine[] = { "IFS", NULL };
			if (!str_listed(a->name, fine))
				sc_add(c, SC1007, a->at, a->end, "the blank behind = makes this an empty value for the command that follows");
		}
		if (!a->array && str_starts(a->value.source, STR("=")) && !str_starts(a->value.source, STR("==")))
			sc_add(c, SC1097, a->at, a->end, "== gives %.*s a value that begins with =", STR_FMT(a->name));
		if (!a->array && !n->n_words && (sc_has_glob(&a->value)))
			sc_add(c, SC2125, a->value.at, a->value.end, "a pattern is not expanded in an assignment");
	}
	if (n->n_assigns == 1 && !n->n_words && n->parent && !n->substituted && n->parent->kind == SH_PIPELINE && n->parent->child == n)
		sc_add(c, SC2036, n->at, n->end, "this assigns nothing outside of the pipeline: %.*s=$(… | …)", STR_FMT(n->assigns[0].name));
	if (n->n_assigns == 1 && n->n_words && !n->assigns[0].array) {
		const struct sh_word *w = n->words, *v = &n->assigns[0].value;
		bool flag = w->source.n > 1 && w->source.p[0] == '-', glob = sc_has_glob(w);
		if (flag || glob)
			sc_add(c, SC2037, n->at, n->end, "this runs %.*s, it assigns no output: %.*s=$(…)", STR_FMT(w->source), STR_FMT(n->assigns[0].name));
		else if (v->literal && !v->quoted && common_command(v->text) && v->text.n)
			sc_add(c, SC2209, v->at, v->end, "this is the word %.*s, not what the command prints: $(%.*s)", STR_FMT(v->text), STR_FMT(v->text));
	}
	if (n->n_words > 1 && sh_is_name(n->words[0].source) && str_is(n->words[1].source, "=") && !str_is(n->words[0].source, "expr"))
		sc_add(c, SC2283, n->words[0].at, n->words[1].end, "with blanks around = this runs the command %.*s", STR_FMT(n->words[0].source));
}
