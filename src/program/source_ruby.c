/* source_ruby.c — what Ruby sources refer to (source.h, letter R).
 *
 *      m  a/b        require, autoload, load; "./a" is relative to the file (require_relative, __dir__, File.expand_path("../a", __FILE__)); what ends with '/' is the beginning of a name
 *      s  strings that may be paths or features; of one with #{…} what stands before it, when that ends with '/'
 *      c  system, spawn, exec, backquotes, popen, Open3
 *      d  lib TAB DIR                         $LOAD_PATH, as m is written
 *         gem TAB NAME                        gem "x", of programs and Gemfiles; Gem.activate_bin_path; a line of Gemfile.lock
 *         name, version, path, needs, file    of a gem's specification: TAB and what it says
 *      x  import, load, eval, run; "wide" (requires what it finds in directories, or by the names of constants), "files" (reads files beside itself), "bundler"
 *
 * A scanner of tokens: whether a '/' begins a regular expression is told by the token before and the blanks around it. */
#include "program/ruby.h"
#include "program/source_scan.h"

enum before { OPERATOR, OPERAND };
enum call { CALL_NONE, CALL_REQUIRE, CALL_RELATIVE, CALL_LOAD, CALL_AUTOLOAD, CALL_LIB, CALL_GEM, CALL_RUN, CALL_FIELD };
#define HEREDOCS 8u

struct ruby {
	const char *start, *p, *end;
	struct source_note *n;
	enum before before;
	enum call call;
	struct buf path;  /* of the call: what its strings add up to */
	bool any, here, file, dirname, computed, listed; /* __dir__; __FILE__, in dirname(); not all of it is known; a list of words */
	const char *field; /* of a specification */
	struct str tags[HEREDOCS];
	u32 n_tags, round; /* brackets of the call that are open */
	bool comma, spec;
};

static char peek(const struct ruby *s, size_t i) { return s->p + i < s->end ? s->p[i] : '\0'; }

static void tell_two(struct ruby *s, char letter, const char *what, struct str t)
{
	char line[SOURCE_STRING + 32];
	if (!t.n || t.n > SOURCE_STRING)
		return;
	int n = snprintf(line, sizeof line, "%s%.*s", what, (int)t.n, t.p);
	source_tell(s->n, letter, str_n(line, (size_t)n));
}

/* --- strings --- */
static struct str literal(struct str t, bool interpolates, bool *whole)
{
	*whole = true;
	for (size_t i = 0; interpolates && i + 1 < t.n; i++)
		if (t.p[i] == '#' && t.p[i + 1] == '{') {
			*whole = false;
			return str_head(t, i);
		}
	return t;
}

static bool says(struct str t)
{
	bool name = false;
	for (size_t i = 0; i < t.n; i++) {
		if ((u8)t.p[i] <= ' ' || t.p[i] == '<' || t.p[i] == '*')
			return false;
		name |= t.p[i] == '/';
	}
	return t.n > 2 && (name || source_is_file(t));
}

static bool is_feature(struct str t)
{
	for (size_t i = 0; i < t.n; i++)
		if (!scan_is_word(t.p[i]) && t.p[i] != '/' && t.p[i] != '-' && t.p[i] != '.')
			return false;
	return t.n > 1 && t.p[0] != '-' && !scan_is_digit(t.p[0]);
}

static void tell_command(struct ruby *s, struct str t)
{
	struct buf b = BUF(4096);
	for (size_t i = 0; i < t.n && i < 2048; i++) {
		if (t.p[i] == '#' && i + 1 < t.n && t.p[i + 1] == '{') {
			buf_puts(&b, "$x");
			while (i < t.n && t.p[i] != '}')
				i++;
		} else
			buf_putc(&b, (u8)t.p[i] < ' ' ? ' ' : t.p[i]);
	}
	struct str c = str_trim(buf_str(&b));
	if (c.n && c.p[0] == '$')
		source_tell(s->n, 'x', STR("run"));
	else
		source_tell(s->n, 'c', c);
	buf_free(&b);
}

/* --- calls --- */
static void begin_call(struct ruby *s, enum call call)
{
	s->call = call;
	buf_clear(&s->path);
	s->any = s->here = s->file = s->dirname = s->computed = s->listed = s->comma = false;
	s->round = 0;
}

/* What stands in path, as a name: "./" in front when it is relative to the file. */
static struct str path_of(struct ruby *s, struct buf *out)
{
	struct str t = buf_str(&s->path);
	if (s->here || s->file) {
		if (s->file && !s->dirname && str_starts(t, STR(".."))) /* relative to the file as if it were a directory */
			t = str_from(t, t.n > 2 && t.p[2] == '/' ? 3 : 2);
		while (t.n && t.p[0] == '/')
			t = str_from(t, 1);
		buf_puts(out, "./");
	}
	buf_add(out, t);
	return buf_str(out);
}

static void end_call(struct ruby *s)
{
	enum call call = s->call;
	struct buf b = BUF(4096);
	s->call = CALL_NONE;
	if (call == CALL_RUN && s->path.n) {
		if (s->listed)
			buf_putc(&s->path, '\x1f');
		source_tell(s->n, 'c', buf_str(&s->path));
	} else if (call == CALL_RUN && s->computed)
		source_tell(s->n, 'x', STR("run"));
	if (call == CALL_REQUIRE || call == CALL_LOAD || call == CALL_AUTOLOAD || call == CALL_LIB) {
		struct str t = path_of(s, &b);
		bool beginning = s->computed && t.n && t.p[t.n - 1] == '/' && !str_is(t, "./");
		if (t.n && s->any && (!s->computed || beginning))
			tell_two(s, call == CALL_LIB ? 'd' : 'm', call == CALL_LIB ? "lib\t" : "", t);
		if (s->computed && call != CALL_LIB)
			source_tell(s->n, 'x', call == CALL_LOAD ? STR("load") : STR("import"));
	}
	buf_free(&b);
}

static void call_string(struct ruby *s, struct str raw, struct str t, bool whole)
{
	switch (s->call) {
	case CALL_REQUIRE:
	case CALL_LOAD:
	case CALL_AUTOLOAD:
	case CALL_LIB:
		if (!whole && (str_starts(raw, STR("#{__dir__}")) || str_starts(raw, STR("#{File.dirname(__FILE__)}")) || str_starts(raw, STR("#{File.expand_path('..', __FILE__)}")))) {
			t = str_from(raw, (size_t)(str_chr(raw, '}') - raw.p) + 1);
			t = literal(t, true, &whole);
			s->here = true;
		}
		if (s->any && s->path.n && s->comma && s->path.p[s->path.n - 1] != '/')
			buf_putc(&s->path, '/');
		if (s->path.n + t.n < SOURCE_STRING && !s->computed)
			buf_add(&s->path, t);
		s->computed |= !whole;
		s->any = true;
		break;
	case CALL_RELATIVE:
		if (t.n && (whole || t.p[t.n - 1] == '/'))
			tell_two(s, 'm', "./", t);
		if (!whole)
			source_tell(s->n, 'x', STR("import"));
		s->call = CALL_NONE;
		break;
	case CALL_GEM:
		if (whole)
			tell_two(s, 'd', "gem\t", t);
		s->call = CALL_NONE;
		break;
	case CALL_RUN:
		if (s->path.n > 2048)
			break;
		if (s->path.n && s->comma) {
			s->listed = true;
			buf_putc(&s->path, '\x1f');
		}
		scan_put(&s->path, t);
		if (!whole && s->path.n)
			buf_puts(&s->path, "$x");
		s->computed |= !whole && !t.n;
		break;
	case CALL_FIELD:
		if (whole)
			tell_two(s, 'd', s->field, t);
		if (strcmp(s->field, "needs\t") == 0)
			s->call = CALL_NONE; /* versions */
		break;
	case CALL_NONE: break;
	}
}

static void tell_string(struct ruby *s, struct str raw, bool interpolates)
{
	bool whole;
	struct str t = literal(raw, interpolates, &whole);
	if (s->call)
		call_string(s, raw, t, whole);
	else if (!s->spec && says(t) && (whole || t.p[t.n - 1] == '/'))
		source_tell(s->n, 's', t);
	else if (!s->spec && !whole && str_starts(raw, STR("#{__dir__}/"))) /* "./x" is data of the file */
		source_tell(s->n, 'x', STR("files"));
	s->before = OPERAND;
	s->comma = false;
}

static void tell_words(struct ruby *s, struct str t)
{
	for (struct str w; scan_next_word(&t, &w);) {
		if (s->call == CALL_FIELD)
			tell_two(s, 'd', s->field, w);
		else if (s->call == CALL_RUN) {
			s->comma = s->path.n > 0;
			call_string(s, w, w, true);
		} else if (!s->spec && is_feature(w))
			source_tell(s->n, 's', w);
	}
	s->before = OPERAND;
}

/* %w[…] and its kin; false: a remainder. */
static bool percent(struct ruby *s)
{
	char kind = peek(s, 1), open = kind;
	size_t skip = 1;
	if (scan_is_word(kind)) {
		open = peek(s, 2);
		skip = 2;
	}
	if (!open || scan_is_word(open) || scan_is_blank(open) || open == '=' || (skip == 2 && !strchr("wWiIqQxrs", kind)) || (s->before == OPERAND && skip == 1))
		return false;
	if (s->before == OPERAND && !(s->p > s->start && scan_is_blank(s->p[-1])))
		return false;
	s->p += skip;
	struct str t = scan_delimited(&s->p, s->end, !strchr("wiqs", kind) || skip == 1);
	if (skip == 1 || kind == 'Q' || kind == 'q')
		tell_string(s, t, kind != 'q');
	else if (kind == 'w' || kind == 'W')
		tell_words(s, t);
	else if (kind == 'x')
		tell_command(s, t);
	s->before = OPERAND;
	return true;
}

/* --- lines --- */
static bool at_line(struct ruby *s)
{
	for (u32 i = 0; i < s->n_tags; i++)
		while (s->p < s->end && !str_eq(str_trim(scan_line(&s->p, s->end)), s->tags[i]))
			;
	s->n_tags = 0;
	while (str_starts(str_n(s->p, (size_t)(s->end - s->p)), STR("=begin")))
		while (s->p < s->end && !str_starts(scan_line(&s->p, s->end), STR("=end")))
			;
	struct str rest = str_n(s->p, (size_t)(s->end - s->p));
	return str_starts(rest, STR("__END__")) && (rest.n == 7 || rest.p[7] == '\n' || rest.p[7] == '\r');
}

static bool heredoc(struct ruby *s)
{
	const char *start = s->p;
	s->p += 2;
	bool mark = peek(s, 0) == '~' || peek(s, 0) == '-';
	s->p += mark;
	char c = peek(s, 0);
	struct str tag = { NULL, 0 };
	if (c == '"' || c == '\'' || c == '`')
		tag = scan_delimited(&s->p, s->end, false);
	else if (scan_is_word(c) && !scan_is_digit(c) && (mark || (c >= 'A' && c <= 'Z'))) {
		const char *from = s->p;
		while (scan_is_word(peek(s, 0)))
			s->p++;
		tag = str_n(from, (size_t)(s->p - from));
	}
	if (!tag.n || s->n_tags == HEREDOCS || (s->before == OPERAND && !mark && s->p - start > 2 && c != '"' && c != '\'' && !(start > s->start && scan_is_blank(start[-1])))) {
		s->p = start;
		return false;
	}
	s->tags[s->n_tags++] = tag;
	s->before = OPERAND;
	return true;
}

/* --- words --- */
static bool takes_term(struct str w)
{
	return str_among(w, "and or not if unless while until elsif else when in return case then do puts p print raise yield begin ensure rescue split scan match gsub sub");
}

static const char *field_of(struct str w)
{
	static const struct { const char *word, *field; } fields[] = {
		{ "name", "name\t" }, { "version", "version\t" }, { "require_paths", "path\t" }, { "files", "file\t" }, { "add_runtime_dependency", "needs\t" }, { "add_dependency", "needs\t" },
	};
	for (u32 i = 0; i < countof(fields); i++)
		if (str_is(w, fields[i].word))
			return fields[i].field;
	return NULL;
}

static void word(struct ruby *s, struct str w, bool method)
{
	char c = peek(s, 0);
	bool label = c == ':' && peek(s, 1) != ':';
	size_t i = 0;
	while (peek(s, i) == ' ' || peek(s, i) == '\t' || peek(s, i) == '(')
		i++;
	char next = peek(s, i);
	bool said = next == '"' || next == '\'' || next == '[' || next == '%' || (scan_is_word(next) && next != 'i' && next != 'u'); /* not "if", "unless" */
	s->before = takes_term(w) || label ? OPERATOR : OPERAND;
	if (s->call && !label) {
		if (str_is(w, "__dir__"))
			s->here = true;
		else if (str_is(w, "__FILE__"))
			s->file = true;
		else if (str_is(w, "dirname"))
			s->dirname = true;
		else if (str_among(w, "if unless and or do"))
			end_call(s);
		else if (!method && !str_among(w, "File expand_path join Pathname new IO Open3 true false nil to_s freeze unshift push concat Kernel Shellwords")) /* a variable: the rest is not known */
			s->computed |= s->call != CALL_AUTOLOAD || s->any;
	}
	if (str_is(w, "__FILE__") || str_is(w, "__dir__"))
		source_tell(s->n, 'x', STR("files"));
	if (s->spec && method && field_of(w)) {
		begin_call(s, CALL_FIELD);
		s->field = field_of(w);
	} else if (s->spec && str_is(w, "else")) /* for older ones of RubyGems: without telling what is needed from what developers need */
		s->p = s->end;
	else if (str_is(w, "require") && !method && next != '=' && next != ')' && next != '.')
		begin_call(s, CALL_REQUIRE);
	else if (str_is(w, "require_relative"))
		begin_call(s, CALL_RELATIVE);
	else if (str_among(w, "require_dependency rackup") || (str_is(w, "load") && !method && (next == '"' || next == '\'' || next == 'F')))
		begin_call(s, CALL_LOAD);
	else if (str_among(w, "autoload autoload_under eager_autoload")) {
		begin_call(s, CALL_AUTOLOAD);
		if (!memchr(s->p, ',', MIN((size_t)(s->end - s->p), (size_t)80))) /* autoload :X, named by its constant */
			source_tell(s->n, 'x', STR("wide"));
	} else if (str_among(w, "gem activate_bin_path bin_path add_gem") && (next == '"' || next == '\''))
		begin_call(s, CALL_GEM);
	else if (str_among(w, "system spawn exec popen popen2 popen2e popen3 capture2 capture2e capture3 sh pipeline") && !label && said)
		begin_call(s, CALL_RUN);
	else if (str_among(w, "Zeitwerk eager_load! autoload_paths all_files_in find_plugins find_files glob entries children require_all import"))
		source_tell(s->n, 'x', STR("wide"));
	else if (str_is(w, "Dir") && next == '[')
		source_tell(s->n, 'x', STR("wide"));
	else if (str_is(w, "Bundler"))
		source_tell(s->n, 'x', STR("bundler"));
	else if (str_among(w, "eval instance_eval class_eval module_eval") && next != '{' && next != 'd')
		source_tell(s->n, 'x', STR("eval"));
}

static void token(struct ruby *s)
{
	char c = *s->p, d = peek(s, 1);
	if (scan_is_word(c) && !scan_is_digit(c)) {
		const char *from = s->p;
		while (scan_is_word(peek(s, 0)))
			s->p++;
		if ((peek(s, 0) == '?' || peek(s, 0) == '!') && peek(s, 1) != '=')
			s->p++;
		word(s, str_n(from, (size_t)(s->p - from)), from > s->start && from[-1] == '.');
	} else if (scan_is_digit(c)) {
		while (scan_is_word(peek(s, 0)) || (peek(s, 0) == '.' && scan_is_digit(peek(s, 1))))
			s->p++;
		s->before = OPERAND;
	} else if (c == '"' || c == '\'') {
		struct str t = scan_delimited(&s->p, s->end, c == '"');
		if (peek(s, 0) == ':' && peek(s, 1) != ':')
			s->before = OPERAND; /* a key */
		else
			tell_string(s, t, c == '"');
	} else if (c == '`') {
		tell_command(s, scan_delimited(&s->p, s->end, true));
		s->before = OPERAND;
	} else if (c == '%' && percent(s))
		;
	else if (c == '<' && d == '<' && heredoc(s))
		;
	else if (c == '/' && (s->before == OPERATOR || (s->p > s->start && scan_is_blank(s->p[-1]) && !scan_is_blank(d) && d != '='))) {
		scan_delimited(&s->p, s->end, true);
		while (scan_is_word(peek(s, 0)))
			s->p++;
		s->before = OPERAND;
	} else if (c == '?' && s->before == OPERATOR && d && !scan_is_blank(d) && !scan_is_word(peek(s, 2))) {
		s->p += d == '\\' ? 3 : 2;
		s->before = OPERAND;
	} else if (c == ':' && (scan_is_word(d) || d == '"')) {
		s->p++;
		if (d == '"')
			scan_delimited(&s->p, s->end, true);
		while (scan_is_word(peek(s, 0)))
			s->p++;
		s->before = OPERAND;
	} else if (c == ':' && d == ':') {
		s->p += 2;
		s->before = OPERATOR;
	} else if (c == '$' || c == '@') {
		s->p++;
		bool lib = c == '$' && (str_starts(str_n(s->p, (size_t)(s->end - s->p)), STR("LOAD_PATH")) || (d == ':' && !scan_is_word(peek(s, 1))));
		if (c == '$' && d && !scan_is_word(d) && !scan_is_blank(d))
			s->p++;
		while (scan_is_word(peek(s, 0)) || peek(s, 0) == '@')
			s->p++;
		if (lib)
			begin_call(s, CALL_LIB);
		else if (s->call)
			s->computed = true;
		s->before = OPERAND;
	} else {
		s->p++;
		s->comma = c == ',' || (s->comma && (c == '(' || c == '['));
		s->round += c == '(' || c == '[' || c == '{';
		s->round -= s->round && (c == ')' || c == ']' || c == '}');
		s->before = c == ')' || c == ']' || c == '}' ? OPERAND : OPERATOR;
		if (c == ';' || c == '{' || c == '}')
			end_call(s);
	}
	if (s->p > s->end)
		s->p = s->end;
}

static void read_lock(struct str text, struct ruby *s)
{
	while (text.p) {
		struct str line = str_cut(&text, '\n');
		if (!str_starts(line, STR("    ")) || line.n < 6 || line.p[4] == ' ')
			continue;
		line = str_from(line, 4);
		tell_two(s, 'd', "gem\t", str_cut(&line, ' '));
	}
}

static void read_ruby(struct str dir, struct str name, struct str text, struct source_note *n)
{
	struct ruby s = { .start = text.p, .p = text.p, .end = text.p + text.n, .n = n, .path = BUF(8192), .spec = str_ends(name, STR(".gemspec")) };
	(void)dir;
	bool line = text.n > 0;
	if (str_ends(name, STR(".lock"))) {
		read_lock(text, &s);
		s.p = s.end;
	}
	while (s.p < s.end) {
		if (line && at_line(&s))
			break;
		line = false;
		if (s.p >= s.end)
			break;
		if (*s.p == '\n') {
			line = true;
			s.p++;
			if (s.call && !s.comma && !s.round)
				end_call(&s);
			if (!s.comma)
				s.before = OPERATOR;
		} else if (*s.p == '\\' || scan_is_blank(*s.p))
			s.p++;
		else if (*s.p == '#')
			s.p = scan_line_end(s.p, s.end);
		else
			token(&s);
	}
	end_call(&s);
	buf_free(&s.path);
}

static bool is(struct str dir, struct str name)
{
	(void)dir;
	return str_ends(name, STR(".rb")) || str_ends(name, STR(".ru")) || str_ends(name, STR(".gemspec")) || str_ends(name, STR(".rake")) ||
	       str_among(name, "Gemfile Gemfile.lock gems.rb gems.locked Rakefile Capfile Guardfile Procfile.rb");
}

static bool runs(struct str interpreter) { return source_runs(interpreter, "ruby") || str_starts(interpreter, STR("jruby")) || str_starts(interpreter, STR("truffleruby")); }

const struct source_language source_ruby = { .letter = 'R', .name = "ruby", .is = is, .runs = runs, .read = read_ruby };
