/* source_python.c — scans Python: which modules a source imports and names, which programs it starts; python.h has the lines. One pass over tokens with a copy of the scanner for looking ahead;
 * calls that matter are told by their name, and their first arguments are read as far as they are literals. */
#include "program/python.h"
#include "program/script.h"

#define TEXT_MAX ((size_t)(64 * KiB)) /* of one literal that is read whole: a shell's text, a program for -c */
#define SIDE_MAX ((size_t)(16 * KiB))

enum { T_END, T_NAME, T_STRING, T_OP, T_LINE };
struct token {
	u8 kind;
	char op;                   /* T_OP; ')' stands for '}' and ']' of no interest, too */
	bool first;                /* of its line */
	bool raw, formatted;       /* of a string */
	u32 column;                /* of the first of its line */
	struct str text;           /* a name; what stands between the quotes */
};

struct scan {
	struct str text;
	size_t at, line; /* where the line began */
	u32 depth;       /* of brackets */
	bool some;       /* the statement has begun */
};

enum block { BLOCK_NONE, BLOCK_TYPES, BLOCK_MAIN, BLOCK_ELSE }; /* ELSE: what another module was not there for */
struct python {
	struct scan s;
	struct source_note *n;
	struct token before[2]; /* the last token and the one before */
	enum block block;
	u32 column; /* of the block's head */
	bool nested, runs, bare_run; /* text of exec(); runs what is computed; run() is subprocess.run() */
	struct buf lines; /* strings that may be command lines, US between */
};

static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80); }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_quote(char c) { return c == '"' || c == '\''; }

static char at(const struct scan *s, size_t k) { return s->at + k < s->text.n ? s->text.p[s->at + k] : '\0'; }

/* The string that begins at the quote. Unterminated: a single quote's ends with the line, a triple one's with the text. */
static void take_string(struct scan *s, struct token *t)
{
	char q = at(s, 0);
	bool triple = at(s, 1) == q && at(s, 2) == q;
	s->at += triple ? 3 : 1;
	size_t from = s->at;
	t->kind = T_STRING;
	while (s->at < s->text.n) {
		char c = s->text.p[s->at];
		if (c == '\\') {
			s->at = MIN(s->at + 2, s->text.n);
			continue;
		}
		if (c == q && (!triple || (at(s, 1) == q && at(s, 2) == q))) {
			t->text = str_n(s->text.p + from, s->at - from);
			s->at += triple ? 3 : 1;
			return;
		}
		if (c == '\n' && !triple)
			break;
		s->at++;
	}
	t->text = str_n(s->text.p + from, s->at - from);
}

/* Over blanks, comments and line ends that mean nothing; true: the statement's line ends here. */
static bool skip(struct scan *s, bool *first)
{
	while (s->at < s->text.n) {
		char c = s->text.p[s->at];
		if (c == '#') {
			const char *e = memchr(s->text.p + s->at, '\n', s->text.n - s->at);
			s->at = e ? (size_t)(e - s->text.p) : s->text.n;
			continue;
		}
		if (c == '\n') {
			s->line = ++s->at;
			*first = true;
			if (!s->depth && s->some) {
				s->some = false;
				return true;
			}
			continue;
		}
		if (c == '\\' && (at(s, 1) == '\n' || at(s, 1) == '\r')) {
			s->at += at(s, 1) == '\r' && at(s, 2) == '\n' ? 3 : 2;
			continue;
		}
		if (c != ' ' && c != '\t' && c != '\r' && c != '\f')
			return false;
		s->at++;
	}
	return false;
}

static struct token next(struct scan *s)
{
	struct token t = { .kind = T_END };
	bool first = !s->some && !s->depth && s->at == 0;
	if (skip(s, &first)) {
		t.kind = T_LINE;
		return t;
	}
	if (s->at >= s->text.n)
		return t;
	size_t from = s->at;
	/* after a T_LINE the line's first token is told by where it stands: only blanks before it */
	size_t k = from;
	while (k > s->line && (s->text.p[k - 1] == ' ' || s->text.p[k - 1] == '\t' || s->text.p[k - 1] == '\f'))
		k--;
	t.first = first || k == s->line;
	for (size_t i = s->line; t.first && i < from && t.column < 1000; i++)
		t.column = s->text.p[i] == '\t' ? (t.column | 7) + 1 : t.column + 1;
	s->some = true;
	char c = s->text.p[from];
	if (is_quote(c)) {
		take_string(s, &t);
		return t;
	}
	if (is_letter(c) || is_digit(c)) {
		while (s->at < s->text.n && (is_letter(s->text.p[s->at]) || is_digit(s->text.p[s->at])))
			s->at++;
		t.kind = T_NAME;
		t.text = str_n(s->text.p + from, s->at - from);
		if (is_quote(at(s, 0)) && t.text.n <= 2 && strspn(t.text.p, "rRbBuUfFtT") >= t.text.n) {
			for (size_t i = 0; i < t.text.n; i++) {
				t.raw |= (t.text.p[i] | 0x20) == 'r';
				t.formatted |= (t.text.p[i] | 0x20) == 'f' || (t.text.p[i] | 0x20) == 't';
			}
			take_string(s, &t);
		}
		return t;
	}
	t.kind = T_OP;
	t.op = c;
	s->at++;
	s->depth += c == '(' || c == '[' || c == '{';
	if ((c == ')' || c == ']' || c == '}') && s->depth)
		s->depth--;
	return t;
}

static struct token peek(const struct scan *s)
{
	struct scan c = *s;
	return next(&c);
}

static bool is_op(const struct token *t, char c) { return t->kind == T_OP && t->op == c; }
static bool is_name(const struct token *t, const char *z) { return t->kind == T_NAME && str_is(t->text, z); }

/* --- literals --- */
/* What a string literal says; of a formatted one what stands before the first replacement: false then. */
static bool put_literal(const struct token *t, struct buf *out)
{
	for (size_t i = 0; i < t->text.n; i++) {
		char c = t->text.p[i], d = i + 1 < t->text.n ? t->text.p[i + 1] : '\0';
		if (t->formatted && c == '{' && d != '{')
			return false;
		if (t->formatted && (c == '{' || c == '}') && d == c)
			i++;
		if (c == '\\' && !t->raw) {
			i++;
			c = d == 'n' ? '\n' : d == 't' ? '\t' : d;
			if (d == '\n')
				continue;
		}
		buf_putc(out, c);
	}
	return true;
}

/* The literal that begins with `t`, those that follow it directly, and what is done to it: false when more is put in or behind; `out` is then what it begins with. */
static bool put_text(struct scan *s, const struct token *t, struct buf *out)
{
	bool whole = put_literal(t, out);
	for (struct token u = peek(s); u.kind == T_STRING; u = peek(s)) {
		next(s);
		whole = whole && put_literal(&u, out);
	}
	struct token u = peek(s);
	char cut = is_op(&u, '%') ? '%' : is_op(&u, '.') ? '{' : '\0';
	if (whole && is_op(&u, '.')) { /* "…".format() */
		struct scan c = *s;
		next(&c);
		struct token v = next(&c);
		if (!is_name(&v, "format"))
			cut = '\0'; /* .split(), .encode(): it begins so all the same */
	}
	if (cut && str_chr(buf_str(out), cut)) {
		out->n = (size_t)(str_chr(buf_str(out), cut) - out->p);
		return false;
	}
	return whole && !is_op(&u, '+');
}

/* --- arguments --- */
enum arg_kind { ARG_NONE, ARG_TEXT, ARG_PREFIX, ARG_LIST, ARG_OTHER };
struct arg {
	enum arg_kind kind;
	struct str key;
	struct buf text; /* the text; of a list its words with US between, what is computed as RS and its name */
};

static void put_element(struct scan *s, const struct token *t, struct buf *out)
{
	size_t from = out->n;
	if (t->kind == T_STRING && put_text(s, t, out)) {
		if (out->n > from && !str_chr(str_n(out->p + from, out->n - from), SCRIPT_US))
			return;
	}
	out->n = from;
	struct token a = *t, dot = peek(s);
	buf_putc(out, SCRIPT_RS);
	buf_add(out, a.kind == T_NAME ? a.text : STR("?"));
	struct scan c = *s;
	next(&c);
	struct token b = next(&c);
	if (a.kind == T_NAME && is_op(&dot, '.') && b.kind == T_NAME)
		buf_printf(out, ".%.*s", STR_FMT(b.text));
}

/* The words of a list whose bracket was read. */
static void take_list(struct scan *s, u32 depth, struct buf *out)
{
	bool element = true; /* one begins here */
	for (u32 words = 0; s->depth >= depth;) {
		struct token t = next(s);
		if (t.kind == T_END || s->depth < depth)
			return;
		if (is_op(&t, ',') && s->depth == depth) {
			element = true;
			continue;
		}
		if (!element || words == PYTHON_WORDS)
			continue;
		if (words++)
			buf_putc(out, SCRIPT_US);
		put_element(s, &t, out);
		element = false;
	}
}

/* One argument of a call whose bracket was read (at `depth`), up to its comma; ARG_NONE: there are no more. */
static struct arg argument(struct scan *s, u32 depth)
{
	struct arg a = { .text = BUF(TEXT_MAX) };
	struct token t = next(s);
	if (t.kind == T_END || s->depth < depth)
		return a;
	if (t.kind == T_NAME) { /* key= but not key== */
		struct scan c = *s;
		struct token u = next(&c), v = peek(&c);
		if (is_op(&u, '=') && !is_op(&v, '=')) {
			a.key = t.text;
			*s = c;
			t = next(s);
		}
	}
	if (t.kind == T_STRING)
		a.kind = put_text(s, &t, &a.text) ? ARG_TEXT : ARG_PREFIX;
	else if ((is_op(&t, '[') || is_op(&t, '(')) && s->depth == depth + 1) {
		a.kind = ARG_LIST;
		take_list(s, depth + 1, &a.text);
		struct token u = peek(s);
		if (is_op(&u, '+'))
			buf_printf(&a.text, "%c%c?", SCRIPT_US, SCRIPT_RS);
	} else {
		a.kind = ARG_OTHER;
		a.text.n = 0;
		buf_add(&a.text, t.kind == T_NAME ? t.text : STR("?"));
	}
	while (s->depth >= depth && !(is_op(&t, ',') && s->depth == depth)) {
		struct token u = peek(s);
		if (u.kind == T_END)
			break;
		if (a.kind == ARG_TEXT && s->depth == depth && !is_op(&u, ',') && !is_op(&u, ')'))
			a.kind = ARG_PREFIX; /* "x".join(…), "x" if y else z */
		t = next(s);
	}
	return a;
}

/* The first positional argument, or that of one of these names; behind `skip_first` others. */
static struct arg first_argument(const struct python *p, u32 skip_first, const char *keys)
{
	struct scan s = p->s;
	next(&s); /* the bracket */
	u32 depth = s.depth;
	for (u32 i = 0; i < 32 && s.depth >= depth; i++) {
		struct arg a = argument(&s, depth);
		if (a.kind == ARG_NONE || (a.key.p ? str_among(a.key, keys) : i == skip_first))
			return a;
		buf_free(&a.text);
	}
	return (struct arg){ 0 };
}

static bool has_key(const struct python *p, const char *key, const char *value)
{
	struct scan s = p->s;
	next(&s);
	u32 depth = s.depth;
	for (u32 i = 0; i < 64 && s.depth >= depth; i++) {
		struct arg a = argument(&s, depth);
		bool end = a.kind == ARG_NONE, hit = a.key.p && str_is(a.key, key) && str_is(buf_str(&a.text), value);
		buf_free(&a.text);
		if (end || hit)
			return hit;
	}
	return false;
}

/* --- telling --- */
static bool is_dotted(struct str s)
{
	bool begin = true;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '.' ? begin : begin ? !is_letter(s.p[i]) : !is_letter(s.p[i]) && !is_digit(s.p[i]))
			return false;
		begin = s.p[i] == '.';
	}
	return s.n && !begin;
}

static void tell(struct source_note *n, char letter, const char *head, struct str text, const char *tail)
{
	struct buf b = BUF(4 * KiB);
	buf_puts(&b, head);
	buf_add(&b, text);
	buf_puts(&b, tail);
	if (!b.over)
		source_tell(n, letter, buf_str(&b));
	buf_free(&b);
}

/* "a.b", "a.b:c", ".b": as text of a call that imports; else it is none. */
static void tell_module(struct python *p, struct str text)
{
	struct str rest = str_trim(text), name = str_cut(&rest, ':'), body = name;
	while (body.n && body.p[0] == '.')
		body = str_from(body, 1);
	if (is_dotted(body))
		tell(p->n, 'm', "", name, "");
}

static const char *mark(const struct python *p, bool named)
{
	static const char *const marks[][2] = { [BLOCK_NONE] = { "", "" }, [BLOCK_TYPES] = { "", "" }, [BLOCK_MAIN] = { "\t\tmain", "\tmain" }, [BLOCK_ELSE] = { "\t\telse", "\telse" } };
	return marks[p->block][named];
}

/* a.b.c, with dots before it; p->s behind it. False: nothing is there. */
static bool take_dotted(struct python *p, struct buf *out)
{
	bool name = false;
	for (;;) {
		struct token t = peek(&p->s);
		if (t.kind == T_NAME && !name && !is_name(&t, "import")) {
			buf_add(out, t.text);
			name = true;
		} else if (is_op(&t, '.')) {
			buf_putc(out, '.');
			name = false;
		} else
			return out->n && out->n < 1000;
		next(&p->s);
	}
}

static void skip_as(struct python *p)
{
	struct token t = peek(&p->s);
	if (!is_name(&t, "as"))
		return;
	next(&p->s);
	t = peek(&p->s);
	if (t.kind == T_NAME)
		next(&p->s);
}

static void import_statement(struct python *p)
{
	for (;;) {
		struct buf b = BUF(2 * KiB);
		bool some = take_dotted(p, &b);
		if (some && p->block != BLOCK_TYPES)
			tell(p->n, 'm', "", buf_str(&b), mark(p, false));
		buf_free(&b);
		skip_as(p);
		struct token t = peek(&p->s);
		if (!some || !is_op(&t, ','))
			return;
		next(&p->s);
	}
}

static void from_statement(struct python *p)
{
	struct buf b = BUF(2 * KiB);
	struct token t;
	if (!take_dotted(p, &b) || (t = peek(&p->s), !is_name(&t, "import")))
		goto out;
	next(&p->s);
	buf_putc(&b, '\t');
	size_t from = b.n;
	t = peek(&p->s);
	bool bracket = is_op(&t, '(');
	if (bracket)
		next(&p->s);
	for (u32 depth = p->s.depth; p->s.depth == depth;) {
		t = peek(&p->s);
		if (t.kind != T_NAME && !is_op(&t, '*') && !(bracket && is_op(&t, ')')))
			break;
		next(&p->s);
		if (is_op(&t, ')'))
			break;
		b.n = from;
		buf_add(&b, is_op(&t, '*') ? STR("*") : t.text);
		p->bare_run |= str_is(buf_str(&b), "subprocess\trun") || str_is(buf_str(&b), "subprocess\tcall");
		if (p->block != BLOCK_TYPES)
			tell(p->n, 'm', "", buf_str(&b), mark(p, true));
		skip_as(p);
		t = peek(&p->s);
		if (!is_op(&t, ','))
			continue; /* ')' or the end */
		next(&p->s);
	}
out:
	buf_free(&b);
}

/* --- calls --- */
static void scan_text(struct str text, struct source_note *n, bool nested);

/* What a shell is given, a line of the text at a time. */
static void tell_shell(struct python *p, struct str text)
{
	while (text.p) {
		struct str line = str_trim(str_cut(&text, '\n'));
		if (line.n && line.p[0] != '#')
			source_tell(p->n, 'c', line);
	}
}

static void on_import(struct python *p, const char *keys)
{
	struct arg a = first_argument(p, 0, keys);
	struct str text = buf_str(&a.text);
	if (a.kind == ARG_TEXT)
		tell_module(p, text);
	else if (a.kind == ARG_PREFIX && text.n && (str_chr(text, '.') || text.n > 2))
		tell(p->n, 'm', "", text, "\t?");
	else if (a.kind != ARG_NONE)
		source_tell(p->n, 'x', STR("import"));
	buf_free(&a.text);
}

static void on_run(struct python *p, u32 skip_first, bool shell)
{
	struct arg a = first_argument(p, skip_first, "args cmd command program file path");
	struct str text = buf_str(&a.text);
	shell |= has_key(p, "shell", "True");
	bool known = text.n && text.p[0] != SCRIPT_RS;
	if (a.kind == ARG_TEXT && shell)
		tell_shell(p, text);
	else if (a.kind == ARG_TEXT)
		tell(p->n, 'c', "", text, "\x1f");
	else if (a.kind == ARG_LIST)
		tell(p->n, 'c', "", text, str_chr(text, SCRIPT_US) ? "" : "\x1f");
	else if (a.kind == ARG_PREFIX && shell) { /* "convert " + name: the program is known */
		tell_shell(p, text);
		known = false;
	}
	if (a.kind == ARG_OTHER || a.kind == ARG_PREFIX || (a.kind == ARG_LIST && !known && !str_starts(text, STR("\x1esys.executable")))) {
		source_tell(p->n, 'x', shell ? STR("shell") : STR("run"));
		p->runs = true;
	}
	buf_free(&a.text);
}

static void on_eval(struct python *p)
{
	struct arg a = first_argument(p, 0, "source");
	if (a.kind == ARG_TEXT && !p->nested)
		scan_text(buf_str(&a.text), p->n, true);
	else if (a.kind != ARG_NONE && a.kind != ARG_TEXT)
		source_tell(p->n, 'x', STR("eval"));
	buf_free(&a.text);
}

/* entry_points(group="g"), iter_entry_points("g"), entry_points()["g"], entry_points().get("g"), .select(group="g") */
static void on_entry_points(struct python *p)
{
	struct arg a = first_argument(p, 0, "group");
	if (a.kind == ARG_NONE) {
		struct scan s = p->s;
		next(&s), next(&s); /* () */
		struct token t = next(&s);
		if (is_op(&t, '.')) {
			struct token m = next(&s);
			struct token o = peek(&s);
			if ((is_name(&m, "get") || is_name(&m, "select")) && is_op(&o, '(')) {
				struct python q = *p;
				q.s = s;
				a = first_argument(&q, 0, "group");
			}
		} else if (is_op(&t, '[')) {
			struct token m = next(&s);
			if (m.kind == T_STRING && put_text(&s, &m, &a.text))
				a.kind = ARG_TEXT;
		}
	}
	if (a.kind == ARG_TEXT)
		tell(p->n, 'd', "entry\t", buf_str(&a.text), "");
	else
		source_tell(p->n, 'd', STR("entry\t*"));
	buf_free(&a.text);
}

static void on_load_entry_point(struct python *p)
{
	struct buf b = BUF(4 * KiB);
	bool whole = true;
	buf_puts(&b, "load");
	for (u32 i = 0; i < 3; i++) {
		struct arg a = first_argument(p, i, "");
		whole = whole && a.kind == ARG_TEXT;
		struct str rest = buf_str(&a.text);
		buf_putc(&b, '\t');
		buf_add(&b, i ? rest : str_trim(str_cut(&rest, '=')));
		buf_free(&a.text);
	}
	if (whole)
		source_tell(p->n, 'd', buf_str(&b));
	buf_free(&b);
}

static void on_literal(struct python *p, u32 skip_first, const char *head, const char *otherwise)
{
	struct arg a = first_argument(p, skip_first, "name distribution_name distname");
	if (a.kind == ARG_TEXT)
		tell(p->n, 'd', head, str_trim(buf_str(&a.text)), "");
	else if (a.kind == ARG_OTHER && otherwise && str_among(buf_str(&a.text), "__name__ __package__ __spec__"))
		tell(p->n, 'd', head, STR("."), "");
	buf_free(&a.text);
}

/* A name and a bracket behind it; `of`: what stands before its dot. */
static void call(struct python *p, struct str name, struct str of)
{
	bool dot = is_op(&p->before[0], '.');
	if (is_name(&p->before[0], "def") || is_name(&p->before[0], "class"))
		return;
	if (str_among(name, "__import__ import_module import_string import_object import_item import_from_string import_optional_dependency load_object symbol_by_name lazy_import run_module import_by_path "
	                    "locate get_module_from_name import_class lazy_module resolve_name safe_import"))
		on_import(p, "name module modname mod_name mod dotted_path import_name fullname");
	else if (str_is(name, "find_spec") && !str_is(of, "self"))
		on_literal(p, 0, "spec\t", NULL);
	else if ((str_is(of, "os") && str_among(name, "system popen")) || str_among(name, "getoutput getstatusoutput create_subprocess_shell"))
		on_run(p, 0, true);
	else if ((str_is(of, "subprocess") && str_among(name, "run call")) || (!dot && p->bare_run && str_among(name, "run call")) ||
	         str_among(name, "Popen check_call check_output create_subprocess_exec which") || (str_is(of, "pexpect") && str_among(name, "spawn run")))
		on_run(p, 0, false);
	else if ((str_is(of, "os") || !dot) && str_among(name, "execv execve execvp execvpe execl execle execlp execlpe posix_spawn posix_spawnp"))
		on_run(p, 0, false);
	else if ((str_is(of, "os") || !dot) && str_among(name, "spawnv spawnve spawnvp spawnvpe spawnl spawnle spawnlp spawnlpe"))
		on_run(p, 1, false);
	else if (str_among(name, "CDLL PyDLL dlopen load_library") || (str_is(name, "LoadLibrary")))
		on_literal(p, 0, "library\t", NULL);
	else if (str_is(name, "find_library"))
		on_literal(p, 0, "find-library\t", NULL);
	else if (!dot && str_among(name, "exec eval execfile"))
		on_eval(p);
	else if (str_among(name, "entry_points iter_entry_points get_group_all"))
		on_entry_points(p);
	else if (str_is(name, "load_entry_point"))
		on_load_entry_point(p);
	else if (str_among(name, "get_distribution distribution get_version") || (str_among(name, "version metadata requires files require") && (!dot || str_among(of, "metadata importlib_metadata pkg_resources"))))
		on_literal(p, 0, "dist\t", ".");
	else if (str_is(of, "path") && str_among(name, "insert append"))
		on_literal(p, str_is(name, "insert"), "path\t", NULL);
	else if (str_is(name, "addsitedir"))
		on_literal(p, 0, "path\t", NULL);
	else if (str_among(name, "read_pickle Unpickler") || (str_among(of, "pickle cPickle joblib dill cloudpickle torch") && str_among(name, "load loads")) || (str_is(of, "shelve") && str_is(name, "open")))
		source_tell(p->n, 'x', STR("unpickle"));
	else if (str_is(name, "attach_stub"))
		source_tell(p->n, 'x', STR("stub"));
	else if (str_is(name, "attach") && str_among(of, "lazy lazy_loader"))
		source_tell(p->n, 'x', STR("lazy"));
}

/* --- strings --- */
static bool is_plain(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_letter(s.p[i]) && !is_digit(s.p[i]) && !strchr("._+-/:~@,=", s.p[i]))
			return false;
	return s.n > 1 && (is_letter(s.p[0]) || is_digit(s.p[0]) || strchr("./~", s.p[0]));
}

static void on_string(struct python *p, const struct token *t)
{
	if (t->text.n > SOURCE_STRING)
		return;
	struct buf b = BUF(KiB);
	bool whole = put_literal(t, &b);
	struct str v = buf_str(&b);
	const char *hole = str_chr(v, '%');
	if (v.n && v.p[0] == '/' && (!whole || hole || str_chr(v, '{'))) { /* "/usr/share/x/%s.dat": the directory */
		size_t n = hole ? (size_t)(hole - v.p) : str_chr(v, '{') ? (size_t)(str_chr(v, '{') - v.p) : v.n;
		while (n && v.p[n - 1] != '/')
			n--;
		v.n = n;
		whole = n > 1;
	}
	if (whole && is_plain(v))
		source_tell(p->n, 's', v);
	else if (whole && v.n > 2 && v.n < 200 && str_chr(v, ' ') && (v.p[0] == '/' || (v.p[0] >= 'a' && v.p[0] <= 'z')) && p->lines.n + v.n < SIDE_MAX) {
		buf_add(&p->lines, v);
		buf_putc(&p->lines, '\n');
	}
	buf_free(&b);
}

/* --- statements --- */
static void on_if(struct python *p, const struct token *t)
{
	struct scan c = p->s;
	struct token a = next(&c), b = next(&c), d = next(&c), e = next(&c);
	enum block block = BLOCK_NONE;
	if ((is_name(&a, "TYPE_CHECKING") && is_op(&b, ':')) || (is_op(&b, '.') && is_name(&d, "TYPE_CHECKING") && is_op(&e, ':')))
		block = BLOCK_TYPES;
	else if (is_name(&a, "__name__") && is_op(&b, '=') && is_op(&d, '=') && e.kind == T_STRING && str_is(e.text, "__main__"))
		block = BLOCK_MAIN;
	if (block && t->first && p->block != BLOCK_TYPES) {
		p->block = block;
		p->column = t->column;
	}
}

static void on_except(struct python *p, const struct token *t)
{
	struct scan c = p->s;
	for (u32 i = 0; i < 16 && !p->block; i++) {
		struct token a = next(&c);
		if (a.kind == T_END || a.kind == T_LINE || is_op(&a, ':'))
			return;
		if (is_name(&a, "ImportError") || is_name(&a, "ModuleNotFoundError")) {
			p->block = BLOCK_ELSE;
			p->column = t->column;
		}
	}
}

static void on_def(struct python *p, const struct token *t)
{
	struct token a = peek(&p->s);
	if (a.kind != T_NAME || t->column)
		return;
	if (str_is(a.text, "__getattr__"))
		source_tell(p->n, 'x', STR("lazy"));
	if (str_among(a.text, "_test test _main main _demo demo")) {
		p->block = BLOCK_MAIN;
		p->column = 0;
	}
}

/* The first token of a statement; true: it is dealt with. */
static bool statement(struct python *p, const struct token *t)
{
	if (t->first && p->block && t->column <= p->column)
		p->block = BLOCK_NONE;
	if (t->kind == T_STRING) { /* one that nobody uses is a comment */
		struct scan c = p->s;
		struct token u;
		do
			u = next(&c);
		while (u.kind == T_STRING);
		if (u.kind != T_LINE && u.kind != T_END)
			return false;
		p->s = c;
		p->s.some = false;
		return true;
	}
	if (t->kind != T_NAME)
		return false;
	if (str_is(t->text, "import") || str_is(t->text, "from")) {
		p->s.depth = 0;
		if (t->text.n == 6)
			import_statement(p);
		else
			from_statement(p);
		return true;
	}
	if (str_is(t->text, "if"))
		on_if(p, t);
	else if (str_is(t->text, "except") && t->first)
		on_except(p, t);
	else if (str_is(t->text, "def") && t->first)
		on_def(p, t);
	return false;
}

static void scan_text(struct str text, struct source_note *n, bool nested)
{
	struct python p = { .s.text = text, .n = n, .nested = nested, .lines = BUF(SIDE_MAX) };
	bool begin = true;
	for (;;) {
		struct token t = next(&p.s);
		if (t.kind == T_END)
			break;
		/* no bracket holds an import: one that seems to was not closed where it should */
		bool word = t.first && t.kind == T_NAME && p.s.depth && (str_is(t.text, "import") || (str_is(t.text, "from") && t.column == 0));
		bool done = (begin || word) && t.kind != T_LINE && statement(&p, &t);
		begin = t.kind == T_LINE || done || (!p.s.depth && (is_op(&t, ';') || is_op(&t, ':')));
		struct token u = { 0 };
		if (t.kind == T_NAME && !done && (u = peek(&p.s), u.kind == T_OP) && (u.op == '(' || u.op == '[')) {
			bool dot = is_op(&p.before[0], '.') && p.before[1].kind == T_NAME;
			struct str of = dot ? p.before[1].text : STR("");
			if (u.op == '(')
				call(&p, t.text, of);
			else if (str_is(t.text, "modules") && str_is(of, "sys"))
				source_tell(n, 'x', STR("lazy"));
		}
		if (t.kind == T_STRING && !done)
			on_string(&p, &t);
		p.before[1] = p.before[0];
		p.before[0] = t;
	}
	if (p.runs)
		tell_shell(&p, buf_str(&p.lines));
	buf_free(&p.lines);
}

void python_scan(struct str text, struct source_note *n) { scan_text(text, n, false); }
