/* source_perl.c — what Perl sources refer to (source.h, letter L).
 *
 *      m  Foo::Bar        use, no, require; parents, roles; a class that is called by its name. "m lib/x.pl": a file that is required or done; a name that ends with '/' or "::" is the beginning of one
 *         Foo::Bar TAB w  it only stands there as a class (Foo::Bar->new): somebody else may have loaded it
 *      s  string literals with "::" or '/', file names, DSNs; of one with variables what stands before them, with "::" or '/' at its end
 *      c  system, exec, backquotes, pipes
 *      d  lib TAB DIR      use lib; "$FindBin::Bin/../lib" is "./../lib" there
 *      x  import, load, eval, run; "wide" (looks for modules in directories), "files" (looks for files beside itself)
 *
 * Whether a '/' begins a regular expression is told by the token before, as perl(1) itself does where it is not sure. Should that go wrong, a second look at the beginnings of lines finds `use` and `require`. */
#include "program/perl.h"
#include "program/source_scan.h"

enum before { OPERATOR, OPERAND }; /* what stands before: whether a term comes next */
enum call { CALL_NONE, CALL_USE, CALL_PARENT, CALL_LIB, CALL_IF, CALL_REQUIRE, CALL_DO, CALL_EVAL, CALL_RUN, CALL_OPEN, CALL_PIPE };
#define NESTED 256u
#define HEREDOCS 8u
#define EVAL_DEPTH 3u

struct heredoc {
	struct str tag;
	bool indented, code;
};

struct perl {
	const char *start, *p, *end;
	struct source_note *n;
	enum before before;
	enum call call;
	bool first;       /* nothing of the call's arguments was seen */
	bool braces[NESTED]; /* of each that is open: a subscript, or a dereference */
	u32 open;
	struct heredoc here[HEREDOCS];
	u32 n_here, depth;
	struct buf command; /* of CALL_RUN: the words so far */
	bool listed;
};

static void scan(struct str text, struct source_note *n, u32 depth);

static char peek(const struct perl *s, size_t i) { return s->p + i < s->end ? s->p[i] : '\0'; }

static bool is_module(struct str t)
{
	if (!t.n || scan_is_digit(t.p[0]) || t.p[0] == ':')
		return false;
	for (size_t i = 0; i < t.n; i++) {
		if (t.p[i] == ':' && i + 2 < t.n && t.p[i + 1] == ':' && scan_is_word(t.p[i + 2]))
			i++;
		else if (!scan_is_word(t.p[i]))
			return false;
	}
	return true;
}

static void tell_module(struct perl *s, struct str name, const char *more)
{
	char line[SOURCE_STRING + 8];
	if (name.n > SOURCE_STRING || !is_module(name))
		return;
	int n = snprintf(line, sizeof line, "%.*s%s", (int)name.n, name.p, more);
	source_tell(s->n, 'm', str_n(line, (size_t)n));
}

/* A string that says what a module, file or program may be called. */
static bool says(struct str t)
{
	if (t.n < 2 || t.n > SOURCE_STRING)
		return false;
	bool name = false;
	for (size_t i = 0; i < t.n; i++) {
		if ((u8)t.p[i] <= ' ')
			return false;
		name |= t.p[i] == '/' || (t.p[i] == ':' && i && i + 1 < t.n && t.p[i + 1] == ':');
	}
	return name || source_is_file(t) || str_starts(t, STR("dbi:")) || str_starts(t, STR("DBI:"));
}

/* --- strings --- */
/* Of a string with variables what stands before the first; *whole: there was none. */
static struct str literal(struct str t, bool interpolates, bool *whole)
{
	*whole = true;
	for (size_t i = 0; i < t.n; i++) {
		char next = i + 1 < t.n ? t.p[i + 1] : '\0';
		if ((interpolates && (t.p[i] == '$' || (t.p[i] == '@' && (scan_is_word(next) || next == '{')))) || (t.p[i] == '%' && next == 's')) {
			*whole = false;
			return str_head(t, i);
		}
	}
	return t;
}

/* "$FindBin::Bin/../lib" */
static void tell_lib(struct perl *s, struct str t)
{
	static const char *const here[] = { "$FindBin::Bin", "$FindBin::RealBin", "${FindBin::Bin}", "$Bin", "$RealBin", "${Bin}", NULL };
	char line[SOURCE_STRING + 8];
	const char *before = "";
	for (u32 i = 0; here[i]; i++)
		if (str_starts(t, str_of(here[i])) && !scan_is_word(t.n > strlen(here[i]) ? t.p[strlen(here[i])] : '/')) {
			t = str_from(t, strlen(here[i]));
			before = ".";
			break;
		}
	if (t.n <= SOURCE_STRING && !str_chr(t, '$')) {
		int n = snprintf(line, sizeof line, "lib\t%s%.*s", before, (int)t.n, t.n ? t.p : "");
		source_tell(s->n, 'd', str_n(line, (size_t)n));
	}
}

static void end_command(struct perl *s)
{
	if (s->call == CALL_RUN || s->call == CALL_PIPE) {
		if (s->command.n && s->listed)
			buf_putc(&s->command, '\x1f');
		if (s->command.n)
			source_tell(s->n, 'c', buf_str(&s->command));
		buf_clear(&s->command);
	}
	s->listed = false;
	s->call = CALL_NONE;
}

/* A part of what is started; of the first one that is all there is, a shell is told. */
static void add_command(struct perl *s, struct str t, bool whole)
{
	if (s->command.n > 2048)
		return;
	if (s->command.n && s->listed)
		buf_putc(&s->command, '\x1f');
	if (!s->command.n && !whole && !t.n)
		source_tell(s->n, 'x', STR("run"));
	scan_put(&s->command, t);
	if (!whole && s->command.n)
		buf_puts(&s->command, "$x");
}

static void tell_backquote(struct perl *s, struct str t)
{
	struct buf b = BUF(4096);
	scan_put(&b, str_head(t, 2048));
	if (t.n && (t.p[0] == '$' || t.p[0] == '@'))
		source_tell(s->n, 'x', STR("run"));
	else
		source_tell(s->n, 'c', str_trim(buf_str(&b)));
	buf_free(&b);
}

static void open_string(struct perl *s, struct str t, bool whole)
{
	if (str_is(t, "-|") || str_is(t, "|-")) {
		s->call = CALL_PIPE;
		return;
	}
	struct str u = str_trim(t);
	if (whole && u.n > 1 && (u.p[0] == '|' || u.p[u.n - 1] == '|')) {
		u = u.p[0] == '|' ? str_from(u, 1) : str_head(u, u.n - 1);
		tell_backquote(s, str_trim(u));
	} else if (!whole && u.n && u.p[0] == '|')
		tell_backquote(s, str_trim(str_from(u, 1)));
	for (size_t i = 0; i < t.n && t.p[i] != ' '; i++)
		if (t.p[i] == ':' && (str_contains(t, STR("encoding")))) {
			source_tell(s->n, 'm', STR("PerlIO::encoding"));
			break;
		}
}

/* A string as a term. */
static void tell_string(struct perl *s, struct str raw, bool interpolates)
{
	bool whole, first = s->first;
	struct str t = literal(raw, interpolates, &whole);
	s->first = false;
	s->before = OPERAND;
	if (interpolates && (str_contains(raw, STR("\\N{")) || str_contains(raw, STR("\\p{na")) || str_contains(raw, STR("\\p{$"))))
		source_tell(s->n, 'm', STR("_charnames"));
	switch (s->call) {
	case CALL_LIB: tell_lib(s, raw); return;
	case CALL_PARENT: tell_module(s, t, ""); return;
	case CALL_IF: tell_module(s, t, ""); break;
	case CALL_REQUIRE:
	case CALL_DO:
		if (!first)
			break;
		if (t.n && (whole || t.p[t.n - 1] == '/'))
			source_tell(s->n, 'm', t);
		if (!whole)
			source_tell(s->n, 'x', s->call == CALL_DO ? STR("load") : STR("import"));
		s->call = CALL_NONE;
		return;
	case CALL_EVAL:
		if (first && s->depth < EVAL_DEPTH)
			scan(raw, s->n, s->depth + 1);
		break;
	case CALL_RUN:
	case CALL_PIPE: add_command(s, t, whole); return;
	case CALL_OPEN: open_string(s, t, whole); break;
	case CALL_USE:
	case CALL_NONE: break;
	}
	if (str_contains(t, STR("require ")) && s->call != CALL_EVAL && str_chr(raw, '$') && t.n < 16) /* "require $x", made to be evaluated */
		source_tell(s->n, 'x', STR("import"));
	if (says(t) && (whole || t.p[t.n - 1] == '/' || t.p[t.n - 1] == ':'))
		source_tell(s->n, 's', t);
	if (s->call == CALL_USE && whole && is_module(t) && str_contains(t, STR("::")))
		tell_module(s, t, "");
}

static void tell_words(struct perl *s, struct str t)
{
	for (struct str w; scan_next_word(&t, &w);)
		tell_string(s, w, false);
	s->before = OPERAND;
}

/* --- what is skipped --- */
static void skip_heredocs(struct perl *s)
{
	for (u32 i = 0; i < s->n_here; i++) {
		const char *from = s->p;
		size_t n = 0;
		while (s->p < s->end) {
			n = (size_t)(s->p - from);
			struct str line = scan_line(&s->p, s->end);
			if (line.n && line.p[line.n - 1] == '\r')
				line.n--;
			if (str_eq(s->here[i].indented ? str_trim(line) : line, s->here[i].tag))
				break;
			n = (size_t)(s->p - from);
		}
		if (s->here[i].code && s->depth < EVAL_DEPTH)
			scan(str_n(from, n), s->n, s->depth + 1);
	}
	s->n_here = 0;
}

/* Behind a newline: documentation, and texts that the line before announced. True at the source's end. */
static bool at_line(struct perl *s)
{
	if (s->n_here)
		skip_heredocs(s);
	while (s->p < s->end && *s->p == '=' && s->p + 1 < s->end && s->p[1] >= 'A' && scan_is_word(s->p[1]))
		while (s->p < s->end && !str_starts(scan_line(&s->p, s->end), STR("=cut")))
			;
	return str_starts(str_n(s->p, (size_t)(s->end - s->p)), STR("__END__")) || str_starts(str_n(s->p, (size_t)(s->end - s->p)), STR("__DATA__"));
}

static void skip_blanks(struct perl *s)
{
	while (s->p < s->end && (scan_is_blank(*s->p) || *s->p == '#')) {
		if (*s->p == '#')
			s->p = scan_line_end(s->p, s->end);
		else if (*s->p == '\n' && s->n_here)
			return;
		else
			s->p++;
	}
}

/* --- words --- */
static struct str take_word(struct perl *s)
{
	const char *from = s->p;
	while (s->p < s->end && (scan_is_word(*s->p) || (*s->p == ':' && peek(s, 1) == ':' && (s->p += 1))))
		s->p++;
	return str_n(from, (size_t)(s->p - from));
}

/* q qq qw qx qr m s tr y with what stands behind them; false: it is a word as any other. */
static bool quote_like(struct perl *s, struct str w)
{
	if (!str_among(w, "q qq qw qx qr m s tr y"))
		return false;
	const char *start = s->p;
	while (s->p < s->end && scan_is_blank(*s->p))
		s->p++;
	char c = peek(s, 0);
	bool apart = s->p > start, letter = scan_is_word(c), bound = str_ends(str_trim(str_n(s->start, (size_t)(w.p - s->start))), STR("=~")); /* $x =~ s:a:b: */
	if (!c || strchr(",;)", c) || (c == ':' && !bound) || (c == '=' && (peek(s, 1) == '>' || apart)) || (apart && (c == '#' || (letter && w.n > 1 && w.p[1] == 'w'))) || (!apart && letter)) {
		s->p = start;
		return false;
	}
	bool two = str_among(w, "s tr y"), single = c == '\'';
	struct str t = scan_delimited(&s->p, s->end, false), u = { NULL, 0 };
	if (two && scan_closing(c) != c) {
		skip_blanks(s);
		u = s->p < s->end ? scan_delimited(&s->p, s->end, false) : u;
	} else if (two && s->p < s->end) {
		s->p--; /* the delimiter in the middle begins the second part */
		u = scan_delimited(&s->p, s->end, false);
	}
	if (str_among(w, "qr m s tr y")) {
		const char *flags = s->p;
		while (s->p < s->end && scan_is_word(*s->p))
			s->p++;
		if (str_chr(str_n(flags, (size_t)(s->p - flags)), 'e') && str_is(w, "s") && s->depth < EVAL_DEPTH)
			scan(u, s->n, s->depth + 1);
		if (str_contains(t, STR("\\N{")) || str_contains(t, STR("\\p{na")) || str_contains(t, STR("\\p{$")))
			source_tell(s->n, 'm', STR("_charnames"));
		s->first = false;
	} else if (str_is(w, "qw"))
		tell_words(s, t);
	else if (str_is(w, "qx"))
		tell_backquote(s, t);
	else
		tell_string(s, t, str_is(w, "qq") && !single);
	s->before = OPERAND;
	return true;
}

static void use(struct perl *s, bool no)
{
	skip_blanks(s);
	struct str w = take_word(s);
	if (!w.n || scan_is_digit(w.p[0]) || (w.p[0] == 'v' && w.n > 1 && scan_is_digit(w.p[1])))
		return;
	tell_module(s, w, "");
	s->call = no ? CALL_NONE : str_among(w, "parent base fields aliased superclass") ? CALL_PARENT : str_is(w, "lib") || str_is(w, "blib") ? CALL_LIB : str_among(w, "if autouse maybe only ok prefork") ? CALL_IF : CALL_USE;
	if (str_among(w, "Module::Pluggable Module::Find Module::PluginFinder Mojo::Loader Module::Pluggable::Object Class::Autouse Module::Plugin"))
		source_tell(s->n, 'x', STR("wide"));
	s->first = true;
	s->before = OPERATOR;
}

static void require(struct perl *s)
{
	skip_blanks(s);
	s->call = CALL_NONE;
	char c = peek(s, 0);
	if (scan_is_digit(c) || (c == 'v' && scan_is_digit(peek(s, 1))) || c == ';')
		return;
	if (c == '\'' || c == '"' || ((c == 'q') && !scan_is_word(peek(s, 1) == 'q' ? peek(s, 2) : peek(s, 1)))) {
		s->call = CALL_REQUIRE;
		s->first = true;
		s->before = OPERATOR;
	} else if (scan_is_word(c)) {
		const char *start = s->p;
		struct str w = take_word(s);
		if (peek(s, 0) == '(' || (peek(s, 0) == '-' && peek(s, 1) == '>' && !str_contains(w, STR("::")))) {
			source_tell(s->n, 'x', STR("import"));
			s->p = start;
			s->before = OPERATOR;
			return;
		}
		tell_module(s, w, "");
		s->before = OPERAND;
	} else
		source_tell(s->n, 'x', STR("import"));
}

/* Functions of modules that load modules by name: what is named somewhere in the file may be meant. */
static bool is_loader(struct str w)
{
	return str_among(w, "load_class use_module require_module use_package_optimistically load_module load_first_existing_class try_load_class load_optional_class load_plugin load_one ensure_class_loaded "
			    "load_classes load_namespaces load_components autoload runtime_use compose_module_name try_use_module autoload_remote load_first_existing find_modules find_packages _load_class safe_require");
}

/* "load_class" of "Mojo::Loader::load_class" */
static struct str last_part(struct str w)
{
	size_t i = w.n;
	while (i && w.p[i - 1] != ':')
		i--;
	return str_from(w, i);
}

/* Whether a term comes behind this word. */
static bool takes_term(struct str w)
{
	return str_among(w, "and or not xor if unless while until elsif x lt gt le ge eq ne cmp isa return split grep map join push unshift print say when die warn defined ref scalar lc uc when any all first none sort "
			    "reverse else do eval keys values each foreach for given sort try catch finally");
}

static void word(struct perl *s, struct str w)
{
	const char *start = s->p;
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\t'))
		s->p++;
	bool key = peek(s, 0) == '=' && peek(s, 1) == '>', method = peek(s, 0) == '-' && peek(s, 1) == '>';
	s->before = takes_term(w) && !key ? OPERATOR : OPERAND;
	if (key || method) {
		struct str t = w.n > 2 && w.p[w.n - 1] == ':' ? str_head(w, w.n - 2) : w;
		if (str_contains(t, STR("::")))
			tell_module(s, t, method && s->call != CALL_PARENT ? "\tw" : s->call == CALL_IF || s->call == CALL_PARENT ? "" : "\tw");
		s->first = false;
		return;
	}
	if ((s->call == CALL_RUN || s->call == CALL_PIPE) && str_among(w, "or and xor if unless while until")) /* what comes then is none of its words */
		end_command(s);
	if (s->before == OPERAND && s->p > start && peek(s, 0) == '/' && !scan_is_blank(peek(s, 1)) && peek(s, 1) != '=' && !str_contains(w, STR("::")))
		s->before = OPERATOR; /* f /x/ */
	if (str_is(w, "use") || str_is(w, "no")) {
		use(s, str_is(w, "no"));
	} else if (str_is(w, "require")) {
		require(s);
	} else if (str_is(w, "do") || str_is(w, "eval")) {
		char c = peek(s, 0);
		s->call = c == '{' ? CALL_NONE : str_is(w, "do") ? CALL_DO : CALL_EVAL;
		s->first = true;
		if (c == '$' && s->call)
			source_tell(s->n, 'x', s->call == CALL_DO ? STR("load") : STR("eval"));
	} else if (str_among(w, "system exec capture capturex systemx run3 run_forked") && s->call != CALL_USE) {
		end_command(s);
		s->call = str_among(w, "system exec capture") ? CALL_RUN : CALL_NONE;
		s->first = true;
		if (peek(s, 0) == '$' || peek(s, 0) == '@' || (peek(s, 0) == '(' && (peek(s, 1) == '$' || peek(s, 1) == '@')))
			source_tell(s->n, 'x', STR("run"));
	} else if (str_among(w, "open open2 open3 binmode")) {
		s->call = str_is(w, "open") || str_is(w, "binmode") ? CALL_OPEN : CALL_RUN;
		s->listed = s->call == CALL_RUN;
		s->first = true;
	} else if (str_among(w, "extends with plugin plugins middleware enable")) {
		s->call = str_among(w, "extends with") ? CALL_PARENT : CALL_NONE;
		s->first = true;
	} else if (str_is(w, "bootstrap") || str_is(w, "XSLoader::load")) {
		skip_blanks(s);
		tell_module(s, take_word(s), "");
	} else if (str_among(w, "__FILE__ curfile dist_dir dist_file module_file module_dir home_dir sibling") || str_is(w, "INC"))
		source_tell(s->n, 'x', STR("files"));
	else if (is_loader(last_part(w)))
		source_tell(s->n, 'x', STR("import"));
	else if (s->call == CALL_PARENT && str_contains(w, STR("::")))
		tell_module(s, w, "");
}

static void identifier(struct perl *s)
{
	struct str w = take_word(s);
	const char *at = s->p;
	while (at < s->end && (*at == ' ' || *at == '\t'))
		at++;
	if (at < s->end && *at == '}' && s->open && s->braces[MIN(s->open, NESTED) - 1] && s->before == OPERATOR) { /* {word} */
		s->before = OPERAND;
		if (str_contains(w, STR("::")))
			tell_module(s, w, "\tw");
		return;
	}
	if (quote_like(s, w))
		return;
	if (str_is(w, "sub") || str_is(w, "package") || str_is(w, "method") || str_is(w, "format")) {
		skip_blanks(s);
		struct str name = take_word(s);
		s->before = OPERATOR;
		if (str_is(w, "sub") || str_is(w, "method")) {
			skip_blanks(s);
			if (peek(s, 0) == '(') { /* a prototype holds what looks like variables */
				const char *q = s->p;
				while (q < s->end && *q != ')' && *q != '\n' && !scan_is_word(*q))
					q++;
				if (q < s->end && *q == ')')
					s->p = q + 1;
			}
		} else if (str_is(w, "format") && name.n) {
			s->p = scan_line_end(s->p, s->end);
			while (s->p < s->end && !str_is(str_trim(scan_line(&s->p, s->end)), "."))
				;
		}
		return;
	}
	word(s, w);
}

/* --- other tokens --- */
static void variable(struct perl *s)
{
	char sigil = *s->p++;
	s->before = OPERAND;
	if (sigil == '$' && peek(s, 0) == '#' && (peek(s, 1) == '{' || peek(s, 1) == '$'))
		s->p++;
	while (peek(s, 0) == '$' && (scan_is_word(peek(s, 1)) || peek(s, 1) == '$' || peek(s, 1) == '{' || peek(s, 1) == ':'))
		s->p++;
	char c = peek(s, 0);
	if (scan_is_word(c) || (c == ':' && peek(s, 1) == ':')) {
		struct str w = take_word(s);
		if (str_is(w, "INC") && (sigil == '%' || peek(s, 0) == '{'))
			source_tell(s->n, 'x', STR("files"));
	} else if (c == '{') {
		s->before = OPERATOR; /* a dereference: a block that is a subscript */
		if (s->open < NESTED)
			s->braces[s->open] = true;
		s->open++;
		s->p++;
		if (peek(s, 0) == '^')
			s->p++;
	} else if (sigil == '$' && c && !scan_is_blank(c) && c != ')')
		s->p += c == '^' ? 2 : 1;
	else if (sigil == '@' && (c == '-' || c == '+'))
		s->p++;
	if (s->p > s->end)
		s->p = s->end;
	if (s->first && (s->call == CALL_REQUIRE || s->call == CALL_RUN || s->call == CALL_PIPE) && s->call != CALL_REQUIRE && !s->command.n)
		source_tell(s->n, 'x', STR("run"));
	s->first = s->first && s->call == CALL_OPEN;
}

static void heredoc(struct perl *s)
{
	const char *start = s->p;
	struct heredoc h = { .code = s->call == CALL_EVAL };
	s->p += 2;
	if (peek(s, 0) == '~') {
		h.indented = true;
		s->p++;
	}
	char c = peek(s, 0);
	if (c == '"' || c == '\'')
		h.tag = scan_delimited(&s->p, s->end, false);
	else if (scan_is_word(c) && !scan_is_digit(c))
		h.tag = take_word(s);
	if (!h.tag.n || s->n_here == HEREDOCS) {
		s->p = start + 1;
		return;
	}
	s->here[s->n_here++] = h;
	s->before = OPERAND;
}

static void brace(struct perl *s, char c, char before)
{
	if (c == '{') {
		if (s->open < NESTED)
			s->braces[s->open] = before == '>' || before == '}' || before == ']' || (s->before == OPERAND && scan_is_word(before));
		s->open++;
		s->before = OPERATOR;
	} else {
		if (s->open)
			s->open--;
		s->before = s->open < NESTED && s->braces[s->open] ? OPERAND : OPERATOR;
	}
}

static void punctuation(struct perl *s)
{
	char c = *s->p, before = c == '{' && s->p > s->start && (s->before == OPERAND || s->p[-1] == '>') ? s->p[-1] : '\0';
	s->p++;
	if (c == ';' || c == '}')
		end_command(s);
	if (c == ',' && (s->call == CALL_RUN || s->call == CALL_PIPE) && s->command.n)
		s->listed = true;
	if (c == '{' || c == '}')
		brace(s, c, before);
	else
		s->before = c == ')' || c == ']' ? OPERAND : OPERATOR;
	if (c == '-' && peek(s, 0) == '>') {
		s->p++;
		s->before = OPERATOR;
		const char *at = s->p;
		if (scan_is_word(peek(s, 0)) && !scan_is_digit(*at)) { /* a method: no word that means anything by itself */
			struct str w = take_word(s);
			if (is_loader(w))
				source_tell(s->n, 'x', STR("import"));
			else if (str_among(w, "sibling dist_dir home"))
				source_tell(s->n, 'x', STR("files"));
			s->before = OPERAND;
		} else if (peek(s, 0) == '$' || peek(s, 0) == '@' || peek(s, 0) == '%') {
			if (peek(s, 1) == '*') {
				s->p += 2;
				s->before = OPERAND;
			}
		}
	}
}

static void token(struct perl *s)
{
	char c = *s->p, next = peek(s, 1);
	if (scan_is_digit(c)) {
		while (s->p < s->end && (scan_is_word(*s->p) || (*s->p == '.' && scan_is_word(peek(s, 1)))))
			s->p++;
		s->before = OPERAND;
	} else if (scan_is_word(c) || (c == ':' && peek(s, 1) == ':' && scan_is_word(peek(s, 2))))
		identifier(s);
	else if (c == '"' || c == '\'')
		tell_string(s, scan_delimited(&s->p, s->end, false), c == '"');
	else if (c == '`') {
		tell_backquote(s, scan_delimited(&s->p, s->end, false));
		s->before = OPERAND;
	} else if (c == '$' || c == '@' || ((c == '%' || c == '&') && s->before == OPERATOR && (scan_is_word(next) || next == '$' || next == '{' || next == ':')))
		variable(s);
	else if (c == '/' && s->before == OPERATOR) {
		struct str t = scan_delimited(&s->p, s->end, false);
		if (str_contains(t, STR("\\N{")) || str_contains(t, STR("\\p{$")) || str_contains(t, STR("\\p{na")))
			source_tell(s->n, 'm', STR("_charnames"));
		while (s->p < s->end && scan_is_word(*s->p))
			s->p++;
		s->before = OPERAND;
	} else if (c == '/' && peek(s, 1) == '/') { /* or else */
		s->p += 2;
		s->before = OPERATOR;
	} else if (c == '<' && peek(s, 1) == '<' && s->before == OPERATOR && peek(s, 2) != '=')
		heredoc(s);
	else if (c == '-' && s->before == OPERATOR && scan_is_word(peek(s, 1)) && !scan_is_word(peek(s, 2)) && peek(s, 2) != '=')
		s->p += 2; /* -e $file */
	else
		punctuation(s);
}

static void scan(struct str text, struct source_note *n, u32 depth)
{
	struct perl s = { .start = text.p, .p = text.p, .end = text.p + text.n, .n = n, .depth = depth, .command = BUF(8192) };
	bool line = true;
	while (s.p < s.end) {
		if (line && at_line(&s))
			break;
		line = false;
		if (s.p >= s.end)
			break;
		if (*s.p == '\n') {
			s.p++;
			line = true;
		} else if (scan_is_blank(*s.p))
			s.p++;
		else if (*s.p == '#')
			s.p = scan_line_end(s.p, s.end);
		else
			token(&s);
	}
	end_command(&s);
	buf_free(&s.command);
}

/* --- a second look, at the beginnings of lines --- */
static void look_again(struct str text, struct source_note *n)
{
	struct perl s = { .start = text.p, .p = text.p, .end = text.p + text.n, .n = n };
	while (s.p < s.end && !at_line(&s)) {
		struct str line = str_trim(scan_line(&s.p, s.end));
		bool is_use = str_starts(line, STR("use "));
		if (!is_use && !str_starts(line, STR("require ")) && !str_starts(line, STR("eval { require ")) && !str_starts(line, STR("no ")))
			continue;
		line = str_trim(str_from(line, is_use ? 4 : str_starts(line, STR("no ")) ? 3 : str_starts(line, STR("eval")) ? 15 : 8));
		struct perl w = { .p = line.p, .end = line.p + line.n, .n = n };
		struct str name = line.n ? take_word(&w) : line;
		char c = peek(&w, 0);
		if (name.n && (w.p == w.end || c == ';' || c == ' ' || c == '\t') && !scan_is_digit(name.p[0]) && !(name.p[0] == 'v' && name.n > 1 && scan_is_digit(name.p[1])))
			tell_module(&w, name, "");
	}
}

static void read_perl(struct str dir, struct str name, struct str text, struct source_note *n)
{
	(void)dir, (void)name;
	if (!text.n)
		return;
	scan(text, n, 0);
	look_again(text, n);
	if (str_contains(text, STR("charnames::")) || str_contains(text, STR("viacode")))
		source_tell(n, 'm', STR("_charnames"));
}

static bool is(struct str dir, struct str name)
{
	(void)dir;
	return str_ends(name, STR(".pm")) || str_ends(name, STR(".pl")) || str_ends(name, STR(".al")) || str_ends(name, STR(".psgi")) || str_ends(name, STR(".ep")) || str_ends(name, STR(".plx"));
}

static bool runs(struct str interpreter) { return source_runs(interpreter, "perl") || str_starts(interpreter, STR("plackup")) || str_starts(interpreter, STR("starman")); }

/* #!/bin/sh, and then: eval 'exec perl -S $0 "$@"' if 0; */
static bool looks(struct str dir, struct str name, struct str head)
{
	(void)dir, (void)name;
	return str_starts(head, STR("#!")) && (str_contains(head, STR("exec perl ")) || str_contains(head, STR("exec /usr/bin/perl ")) || str_contains(head, STR("exec /usr/bin/env perl ")));
}

const struct source_language source_perl = { .letter = 'L', .name = "perl", .is = is, .runs = runs, .looks = looks, .read = read_perl };
