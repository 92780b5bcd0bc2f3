/* Words: what is split, what is expanded, what is not. */
#include "lint/shellcheck.h"

/* --- 2086, 2048, 2068 --- */

static bool one_word_by_nature(struct str name)
{
	static const char *const names[] = { "$", "-", "?", "!", "#", "BASHPID", "BASH_ARGC", "BASH_LINENO", "BASH_SUBSHELL", "EUID", "LINENO", "OPTIND", "PPID", "RANDOM", "SECONDS", "SHELLOPTS",
		"SHLVL", "UID", "COLUMNS", "HISTFILESIZE", "HISTSIZE", "LINES", NULL };
	return str_listed(name, names);
}

/* ${x:+"…"}: quoted where it counts. */
static bool quoted_alternative(const struct sh_part *p)
{
	if (!str_is(p->op, "+") && !str_is(p->op, ":+"))
		return false;
	return p->n_parts && (p->parts[0].kind == SH_DOUBLE || p->parts[0].kind == SH_SINGLE);
}

static bool surely_dirty(const struct sc *c, struct str name)
{
	const struct sc_var *v = sc_var(c, name);
	static const char *const of_image[] = { "HOME", "PWD", "OLDPWD", "USER", "LOGNAME", "SHELL", "HOSTNAME", "TERM", "LANG", NULL };
	if (one_word_by_nature(name) || str_is(name, "*") || (!c->hado && !(v && v->assigned) && str_listed(name, of_image)))
		return false;
	if (!v || (!v->assigned && !v->environment))
		return true;
	return v->assigned && v->dirty && !v->clean && !v->unsure;
}

/* Ours: a list of words, kept in a variable to be split. */
static bool is_list(const struct sc *c, const struct sh_word *w, struct str name)
{
	const struct sc_var *v = sc_var(c, name);
	return w->n_parts == 1 && v && v->word && v->word->literal && str_chr(v->word->text, ' ');
}

/* Not where the whole word is the value: it may be meant to become several, or none. */
static void quote_fix(struct sc *c, struct diagnostic *d, const struct sh_word *w, const struct sh_part *p, enum sc_place place)
{
	if (w->n_parts == 1 && place != SC_REDIRECT)
		return;
	sc_fix(c, d, FIX_SUGGESTED, "Quote it", p->at, p->at, STR("\""));
	sc_fix_more(c, d, p->end, p->end, STR("\""));
}

static void unquoted_param(struct sc *c, const struct sh_node *n, const struct sh_word *w, const struct sh_part *p, enum sc_place place)
{
	if (str_is(p->op, "#len") || quoted_alternative(p))
		return;
	if (sc_is_array(p)) {
		sc_add(c, SC2068, p->at, p->end, "%.*s without quotes is split again: each of its values may become several words", STR_FMT(p->text));
		return;
	}
	if (str_is(p->name, "*") || str_is(p->index, "*")) {
		sc_add(c, SC2048, p->at, p->end, "%.*s is split at blanks: \"$@\", with quotes, keeps its values whole", STR_FMT(p->text));
		return;
	}
	bool default_value = n->n_words && str_is(n->words[0].text, ":") && (str_is(p->op, "=") || str_is(p->op, ":="));
	if ((place == SC_NAME && w->n_parts == 1) || default_value || !surely_dirty(c, p->name))
		return;
	if (str_is(p->op, "!") || p->index.p || (!c->hado && is_list(c, w, p->name)))
		return;
	struct diagnostic *d = sc_add(c, SC2086, p->at, p->end, "%.*s is not quoted: its value is split at blanks, and patterns in it are expanded", STR_FMT(p->text));
	quote_fix(c, d, w, p, place);
}

/* --- 2046 --- */

/* Programs whose output is one word, as they are usually called. */
static bool prints_one_word(const struct sh_node *n)
{
	static const char *const names[] = { "nproc", "arch", "hostname", "whoami", "getconf", "mktemp", "tty", "which", NULL };
	struct str name = sc_name(n), arg = n->n_words > 1 ? n->words[1].text : STR("");
	if (str_listed(name, names))
		return true;
	if (str_is(name, "uname") || str_is(name, "id"))
		return n->n_words == 1 ? str_is(name, "uname") : arg.n == 2 && !str_is(arg, "-a") && !str_is(arg, "-G");
	if (str_is(name, "id"))
		return str_is(arg, "-un") || str_is(arg, "-gn");
	if (str_is(name, "dirname") || str_is(name, "basename"))
		return n->n_words >= 2 && n->words[1].literal && !str_chr(arg, ' ');
	if (n->n_words && n->words[0].literal && str_is(n->words[0].text, "command"))
		return str_is(arg, "-v");
	if (str_is(name, "dpkg") || str_is(name, "apk"))
		return str_is(arg, "--print-architecture") || str_is(arg, "--print-arch");
	if (str_is(name, "lsb_release"))
		return str_is(arg, "-cs") || str_is(arg, "-rs") || str_is(arg, "-is") || str_is(arg, "-sc");
	return str_is(name, "date") && n->n_words == 2 && str_starts(arg, STR("+")) && !str_chr(arg, ' ') && !str_contains(arg, STR("%c"));
}

/* Ours: $(test … && echo --flag) gives a word or none: quotes would make it an empty one. */
static bool perhaps_a_word(const struct sh_node *list)
{
	const struct sh_node *last = list->kind == SH_ANDOR || list->kind == SH_IF ? list->child : NULL;
	while (last && last->next)
		last = last->next;
	return last && str_is(sc_name(last), "echo");
}

static void unquoted_command(struct sc *c, const struct sh_word *w, const struct sh_part *p, enum sc_place place)
{
	static const char *const split[] = { "seq", "pgrep", NULL };
	const struct sh_node *only = sc_only_command(p->child);
	if (!p->child || (place == SC_NAME && w->n_parts == 1) || (only && str_listed(sc_name(only), split)) || (only && !c->hado && prints_one_word(only)))
		return;
	if (!c->hado && perhaps_a_word(p->child))
		return;
	struct diagnostic *d = sc_add(c, SC2046, p->at, p->end, "the output of %s is split at blanks, and patterns in it are expanded: quote it", p->backquote ? "`…`" : "$(…)");
	if (!p->backquote)
		quote_fix(c, d, w, p, place);
}

/* --- 2016 --- */

static bool looks_expandable(struct str s)
{
	for (size_t i = 0; i + 1 < s.n; i++) {
		char next = s.p[i + 1];
		if (s.p[i] == '$' && (next == '{' || next == '(' || next == '_' || (next >= '0' && next <= '9') || ((next | 32) >= 'a' && (next | 32) <= 'z')))
			return true;
		if (s.p[i] == '`' && next != '`' && memchr(s.p + i + 1, '`', s.n - i - 1))
			return true;
	}
	return false;
}

/* sed's own: an address or a command behind $. */
static bool for_sed(struct str s)
{
	for (size_t i = 0; i + 1 < s.n; i++)
		if (s.p[i] == '$' && s.p[i + 1] && strchr("{dpsaic", s.p[i + 1]) && (i + 2 == s.n || !((s.p[i + 2] | 32) >= 'a' && (s.p[i + 2] | 32) <= 'z')))
			return true;
	return false;
}

static struct str find_exec(const struct sh_node *n)
{
	for (u32 i = 1; i + 1 < n->n_words; i++)
		if (str_is(n->words[i].text, "-exec") || str_is(n->words[i].text, "-execdir"))
			return n->words[i + 1].literal ? n->words[i + 1].text : STR("find");
	return STR("find");
}

/* Ours: commands for which a $ in the argument is hardly ever meant. */
static bool takes_plain_words(const struct sh_node *n, struct str name)
{
	static const char *const names[] = { "echo", "printf", "mkdir", "cp", "mv", "rm", "ln", "cd", "curl", "wget", "tar", "test", "[", "touch", "chown", "chmod", NULL };
	return str_listed(name, names) && !sc_is_redirected(n);
}

static void single_quotes(struct sc *c, const struct sh_node *n, const struct sh_part *p, enum sc_place place)
{
	static const char *const fine[] = { "trap", "sh", "bash", "ksh", "zsh", "ssh", "eval", "xprop", "alias", "sudo", "docker", "podman", "dpkg-query", "jq", "rename", "rg", "unset", NULL };
	static const char *const prompts[] = { "PS1", "PS2", "PS3", "PS4", "PROMPT_COMMAND", NULL };
	if (!looks_expandable(p->text))
		return;
	struct str name = sc_name(n);
	if (str_is(name, "find"))
		name = find_exec(n);
	if (str_is(name, "git") && n->n_words > 1 && str_is(n->words[1].text, "filter-branch"))
		return;
	if (str_is(name, "sed") ? for_sed(p->text) : str_listed(name, fine) || str_ends(name, STR("awk")) || str_starts(name, STR("perl")))
		return;
	if (place == SC_VALUE)
		for (u32 i = 0; i < n->n_assigns; i++)
			if (str_listed(n->assigns[i].name, prompts))
				return;
	if (!c->hado && (place != SC_ARG || !takes_plain_words(n, name)))
		return;
	sc_add(c, SC2016, p->at, p->end, "nothing is expanded in single quotes: the command gets the $ as it stands");
}

/* --- 2006 --- */

static void backquotes(struct sc *c, const struct sh_part *p)
{
	if (!p->child)
		return;
	struct diagnostic *d = sc_add(c, SC2006, p->at, p->end, "`…` is the old way to write $(…): it nests badly and has rules of its own for backslashes");
	struct str inside = p->text.n >= 2 ? str_n(p->text.p + 1, p->text.n - 2) : STR("");
	/* What has backslashes, comments or a leading ( would read differently. */
	if (str_chr(inside, '\\') || str_chr(inside, '#') || (inside.n && inside.p[0] == '(') || p->end - p->at != p->text.n)
		return;
	sc_fix(c, d, FIX_SAFE, "Write $(…)", p->at, p->at + 1, STR("$("));
	sc_fix_more(c, d, p->end - 1, p->end, STR(")"));
}

/* --- --- */

void sc_word_part(struct sc *c, const struct sh_node *n, const struct sh_word *w, const struct sh_part *p, enum sc_place place, bool free, bool quoted)
{
	switch (p->kind) {
	case SH_PARAM:
		if (quoted)
			break;
		/* for splits on purpose, but "$@" is better whole there too */
		if (!free || (place == SC_LOOP && w->parts <= p && p < w->parts + w->n_parts && (sc_is_array(p) || str_is(p->name, "*") || str_is(p->index, "*"))))
			unquoted_param(c, n, w, p, place);
		break;
	case SH_COMMAND:
		if (!free)
			unquoted_command(c, w, p, place);
		if (p->backquote)
			backquotes(c, p);
		break;
	case SH_SINGLE:
		single_quotes(c, n, p, place);
		break;
	default:
		break;
	}
}

/* --- patterns where none are wanted: 2035, 2060, 2061, 2062, 2070; 2088 --- */

static void find_patterns(struct sc *c, const struct sh_node *n, u32 i)
{
	static const char *const takes[] = { "-ilname", "-iname", "-ipath", "-iregex", "-iwholename", "-lname", "-name", "-path", "-regex", "-wholename", NULL };
	const struct sh_word *w = &n->words[i];
	if (i < 2 || !str_listed(n->words[i - 1].text, takes) || !sc_has_glob(w))
		return;
	struct diagnostic *d = sc_add(c, SC2061, w->at, w->end, "the shell may expand %.*s before find sees it: quote it", STR_FMT(w->source));
	bool plain = true;
	for (u32 k = 0; k < w->n_parts; k++)
		plain &= w->parts[k].kind == SH_LITERAL || w->parts[k].kind == SH_GLOB;
	if (plain && !str_chr(w->source, '\'')) {
		sc_fix(c, d, FIX_SUGGESTED, "Quote the pattern", w->at, w->at, STR("'"));
		sc_fix_more(c, d, w->end, w->end, STR("'"));
	}
}

static bool is_grep_pattern(const struct sh_node *n, u32 i)
{
	for (u32 k = 1; k < i; k++) {
		struct str a = n->words[k].text;
		if (str_is(a, "--") || str_is(a, "-e") || str_is(a, "--regex"))
			return k + 1 == i;
		if (!(a.n && a.p[0] == '-'))
			return false;
	}
	return !str_starts(n->words[i].text, STR("-"));
}

static void argument(struct sc *c, const struct sh_node *n, const struct sh_word *w, u32 i)
{
	struct str name = sc_name(n);
	bool glob = sc_has_glob(w);
	if (str_is(name, "find"))
		find_patterns(c, n, i);
	else if (str_is(name, "tr") && glob)
		sc_add(c, SC2060, w->at, w->end, "the shell may expand %.*s before tr sees it: quote it", STR_FMT(w->source));
	else if (str_is(name, "grep") && glob && is_grep_pattern(n, i))
		sc_add(c, SC2062, w->at, w->end, "the shell may expand %.*s before grep sees it: quote it", STR_FMT(w->source));
	if (!c->hado && str_is(name, "find"))
		return;
	if (!glob || w->parts[0].kind != SH_GLOB || !(str_is(w->parts[0].text, "*") || str_is(w->parts[0].text, "?")) || str_is(name, "echo") || str_is(name, "printf"))
		return;
	for (u32 k = 1; k < i; k++)
		if (str_is(n->words[k].text, "--") || str_is(n->words[k].text, ":::") || str_is(n->words[k].text, "::::"))
			return;
	struct diagnostic *d = sc_add(c, SC2035, w->at, w->end, "a file whose name begins with - would be read as an option: ./%.*s", STR_FMT(w->source));
	sc_fix(c, d, FIX_SUGGESTED, "Begin the pattern with ./", w->at, w->at, STR("./"));
}

/* --- "a "b" c": 2027, 2140 --- */

static bool holds_one_thing(const struct sh_part *p)
{
	return p->n_parts == 1 && (p->parts[0].kind == SH_PARAM || p->parts[0].kind == SH_COMMAND);
}

static void quotes_in_quotes(struct sc *c, const struct sh_word *w)
{
	for (u32 i = 0; i + 2 < w->n_parts; i++) {
		const struct sh_part *a = &w->parts[i], *p = a + 1, *b = a + 2;
		if (a->kind != SH_DOUBLE || b->kind != SH_DOUBLE)
			continue;
		if (p->kind == SH_PARAM || (p->kind == SH_COMMAND && !p->backquote))
			sc_add(c, SC2027, p->at, p->end, "the quotes around this end in front of it and begin again behind it");
		else if (p->kind == SH_LITERAL && !(holds_one_thing(a) && holds_one_thing(b)) && !str_is(p->text, "=") && !str_is(p->text, ":") && !str_is(p->text, "/"))
			sc_add(c, SC2140, p->at, p->end, "the quotes end in front of this and begin again behind it: the command gets none");
	}
}

void sc_word(struct sc *c, const struct sh_node *n, const struct sh_word *w, enum sc_place place)
{
	if (place == SC_ARG)
		argument(c, n, w, (u32)(w - n->words));
	if (place == SC_BODY || place == SC_SUM || !w->n_parts)
		return;
	if (place != SC_TEST)
		quotes_in_quotes(c, w);
	const struct sh_part *p = w->parts;
	if (p->kind == SH_DOUBLE && p->n_parts)
		p = p->parts;
	else if (p->kind != SH_SINGLE)
		return;
	if ((p->kind == SH_SINGLE || p->kind == SH_LITERAL) && str_starts(p->text, STR("~/")))
		sc_add(c, SC2088, w->at, w->end, "~ is not expanded in quotes: $HOME is");
}
