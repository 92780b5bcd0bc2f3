/* Single commands and pipelines of them. */
#include "lint/shellcheck.h"

static bool starts(const struct sh_word *w, const char *prefix) { return str_starts(w->text, str_of(prefix)); }

/* ShellCheck's flags: letters of -abc, NAME of --NAME; up to the end, `--` or not. */
static bool has_flag(const struct sh_node *n, const char *name)
{
	size_t len = strlen(name);
	for (u32 i = 1; i < n->n_words; i++) {
		struct str a = n->words[i].text;
		if (a.n < 2 || a.p[0] != '-')
			continue;
		if (a.p[1] == '-') {
			struct str rest = str_from(a, 2), head = str_cut(&rest, '=');
			if (str_is(head, name))
				return true;
		} else if (len == 1 && memchr(a.p + 1, name[0], a.n - 1)) {
			return true;
		}
	}
	return false;
}

static bool has_any_flag(const struct sh_node *n, const char *const *names)
{
	for (; *names; names++)
		if (has_flag(n, *names))
			return true;
	return false;
}

/* --- echo and printf: 2028, 2059, 2116 --- */

static bool has_escape(struct str s)
{
	for (size_t i = 0; i + 1 < s.n; i++) {
		char x = s.p[i + 1];
		if (s.p[i] != '\\')
			continue;
		if (x && (strchr("rntabefv\\'", x) || (x >= '0' && x <= '7')))
			return true;
		char h = i + 2 < s.n ? s.p[i + 2] : ' ';
		if (x == 'x' && ((h >= '0' && h <= '9') || ((h | 32) >= 'a' && (h | 32) <= 'f')))
			return true;
	}
	return false;
}

/* Literal text but for $'…', which is decoded already. */
static bool decoded(const struct sh_word *w)
{
	for (u32 i = 0; i < w->n_parts; i++)
		if (w->parts[i].kind == SH_DOLLAR_SINGLE)
			return true;
	return false;
}

static void echo_escapes(struct sc *c, const struct sh_node *n)
{
	if (c->shell == SC_DASH && c->hado)
		return;
	if (has_flag(n, "e"))
		return;
	for (u32 i = 1; i < n->n_words; i++) {
		const struct sh_word *w = &n->words[i];
		if (!decoded(w) && has_escape(sc_literal(c, w)))
			sc_add(c, SC2028, w->at, w->end, "whether echo takes \\n and its like for escapes depends on the shell: printf always does");
	}
}

static void printf_format(struct sc *c, const struct sh_node *n)
{
	u32 i = 1;
	if (i < n->n_words && str_is(n->words[i].text, "--"))
		i++;
	else if (i + 1 < n->n_words && str_is(n->words[i].text, "-v"))
		i += 2;
	if (i >= n->n_words)
		return;
	const struct sh_word *w = &n->words[i];
	bool variable = false;
	for (u32 k = 0; k < w->n_parts; k++) {
		const struct sh_part *p = &w->parts[k];
		bool quotes = p->kind == SH_DOUBLE || p->kind == SH_DOLLAR_DOUBLE;
		for (u32 j = 0; quotes && j < p->n_parts; j++)
			variable |= p->parts[j].kind == SH_PARAM || p->parts[j].kind == SH_COMMAND || p->parts[j].kind == SH_ARITHMETIC;
		variable |= p->kind == SH_PARAM || p->kind == SH_COMMAND;
	}
	struct str literal = sc_literal(c, w);
	if (variable && !str_chr(literal, '%'))
		sc_add(c, SC2059, w->at, w->end, "a %% or \\ in the value would be taken for a directive: printf '%%s' \"$value\"");
}

/* $(echo …) where the words alone would do */
static void echo_of_echo(struct sc *c, const struct sh_part *p)
{
	const struct sh_node *n = sc_only_command(p->child);
	if (!n || n->n_redirects || n->n_words < 2 || !n->words[0].literal || !str_is(n->words[0].text, "echo") || starts(&n->words[1], "-"))
		return;
	for (u32 i = 1; i < n->n_words; i++)
		for (u32 k = 0; k < n->words[i].n_parts; k++)
			if (n->words[i].parts[k].kind == SH_GLOB || n->words[i].parts[k].kind == SH_BRACE)
				return;
	const struct sh_word *w = &n->words[1];
	if (n->n_words == 2 && w->n_parts == 1 && (w->parts[0].kind == SH_COMMAND || (w->parts[0].kind == SH_DOUBLE && w->parts[0].n_parts == 1 && w->parts[0].parts[0].kind == SH_COMMAND)))
		return;
	if (!c->hado) /* echo joins words and squeezes blanks: not always useless */
		return;
	sc_add(c, SC2116, p->at, p->end, "$(echo …) is … itself");
}

/* --- find, grep and their like --- */

static void find_path(struct sc *c, const struct sh_node *n)
{
	if (!c->hado || has_flag(n, "help")) /* every find of a Linux image begins in the working directory */
		return;
	for (u32 i = 1; i < n->n_words; i++) {
		struct str a = n->words[i].text;
		if (!(a.n && a.p[0] == '-'))
			return;
		if (!(a.n <= 2 || str_starts(a, STR("-O")) || str_starts(a, STR("-D"))))
			break;
	}
	const struct sh_word *w = n->words;
	sc_add(c, SC2185, w->at, w->end, "not every find begins in the working directory when no path is given");
}

static void old_grep(struct sc *c, const struct sh_node *n, bool fixed)
{
	const struct sh_word *w = n->words;
	if (!w->literal || str_chr(w->text, '/'))
		return;
	struct diagnostic *d = sc_add(c, fixed ? SC2197 : SC2196, w->at, w->end, "%s is not standard, and GNU grep warns of it: grep -%c", fixed ? "fgrep" : "egrep", fixed ? 'F' : 'E');
	if (!w->quoted)
		sc_fix(c, d, FIX_SAFE, fixed ? "Write grep -F" : "Write grep -E", w->at, w->end, fixed ? STR("grep -F") : STR("grep -E"));
}

/* --- files: 2115, 2174, 2224…2226 --- */

static void mkdir_mode(struct sc *c, const struct sh_node *n)
{
	static const char *const parents[] = { "p", "parents", NULL }, *const mode[] = { "m", "mode", NULL };
	if (!has_any_flag(n, parents) || !has_any_flag(n, mode))
		return;
	for (u32 i = 2; i < n->n_words; i++) {
		struct str s = n->words[i].text;
		bool below = !n->words[i].literal;
		if (!below && !(s.n && s.p[0] == '-')) {
			bool up = str_starts(s, STR("./")) || str_starts(s, STR("../"));
			while (str_starts(s, STR("./")) || str_starts(s, STR("../")))
				s = str_from(s, s.p[1] == '.' ? 3 : 2);
			below = str_chr(s, '/') && (!up || str_chr(s, '/'));
		}
		if (below) {
			sc_add(c, SC2174, n->at, n->end, "with -p, the mode is that of the last directory alone: those above get the default");
			return;
		}
	}
}

/* The directory that is gone when the variable is empty. */
static bool important(struct str rest)
{
	static const char *const paths[] = { "", "/bin", "/etc", "/home", "/mnt", "/usr", "/usr/share", "/usr/local", "/var", "/lib", "/dev", "/media", "/boot", "/lib64", "/usr/bin", NULL };
	if (str_ends(rest, STR("/*")))
		rest.n -= 2;
	else if (str_ends(rest, STR("/")))
		rest.n--;
	else if (rest.n == 0)
		return false; /* rm -rf "$x" */
	return str_listed(rest, paths);
}

static void remove_root(struct sc *c, const struct sh_node *n)
{
	static const char *const recursive[] = { "r", "R", "recursive", NULL };
	if (!has_any_flag(n, recursive))
		return;
	for (u32 i = 1; i < n->n_words; i++) {
		const struct sh_word *w = &n->words[i];
		const struct sh_part *p = w->parts;
		if (!w->n_parts)
			continue;
		if (p->kind == SH_DOUBLE && p->n_parts)
			p = p->parts;
		if (p->kind != SH_PARAM || p->op.n || !sh_is_name(p->name))
			continue;
		const struct sc_var *v = sc_var(c, p->name);
		if (!c->hado && v && (v->environment || v->assigned))
			continue; /* set by the file itself */
		/* Everything behind the variable, read as literal text and patterns. */
		buf_clear(&c->text);
		bool plain = true;
		for (u32 k = 0; k < w->n_parts; k++) {
			const struct sh_part *q = &w->parts[k];
			bool quotes = q->kind == SH_DOUBLE;
			for (u32 j = 0; quotes && j < q->n_parts; j++) {
				plain &= q->parts[j].kind == SH_LITERAL || &q->parts[j] == p;
				if (&q->parts[j] != p)
					buf_add(&c->text, q->parts[j].text);
			}
			if (q == p || quotes)
				continue;
			plain &= q->kind == SH_LITERAL || q->kind == SH_GLOB || q->kind == SH_SINGLE;
			buf_add(&c->text, q->text);
		}
		if (plain && important(buf_str(&c->text)))
			sc_add(c, SC2115, w->at, w->end, "without a value this removes %.*s: \"${%.*s:?}\" stops first", STR_FMT(buf_str(&c->text)), STR_FMT(p->name));
	}
}

static void one_operand(struct sc *c, const struct sh_node *n, enum sc_id id)
{
	static const char *const target[] = { "t", "target-directory", NULL };
	const struct sh_word *only = NULL;
	if (has_any_flag(n, target))
		return;
	for (u32 i = 1; i < n->n_words; i++) {
		if (starts(&n->words[i], "-"))
			continue;
		if (only)
			return;
		only = &n->words[i];
	}
	if (only && !sc_may_split(only) && (c->hado || id != SC2226)) /* the working directory is a destination */
		sc_add(c, id, n->at, n->end, "%.*s has no destination", STR_FMT(n->words[0].text));
}

/* --- tests: 2065, 2070, 2107, 2109, 2166 --- */

static void test(struct sc *c, const struct sh_node *n, bool bracket)
{
	u32 end = n->n_words;
	if (bracket && end && str_is(n->words[end - 1].text, "]"))
		end--;
	for (u32 i = 1; i < end; i++) {
		struct str s = n->words[i].source;
		if (bracket && i > 1 && i + 1 < end && (str_is(s, "-a") || str_is(s, "-o")))
			sc_add(c, SC2166, n->words[i].at, n->words[i].end, "-%c in [ ] is not well defined: [ … ] %s [ … ]", s.p[1], s.p[1] == 'a' ? "&&" : "||");
		const struct sh_word *next = i + 1 < end ? &n->words[i + 1] : NULL;
		if (bracket && i == 1 && end == 3 && str_is(s, "-n") && next && next->n_parts && !next->quoted && sc_may_split(next) && !sc_is_array(next->parts))
			sc_add(c, SC2070, next->at, next->end, "when this is empty, [ -n ] is true: quote it");
	}
	for (u32 i = 0; !bracket && i < n->n_redirects; i++) {
		const struct sh_redirect *r = &n->redirects[i];
		if (r->fd != 2 && (str_is(r->op, ">") || str_is(r->op, "<")))
			sc_add(c, SC2065, r->at, r->end, "the shell takes this for a redirection, not a comparison");
	}
	/* [ a && b ]: the bracket isn't closed where the operator stands. */
	const struct sh_node *up = n->parent;
	if (bracket && end == n->n_words && up && up->kind == SH_ANDOR && n->next && n->next->kind == SH_SIMPLE && n->next->n_words && str_is(n->next->words[n->next->n_words - 1].text, "]"))
		sc_add(c, n->next->op == SH_OP_AND ? SC2107 : SC2109, n->at, n->next->end, "[ a %s b ] is two commands: [ a ] %s [ b ]", n->next->op == SH_OP_AND ? "&&" : "||",
			n->next->op == SH_OP_AND ? "&&" : "||");
}

/* --- 2155, 2162, 2024, 2242 --- */

static bool runs_command(const struct sh_part *v, u32 n)
{
	for (u32 i = 0; i < n; i++)
		if (v[i].kind == SH_COMMAND || ((v[i].kind == SH_DOUBLE || v[i].kind == SH_DOLLAR_DOUBLE) && runs_command(v[i].parts, v[i].n_parts)))
			return true;
	return false;
}

static void masked(struct sc *c, const struct sh_node *n, struct str name)
{
	if (str_is(name, "local") && has_flag(n, "r"))
		return;
	for (u32 i = 1; i < n->n_words; i++) {
		const struct sh_word *w = &n->words[i];
		if (!w->n_parts || w->parts[0].kind != SH_LITERAL || !runs_command(w->parts, w->n_parts))
			continue;
		struct str head = w->parts[0].text, var = str_cut(&head, '=');
		if (!head.p)
			continue;
		if (str_ends(var, STR("+")))
			var.n--;
		if (!sh_is_name(var))
			continue;
		struct diagnostic *d = sc_add(c, SC2155, w->at, w->end, "%.*s succeeds whatever the command returned: assign first", STR_FMT(name));
		if (str_is(name, "export") && n->n_words == 2 && !n->n_redirects && !n->n_assigns && c->l->rule) {
			buf_clear(&c->text);
			buf_printf(&c->text, " && export %.*s", STR_FMT(var));
			sc_fix(c, d, FIX_SUGGESTED, "Assign, then export", n->words[0].at, w->at, STR(""));
			sc_fix_more(c, d, w->end, w->end, buf_str(&c->text));
		}
	}
}

static void read_raw(struct sc *c, const struct sh_node *n)
{
	if (has_flag(n, "r"))
		return;
	const struct sh_word *w = n->words;
	for (u32 i = 1; i + 1 < n->n_words; i++)
		if (str_is(n->words[i].text, "-t") && str_is(n->words[i + 1].text, "0"))
			return;
	struct diagnostic *d = sc_add(c, SC2162, w->at, w->end, "read takes backslashes out of what it reads: -r keeps them");
	sc_fix(c, d, FIX_SUGGESTED, "Add -r", w->end, w->end, STR(" -r"));
}

static void sudo_redirect(struct sc *c, const struct sh_node *n)
{
	for (u32 i = 0; i < n->n_redirects; i++) {
		const struct sh_redirect *r = &n->redirects[i];
		if (r->fd > 0 || (!str_is(r->op, ">") && !str_is(r->op, ">>") && !str_is(r->op, "<")) || str_starts(r->target.text, STR("/dev/")))
			continue;
		sc_add(c, SC2024, r->at, r->end, "sudo doesn't hold for redirections: the shell opens the file as who it is");
	}
}

static void exit_status(struct sc *c, const struct sh_node *n)
{
	const struct sh_word *w = n->n_words == 2 ? &n->words[1] : NULL;
	u64 v;
	if (w && w->literal && (!str_to_u64(w->text, &v) || v > 255))
		sc_add(c, SC2242, w->at, w->end, "a status is a number from 0 to 255");
}

/* 2>&1 > file */
static void stderr_first(struct sc *c, const struct sh_node *n)
{
	if (n->n_redirects != 2)
		return;
	const struct sh_redirect *a = &n->redirects[0], *b = &n->redirects[1];
	if (a->fd != 2 || !str_is(a->op, ">&") || !str_is(a->target.text, "1") || b->fd > 1 || (!str_is(b->op, ">") && !str_is(b->op, ">>")))
		return;
	for (const struct sh_node *x = n; x; x = x->parent)
		if (x->substituted || (x->parent && x->parent->kind == SH_PIPELINE && x->next))
			return;
	sc_add(c, SC2069, a->at, b->end, "errors go where the output went before: 2>&1 must come last");
}

/* --- pipelines --- */

static struct str first_word(const struct sh_node *n) { return n->kind == SH_SIMPLE && n->n_words && n->words[0].literal ? n->words[0].text : STR(""); }

static bool null_separated(const struct sh_node *n)
{
	for (u32 i = 1; i < n->n_words; i++) {
		struct str a = n->words[i].text, bare = a;
		if (a.n && a.p[0] == '-' && str_chr(a, '0'))
			return true;
		while (bare.n && bare.p[0] == '-')
			bare = str_from(bare, 1);
		if (str_starts(bare, STR("null")) || str_starts(bare, STR("print0")) || str_starts(bare, STR("printf")))
			return true;
	}
	return false;
}

static void useless_cat(struct sc *c, const struct sh_node *n)
{
	if (!str_is(sc_name(n), "cat") || n->n_words != 2 || !str_is(first_word(n), "cat"))
		return;
	const struct sh_word *w = &n->words[1];
	if (!sc_may_split(w) && !starts(w, "-"))
		sc_add(c, SC2002, w->at, w->end, "cat is not needed: the next command can read the file itself");
}

static void pair(struct sc *c, const struct sh_node *a, const struct sh_node *b, bool *ls)
{
	static const char *const pids[] = { "p", "pid", "q", "quick-pid", NULL };
	static const char *const counts[] = { "l", "files-with-matches", "L", "files-without-matches", "o", "only-matching", "r", "R", "recursive", "A", "after-context", "B", "before-context", NULL };
	static const char *const others[] = { "m", "chars", "w", "words", "c", "bytes", "L", "max-line-length", NULL };
	struct str x = first_word(a), y = first_word(b);
	if (str_is(x, "find") && str_is(y, "xargs") && !null_separated(a) && !null_separated(b))
		sc_add(c, SC2038, a->at, b->end, "names with blanks break find | xargs: -print0 and -0, or -exec … +, keep them whole");
	if (str_is(x, "ps") && str_is(y, "grep") && !has_any_flag(a, pids))
		sc_add(c, SC2009, a->at, b->end, "pgrep finds processes without finding itself");
	if (str_is(x, "grep") && str_is(y, "wc") && !has_any_flag(a, counts) && !has_any_flag(b, others) && has_flag(b, "l"))
		sc_add(c, SC2126, a->at, b->end, "grep -c counts");
	if (str_is(x, "ls") && (str_is(y, "grep") || str_is(y, "xargs"))) {
		*ls = true;
		sc_add(c, str_is(y, "grep") ? SC2010 : SC2011, a->at, b->end, "names with blanks or newlines break ls | %.*s: a pattern, or find, keeps them whole", STR_FMT(y));
	}
}

/* What reads no input, and runs nothing in its words that could. */
static void nowhere(struct sc *c, const struct sh_node *n)
{
	static const char *const names[] = { "alias", "basename", "bg", "cal", "cd", "chgrp", "chmod", "chown", "cp", "du", "echo", "export", "false", "fg", "fuser", "getconf", "getopt", "getopts", "ipcrm", "ipcs",
		"jobs", "kill", "ln", "ls", "locale", "mv", "printf", "ps", "pwd", "renice", "rm", "rmdir", "set", "sleep", "touch", "trap", "true", "ulimit", "unalias", "uname", NULL };
	static const char *const ask[] = { "cp", "mv", "rm", NULL }, *const ours[] = { "true", "sleep", NULL };
	struct str name = sc_name(n);
	if (n->kind != SH_SIMPLE || !str_listed(name, names) || (str_listed(name, ask) && has_flag(n, "i")) || (!c->hado && str_listed(name, ours)))
		return;
	for (u32 i = 0; i < n->n_redirects; i++)
		if (n->redirects[i].op.p[0] == '<')
			return;
	for (u32 i = 1; i < n->n_words; i++)
		if (runs_command(n->words[i].parts, n->words[i].n_parts) || (n->words[i].n_parts && n->words[i].parts[0].kind == SH_PROCESS) || str_starts(n->words[i].text, STR("/dev/stdin")))
			return;
	sc_add(c, SC2216, n->at, n->end, "%.*s reads nothing of what is piped to it", STR_FMT(name));
}

static void pipeline(struct sc *c, const struct sh_node *n)
{
	bool ls = false;
	useless_cat(c, n->child);
	for (const struct sh_node *a = n->child->next; a; a = a->next)
		nowhere(c, a);
	for (const struct sh_node *a = n->child; a->next; a = a->next)
		pair(c, a, a->next, &ls);
	for (const struct sh_node *a = n->child; !ls && a->next; a = a->next)
		if (str_is(first_word(a), "ls") && !has_flag(a, "N"))
			sc_add(c, SC2012, a->at, a->end, "what ls prints is for people: find keeps unusual names whole");
}

/* --- --- */

static void substitutions(struct sc *c, const struct sh_part *v, u32 n)
{
	for (u32 i = 0; i < n; i++) {
		if (v[i].kind == SH_COMMAND)
			echo_of_echo(c, &v[i]);
		substitutions(c, v[i].parts, v[i].n_parts);
	}
}

void sc_command_node(struct sc *c, const struct sh_node *n)
{
	static const char *const declare[] = { "export", "readonly", "local", "declare", "typeset", NULL };
	struct str name = sc_name(n), first = first_word(n);
	for (u32 i = 0; i < n->n_words; i++)
		substitutions(c, n->words[i].parts, n->words[i].n_parts);
	const struct sh_word *w = n->words;
	if (!n->n_assigns && sc_has_glob(w) && w->source.n > 1)
		sc_add(c, SC2211, w->at, w->end, "the files that match this decide what runs");
	if (!n->n_assigns && w->n_parts && w->parts[0].kind == SH_LITERAL && w->source.n > 1 && w->source.p[0] == '-')
		sc_add(c, SC2215, w->at, w->end, "%.*s is run as a command: the line before ends too early", STR_FMT(w->source));
	if (n->n_redirects)
		stderr_first(c, n);
	if (n->parent && !n->substituted && n->parent->kind == SH_PIPELINE && n->parent->child == n)
		pipeline(c, n->parent);
	if (str_is(name, "echo"))
		echo_escapes(c, n);
	else if (str_is(name, "printf"))
		printf_format(c, n);
	else if (str_is(name, "find"))
		find_path(c, n);
	else if (str_is(first, "egrep") || str_is(first, "fgrep"))
		old_grep(c, n, str_is(first, "fgrep"));
	else if (str_is(name, "mkdir"))
		mkdir_mode(c, n);
	else if (str_is(name, "rm"))
		remove_root(c, n);
	else if (str_is(name, "mv"))
		one_operand(c, n, SC2224);
	else if (str_is(name, "cp"))
		one_operand(c, n, SC2225);
	else if (str_is(name, "ln"))
		one_operand(c, n, SC2226);
	else if (str_is(first, "[") || str_is(first, "test"))
		test(c, n, str_is(first, "["));
	else if (str_listed(first, declare))
		masked(c, n, first);
	else if (str_is(first, "read"))
		read_raw(c, n);
	else if (str_is(first, "sudo"))
		sudo_redirect(c, n);
	else if (str_is(first, "exit"))
		exit_status(c, n);
}
