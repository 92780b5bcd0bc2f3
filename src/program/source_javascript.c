/* source_javascript.c — what JavaScript and TypeScript refer to, and what a package.json says (node.c has what is made of it).
 *
 *      m NAME            require(), require.resolve(), what requires under another name (`__require("x")`)
 *      m NAME TAB i      import … from, export … from, import()
 *      m NAME TAB p      the beginning of a name whose rest is computed: `./locale/${x}`
 *      m PATH TAB f      a file or directory by its place beside the source: path.join(__dirname, "views"), new URL("x", import.meta.url)
 *      m PATH TAB q      the beginning of such a path
 *      m NAME TAB w      a source that is started: new Worker("./x.js"), fork("x")
 *      s, c              as source.h has them; strings only when they can be a name or a path
 *      x import          a module named by what is computed; x shell: a command line is given to a shell
 *
 * A slash begins a regular expression where a value cannot have ended: the token before it tells, and for brackets what opened them. What spans no line but has no end (strings, regular
 * expressions: JSX, mistakes) is taken for its first byte alone. Brackets are counted JS_DEPTH deep.
 *
 * Of a package.json, directives: "name", "type", "main"; "exports" and "imports" with subpath, conditions (a blank between) and target; "dep", "dev", "opt", "peer" with the package's name; "bin" with
 * name and path; "script" with name and command line. */
#include "base/json.h"
#include "program/node.h"

#define JS_DEPTH 1024u
#define JS_STRINGS ((size_t)(96 * KiB))
#define JS_NESTED 4u    /* path.join(path.dirname(…)) */
#define JS_LOOK 2048u /* bytes of an argument that are looked at */
#define PACKAGE_EXPORTS 20000u

enum token { T_NONE, T_WORD, T_STRING, T_TEMPLATE, T_REGEX, T_NUMBER, T_PUNCT };
enum bracket { B_PLAIN, B_CONTROL /* if (…) */, B_BLOCK, B_OBJECT, B_SQUARE, B_TEMPLATE };

struct js {
	struct source_note *note;
	struct str t;
	size_t at, told; /* told: up to there expressions were told of already */
	enum token kind, last;
	struct str tok, prev, prev2; /* this token, those before */
	bool value;             /* the token before ends a value: a slash divides */
	bool child, shell, cut;
	u32 depth;
	u8 stack[JS_DEPTH];
	struct buf strings;
};

/* What an expression is, as far as it is constant. */
struct value {
	char p[SOURCE_STRING * 2];
	size_t n;
	bool dir, file; /* begins with the directory of the source; is the source */
	bool open;      /* goes on with what is computed */
};

static bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$' || (u8)c >= 0x80; }
static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\v' || c == '\f'; }
static char at(struct str t, size_t i) { return i < t.n ? t.p[i] : '\0'; }

static size_t skip_comment(struct str t, size_t i)
{
	if (at(t, i + 1) == '/') {
		const char *nl = i < t.n ? memchr(t.p + i, '\n', t.n - i) : NULL;
		return nl ? (size_t)(nl - t.p) : t.n;
	}
	const char *end = str_find(str_from(t, i + 2), STR("*/"));
	return end ? (size_t)(end - t.p) + 2 : t.n;
}

static size_t skip(struct str t, size_t i)
{
	for (;;) {
		while (i < t.n && is_blank(t.p[i]))
			i++;
		if (at(t, i) != '/' || (at(t, i + 1) != '/' && at(t, i + 1) != '*'))
			return i;
		i = skip_comment(t, i);
	}
}

/* Behind a string that begins at i; 0: it has no end on its line. */
static size_t string_end(struct str t, size_t i)
{
	char quote = t.p[i++];
	for (; i < t.n; i++) {
		if (t.p[i] == '\\')
			i++;
		else if (t.p[i] == quote)
			return i + 1;
		else if (t.p[i] == '\n')
			return 0;
	}
	return 0;
}

static size_t regex_end(struct str t, size_t i)
{
	bool class = false;
	for (i++; i < t.n && t.p[i] != '\n'; i++) {
		if (t.p[i] == '\\')
			i++;
		else if (t.p[i] == '[')
			class = true;
		else if (t.p[i] == ']')
			class = false;
		else if (t.p[i] == '/' && !class) {
			for (i++; i < t.n && is_word(t.p[i]);)
				i++;
			return i;
		}
	}
	return 0;
}

/* Up to the end of a template, or behind "${"; `in` then. */
static size_t template_end(struct str t, size_t i, bool *in)
{
	*in = false;
	for (; i < t.n; i++) {
		if (t.p[i] == '\\')
			i++;
		else if (t.p[i] == '`')
			return i + 1;
		else if (t.p[i] == '$' && at(t, i + 1) == '{') {
			*in = true;
			return i + 2;
		}
	}
	return MIN(i, t.n);
}

/* --- constant expressions --- */

static void put(struct value *v, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (c == '\\' && i + 1 < s.n) {
			c = s.p[++i];
			if (c != '\\' && c != '/' && c != '.' && c != '\'' && c != '"' && c != '`' && c != '-')
				c = '\n'; /* printable it is not, or too hard to say what: nothing that is looked for */
		}
		if (v->n == sizeof v->p) {
			v->open = true;
			return;
		}
		v->p[v->n++] = c;
	}
}
static struct str text_of(const struct value *v) { return str_n(v->p, v->n); }

static bool expression(struct str t, size_t *pos, u32 depth, struct value *v);

/* The words of a chain: "path.posix.join"; the last one is returned. */
static struct str chain(struct str t, size_t *pos, struct str *whole)
{
	size_t from = *pos, i = from, last = from;
	for (;;) {
		last = i;
		while (i < t.n && is_word(t.p[i]))
			i++;
		if (at(t, i) == '?' && at(t, i + 1) == '.')
			i++;
		if (at(t, i) != '.' || !is_word(at(t, i + 1)))
			break;
		i++;
	}
	*whole = str_n(t.p + from, i - from);
	*pos = i;
	return str_n(t.p + last, i - last);
}

static void up(struct value *v)
{
	if (v->file) {
		v->file = false;
		v->dir = true;
	} else if (v->n || v->dir) {
		put(v, STR("/.."));
	} else {
		v->open = true;
	}
}

/* The arguments of join() or resolve(), as one path; *pos behind the bracket. */
static void joined(struct str t, size_t *pos, u32 depth, struct value *v)
{
	for (bool first = true;; first = false) {
		*pos = skip(t, *pos);
		if (at(t, *pos) == ')')
			return;
		struct value w = { 0 };
		if (!expression(t, pos, depth + 1, &w)) {
			v->open = true;
			if (!first)
				put(v, STR("/"));
			return;
		}
		struct str s = text_of(&w);
		if (first) {
			*v = w;
		} else {
			if (v->file && str_starts(s, STR(".."))) {
				up(v);
				s = str_from(s, 2);
			} else {
				put(v, STR("/"));
			}
			put(v, s);
			v->open |= w.open;
		}
		*pos = skip(t, *pos);
		if (v->open || at(t, *pos) != ',')
			return;
		++*pos;
	}
}

static void called(struct str t, size_t *pos, struct str name, u32 depth, struct value *v)
{
	struct value w = { 0 };
	*pos = skip(t, *pos) + 1;
	if (str_is(name, "join") || str_is(name, "resolve")) {
		joined(t, pos, depth, v);
	} else if (str_among(name, "dirname fileURLToPath pathToFileURL normalize String")) {
		if (!expression(t, pos, depth + 1, v))
			v->open = true;
		else if (str_is(name, "dirname"))
			up(v);
	} else if (str_is(name, "URL")) {
		if (!expression(t, pos, depth + 1, v))
			v->open = true;
		*pos = skip(t, *pos);
		if (at(t, *pos) == ',') {
			++*pos;
			if (expression(t, pos, depth + 1, &w) && w.file)
				v->dir = true;
			else
				v->open = true;
		}
	} else {
		v->open = true;
		return;
	}
	*pos = skip(t, *pos);
	if (at(t, *pos) == ')')
		++*pos;
	else
		v->open = true;
}

static void word(struct str t, size_t *pos, u32 depth, struct value *v)
{
	struct str whole, last = chain(t, pos, &whole);
	if (str_is(whole, "new")) {
		*pos = skip(t, *pos);
		last = chain(t, pos, &whole);
	}
	if ((str_is(whole, "__dirname") || str_is(whole, "import.meta.dirname")) && !v->n)
		v->dir = true;
	else if ((str_among(whole, "__filename import.meta.url import.meta.filename")) && !v->n)
		v->file = true;
	else if (last.n && at(t, skip(t, *pos)) == '(' && depth < JS_NESTED && !v->n)
		called(t, pos, last, depth, v);
	else
		v->open = true;
}

static void template(struct str t, size_t *pos, struct value *v)
{
	bool in;
	size_t from = *pos + 1, end = template_end(t, from, &in);
	for (;;) {
		size_t n = end - from;
		put(v, str_n(t.p + from, n - MIN(n, in ? 2u : (at(t, end - 1) == '`'))));
		*pos = end;
		if (!in)
			return;
		size_t i = skip(t, end);
		struct str whole;
		chain(t, &i, &whole);
		i = skip(t, i);
		if (v->n || v->dir || at(t, i) != '}' || (!str_is(whole, "__dirname") && !str_is(whole, "import.meta.dirname"))) {
			v->open = true;
			return;
		}
		v->dir = true;
		from = i + 1;
		end = template_end(t, from, &in);
	}
}

/* What stands at *pos, up to what ends an expression; false: nothing of it is constant. */
static bool expression(struct str t, size_t *pos, u32 depth, struct value *v)
{
	for (;;) {
		size_t i = *pos = skip(t, *pos), end;
		char c = at(t, i);
		if (c == '"' || c == '\'') {
			if (!(end = string_end(t, i)))
				return false;
			put(v, str_n(t.p + i + 1, end - i - 2));
			*pos = end;
		} else if (c == '`') {
			template(t, pos, v);
		} else if (is_word(c)) {
			word(t, pos, depth, v);
		} else {
			v->open = true;
		}
		if (v->open)
			break;
		*pos = skip(t, *pos);
		if (at(t, *pos) != '+')
			break;
		++*pos;
	}
	return v->n || v->dir || v->file;
}

/* --- what is told --- */

static void tell(struct js *j, char letter, struct str text, const char *kind)
{
	struct buf b = BUF(8 * KiB);
	buf_add(&b, text);
	buf_puts(&b, kind);
	source_tell(j->note, letter, buf_str(&b));
	buf_free(&b);
}

/* A path from the source's own directory. */
static void tell_place(struct js *j, const struct value *v, const char *whole, const char *begun)
{
	struct buf b = BUF(4 * KiB);
	struct str s = text_of(v);
	bool bare = !str_trim(s).n || str_is(s, "/");
	buf_puts(&b, "./");
	while (s.n && s.p[0] == '/')
		s = str_from(s, 1);
	buf_add(&b, s);
	if (str_ends(s, STR("..")))
		buf_puts(&b, "/");
	tell(j, 'm', buf_str(&b), v->open || bare || str_ends(s, STR("..")) ? begun : whole);
	buf_free(&b);
}

/* Every string among the arguments: `a ? "./x" : "./y"`. */
static bool tell_any(struct js *j, size_t i, const char *kind)
{
	struct str t = str_head(j->t, i + JS_LOOK);
	u32 open = 1;
	bool choice = false, some = false;
	for (i = skip(t, i); i < t.n && open; i = skip(t, i)) {
		size_t end = 0;
		if ((t.p[i] == '"' || t.p[i] == '\'') && (end = string_end(t, i))) {
			tell(j, 'm', str_n(t.p + i + 1, end - i - 2), kind);
			some = true;
			i = end;
			continue;
		}
		open += t.p[i] == '(';
		open -= t.p[i] == ')';
		choice |= t.p[i] == '?' || t.p[i] == '|';
		i++;
	}
	return choice && some;
}

/* require(…), import(…): the bracket stands at i. */
static void tell_import(struct js *j, size_t i, const char *kind)
{
	struct value v = { 0 };
	size_t pos = i + 1;
	bool known = expression(str_head(j->t, i + JS_LOOK), &pos, 0, &v);
	char after = at(j->t, skip(j->t, pos));
	if (known && !v.open && v.file)
		return;
	if (known && v.dir) {
		tell_place(j, &v, kind, "\tp");
		if (v.open && !v.n)
			source_tell(j->note, 'x', STR("import"));
		j->told = pos;
	} else if (known && !v.open && (after == ')' || after == ',')) {
		tell(j, 'm', text_of(&v), kind);
	} else if (known && v.open && v.n && (str_chr(text_of(&v), '/') || v.p[0] == '@')) {
		tell(j, 'm', text_of(&v), "\tp");
	} else if (at(j->t, skip(j->t, i + 1)) != ')' && !tell_any(j, i + 1, kind)) {
		source_tell(j->note, 'x', STR("import"));
	}
}

/* import "x", … from "x": the string stands at i. */
static void tell_name(struct js *j, size_t i)
{
	size_t end = string_end(j->t, i);
	if (end)
		tell(j, 'm', str_n(j->t.p + i + 1, end - i - 2), "\ti");
}

/* spawn("program", ["a", "b"]) */
static void tell_program(struct js *j, size_t i, bool shell)
{
	struct str t = str_head(j->t, i + JS_LOOK);
	struct value v = { 0 };
	struct buf b = BUF(2 * KiB);
	size_t pos = i + 1, end;
	bool known = expression(t, &pos, 0, &v) && v.n && !v.dir && !v.file;
	if (known)
		buf_add(&b, text_of(&v));
	pos = skip(t, pos);
	if (known && !v.open && !shell && at(t, pos) == ',' && at(t, skip(t, pos + 1)) == '[') {
		pos = skip(t, skip(t, pos + 1) + 1);
		while ((at(t, pos) == '"' || at(t, pos) == '\'') && (end = string_end(t, pos))) {
			buf_putc(&b, '\x1f');
			buf_add(&b, str_n(t.p + pos + 1, end - pos - 2));
			pos = skip(t, end);
			if (at(t, pos) == ',')
				pos = skip(t, pos + 1);
		}
	}
	if (known && (shell || !v.open))
		source_tell(j->note, 'c', buf_str(&b));
	if (shell || (known && str_chr(buf_str(&b), ' ')))
		j->shell = true;
	buf_free(&b);
}

/* new Worker("./x.js"), fork("./x") */
static void tell_started(struct js *j, size_t i)
{
	struct value v = { 0 };
	size_t pos = i + 1;
	if (!expression(str_head(j->t, i + JS_LOOK), &pos, 0, &v) || v.file)
		return;
	if (v.dir)
		tell_place(j, &v, "\tw", "\tp");
	else if (!v.open)
		tell(j, 'm', text_of(&v), "\tw");
}

static void tell_string(struct js *j, struct str s)
{
	bool letter = false, small = true;
	if (s.n < 2 || s.n > SOURCE_STRING || j->strings.n > JS_STRINGS)
		return;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (!is_word(c) && c != '.' && c != '/' && c != '-' && c != '@' && c != '+' && c != ':')
			return;
		if ((u8)c >= 0x80)
			return;
		letter |= c >= 'a' && c <= 'z';
		small &= !(c >= 'A' && c <= 'Z');
	}
	if (!letter || (!small && !str_chr(s, '.') && !str_chr(s, '/')))
		return;
	buf_add(&j->strings, s);
	buf_putc(&j->strings, '\n');
}

/* --- tokens --- */

static void push(struct js *j, enum bracket b)
{
	if (j->depth < JS_DEPTH)
		j->stack[j->depth] = (u8)b;
	else
		j->cut = true;
	j->depth += j->depth < JS_DEPTH;
}
static enum bracket pop(struct js *j) { return j->depth ? j->stack[--j->depth] : B_PLAIN; }

/* A word behind which an expression begins. */
static bool opens(struct str w) { return str_among(w, "return typeof instanceof in of new delete void throw case do else yield await extends default"); }

static void punct(struct js *j, char c)
{
	switch (c) {
	case '(':
		push(j, j->last == T_WORD && str_among(j->prev, "if while for with") ? B_CONTROL : B_PLAIN);
		j->value = false;
		break;
	case '[':
		push(j, B_SQUARE);
		j->value = false;
		break;
	case '{': {
		char p = j->prev.n ? j->prev.p[j->prev.n - 1] : ';';
		bool object = j->last == T_PUNCT ? strchr("=(,:[!&|?+-*%~^<", p) != NULL : j->last == T_WORD && str_among(j->prev, "return typeof in of new delete void throw case yield await default");
		push(j, object ? B_OBJECT : B_BLOCK);
		j->value = false;
		break;
	}
	case ')':
		j->value = pop(j) != B_CONTROL;
		break;
	case ']':
		pop(j);
		j->value = true;
		break;
	case '}':
		j->value = pop(j) == B_OBJECT;
		break;
	case '+':
	case '-':
		if (j->last == T_PUNCT && j->prev.n == 1 && j->prev.p[0] == c && j->prev.p + 1 == j->tok.p)
			break; /* "++" behind a value leaves a value */
		j->value = j->value && at(j->t, j->at) == c;
		break;
	default:
		j->value = false;
	}
}

static void step(struct js *j, enum token kind, size_t end)
{
	j->kind = kind;
	j->tok = str_n(j->t.p + j->at, end - j->at);
	j->at = end;
}

/* The next token; false at the end. The one before is j->prev. */
static bool next(struct js *j)
{
	size_t end;
	bool in;
	j->prev2 = j->prev;
	j->prev = j->tok;
	j->last = j->kind;
	j->at = skip(j->t, j->at);
	if (j->at >= j->t.n || j->cut)
		return false;
	char c = j->t.p[j->at];
	if ((c == '"' || c == '\'') && (end = string_end(j->t, j->at))) {
		step(j, T_STRING, end);
		j->value = true;
	} else if (c == '`' || (c == '}' && j->depth && j->stack[j->depth - 1] == B_TEMPLATE)) {
		if (c == '}')
			pop(j);
		step(j, T_TEMPLATE, template_end(j->t, j->at + 1, &in));
		if (in)
			push(j, B_TEMPLATE);
		j->value = !in;
	} else if (c == '/' && !j->value && (end = regex_end(j->t, j->at))) {
		step(j, T_REGEX, end);
		j->value = true;
	} else if (is_word(c)) {
		for (end = j->at; end < j->t.n && is_word(j->t.p[end]);)
			end++;
		step(j, c >= '0' && c <= '9' ? T_NUMBER : T_WORD, end);
		j->value = j->kind == T_NUMBER || !opens(j->tok) || str_is(j->prev, ".");
	} else {
		step(j, T_PUNCT, j->at + 1);
		punct(j, c);
	}
	return true;
}

static bool is_require(struct str w) { return str_ends(w, STR("require")) || str_ends(w, STR("Require")) || str_starts(w, STR("require")) || str_is(w, "__webpack_require__"); }

/* A word of those that matter. */
static void on_word(struct js *j)
{
	struct str w = j->tok;
	size_t from = (size_t)(w.p - j->t.p), i = skip(j->t, j->at), pos = from;
	char c = at(j->t, i);
	struct value v = { 0 };
	if (str_is(w, "import") && !(j->last == T_PUNCT && str_is(j->prev, "."))) {
		if (c == '"' || c == '\'')
			tell_name(j, i);
		else if (c == '(')
			tell_import(j, i, "\ti");
	} else if (str_is(w, "from") && !(j->last == T_PUNCT && str_is(j->prev, ".")) && (c == '"' || c == '\'')) {
		tell_name(j, i);
	} else if (is_require(w) && c == '(' && !str_is(j->prev, "function")) {
		tell_import(j, i, "");
	} else if (str_is(w, "resolve") && c == '(' && str_is(j->prev, ".") && (is_require(j->prev2) || str_is(j->prev2, "meta"))) {
		tell_import(j, i, str_is(j->prev2, "meta") ? "\ti" : "");
	} else if (c == '(' && str_among(w, "Worker SharedWorker fork")) {
		tell_started(j, i);
	} else if (c == '(' && str_among(w, "spawn spawnSync execFile execFileSync execa execaSync")) {
		tell_program(j, i, false);
	} else if (c == '(' && str_among(w, "exec execSync execaCommand execaCommandSync")) {
		tell_program(j, i, true);
	}
	if (from < j->told)
		return;
	bool call = c == '(' && str_among(w, "join resolve dirname fileURLToPath URL");
	if ((call || str_is(w, "__dirname") || (str_is(w, "import") && c == '.')) && expression(str_head(j->t, from + JS_LOOK), &pos, 0, &v) && v.dir) {
		if (v.n || v.open || at(j->t, skip(j->t, pos)) != '=')
			if (!(str_is(j->prev, "=") && str_is(j->prev2, "__dirname")))
				tell_place(j, &v, "\tf", "\tq");
		j->told = MAX(pos, j->at);
	}
}

static void on_template(struct js *j)
{
	struct value v = { 0 };
	size_t from = (size_t)(j->tok.p - j->t.p), pos = from;
	if (at(j->t, from) != '`')
		return;
	if (j->last == T_WORD && str_is(j->prev, "$")) {
		source_tell(j->note, 'c', str_trim(str_n(j->tok.p + 1, j->tok.n - MIN(j->tok.n, (size_t)2))));
		j->shell = true;
	}
	if (from >= j->told && expression(str_head(j->t, from + JS_LOOK), &pos, 0, &v) && v.dir) {
		tell_place(j, &v, "\tf", "\tq");
		j->told = pos;
	}
}

static void read_source(struct str text, struct source_note *n)
{
	struct js *j = xcalloc(1, sizeof *j);
	j->note = n;
	j->t = text;
	j->strings = BUF(JS_STRINGS + SOURCE_STRING + 2);
	if (str_starts(text, STR("\xef\xbb\xbf")))
		j->at = 3;
	if (str_starts(str_from(text, j->at), STR("#!")))
		while (j->at < text.n && text.p[j->at] != '\n')
			j->at++;
	while (next(j)) {
		if (j->kind == T_WORD) {
			on_word(j);
		} else if (j->kind == T_TEMPLATE) {
			on_template(j);
		} else if (j->kind == T_STRING) {
			struct str s = str_n(j->tok.p + 1, j->tok.n - 2);
			j->child |= str_is(s, "child_process") || str_is(s, "node:child_process");
			tell_string(j, s);
		}
	}
	if (j->child)
		source_tell(n, 'x', j->shell ? STR("shell") : STR("run"));
	if (j->cut)
		source_tell(n, 'x', STR("cut"));
	for (struct str rest = buf_str(&j->strings); rest.p && rest.n;)
		source_tell(n, 's', str_cut(&rest, '\n'));
	buf_free(&j->strings);
	free(j);
}

/* --- package.json --- */

static void tell_target(struct source_note *n, const char *what, const char *sub, const char *conditions, const json_t *v)
{
	struct buf b = BUF(4 * KiB);
	buf_printf(&b, "%s\t%s\t%s\t%s", what, sub, conditions, json_is_string(v) ? json_string_value(v) : "");
	source_tell(n, 'd', buf_str(&b));
	buf_free(&b);
}

/* The targets of one subpath, conditions flattened, in their order. */
static void tell_conditions(struct source_note *n, const char *what, const char *sub, const json_t *value, const char *conditions, u32 depth, u32 *left)
{
	const char *key;
	json_t *x;
	size_t i;
	if (!*left || depth > 8)
		return;
	--*left;
	if (json_is_array(value)) {
		json_array_foreach((json_t *)(uintptr_t)value, i, x)
			tell_conditions(n, what, sub, x, conditions, depth + 1, left);
	} else if (json_is_object(value)) {
		json_object_foreach((json_t *)(uintptr_t)value, key, x) {
			struct buf b = BUF(400);
			buf_printf(&b, "%s%s%s", conditions, *conditions ? " " : "", key);
			tell_conditions(n, what, sub, x, b.p ? b.p : "", depth + 1, left);
			buf_free(&b);
		}
	} else {
		tell_target(n, what, sub, conditions, value);
	}
}

static void tell_exports(struct source_note *n, const char *what, const json_t *v)
{
	const char *key;
	json_t *x;
	u32 left = PACKAGE_EXPORTS;
	bool paths = false;
	if (!v)
		return;
	if (json_is_object(v))
		json_object_foreach((json_t *)(uintptr_t)v, key, x)
			paths |= key[0] == '.' || key[0] == '#';
	if (!paths) {
		tell_conditions(n, what, ".", v, "", 0, &left);
		return;
	}
	json_object_foreach((json_t *)(uintptr_t)v, key, x)
		tell_conditions(n, what, key, x, "", 0, &left);
}

static void tell_pair(struct source_note *n, const char *what, const char *name, const char *value)
{
	struct buf b = BUF(4 * KiB);
	buf_printf(&b, "%s\t%s%s%s", what, name, value ? "\t" : "", value ? value : "");
	source_tell(n, 'd', buf_str(&b));
	buf_free(&b);
}

static void tell_keys(struct source_note *n, const char *what, const json_t *j, const char *field, bool values)
{
	const char *key;
	json_t *x;
	json_object_foreach(json_obj(j, field), key, x)
		if (!values || json_is_string(x))
			tell_pair(n, what, key, values ? json_string_value(x) : NULL);
}

static void read_package(struct str text, struct source_note *n)
{
	struct error e = { 0 };
	if (str_starts(text, STR("\xef\xbb\xbf")))
		text = str_from(text, 3);
	json_t *j autojson = str_trim(text).n ? json_read(text, "package.json", &e) : NULL;
	static const char *const plain[] = { "name", "type", "main" };
	if (!json_is_object(j))
		return;
	for (size_t i = 0; i < countof(plain); i++)
		if (json_text(j, plain[i]))
			tell_pair(n, plain[i], json_text(j, plain[i]), NULL);
	tell_exports(n, "exports", json_object_get(j, "exports"));
	tell_exports(n, "imports", json_object_get(j, "imports"));
	tell_keys(n, "dep", j, "dependencies", false);
	tell_keys(n, "opt", j, "optionalDependencies", false);
	tell_keys(n, "peer", j, "peerDependencies", false);
	tell_keys(n, "dev", j, "devDependencies", false);
	tell_keys(n, "script", j, "scripts", true);
	tell_keys(n, "bin", j, "bin", true);
	if (json_text(j, "bin"))
		tell_pair(n, "bin", "", json_text(j, "bin"));
}

static bool is_script(struct str name)
{
	static const char *const ends[] = { ".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".jsx", ".tsx" };
	if (str_ends(name, STR(".d.ts")) || str_ends(name, STR(".d.mts")) || str_ends(name, STR(".d.cts")))
		return false;
	for (size_t i = 0; i < countof(ends); i++)
		if (str_ends(name, str_of(ends[i])))
			return true;
	return false;
}

static bool is(struct str dir, struct str name)
{
	(void)dir;
	return is_script(name) || str_is(name, "package.json");
}
static bool runs(struct str interpreter) { return str_among(interpreter, "node nodejs bun deno ts-node tsx"); }

static void read_javascript(struct str dir, struct str name, struct str text, struct source_note *n)
{
	(void)dir;
	if (str_is(name, "package.json"))
		read_package(text, n);
	else
		read_source(text, n);
}

const struct source_language source_javascript = { .letter = 'N', .name = "JavaScript", .is = is, .runs = runs, .read = read_javascript };
