/* source_php.c — what PHP sources refer to, what Composer says that it installed, and the directives of php.ini and of FPM's pools (php.c has what is made of it).
 *
 *      m PATH TAB r      require and include of a path that is written down
 *      m PATH TAB d      a path from the source's own directory: __DIR__ . "/x"; TAB p: the beginning of one whose rest is computed
 *      m CLASS TAB c     a class that is named, in small letters
 *      d class TAB NAME  one that is declared, likewise
 *      x load            a file that is computed; x shell: a command line is given to a shell; x mail: mail() is called
 *      d package TAB NAME TAB PATH TAB dev|prod          of installed.json
 *
 * Text outside of <?php … ?> is passed over. Composer's own maps of classes are not read: the packages that they are of are kept by installed.json. */
#include "base/json.h"
#include "program/php.h"

#define PHP_LOOK 2048u

struct php {
	struct source_note *note;
	struct str t;
	size_t at;
	struct buf space; /* the namespace */
	struct str prev;  /* the word or sign before */
	bool composer;    /* a file of Composer's own */
};
struct value {
	char p[SOURCE_STRING * 2];
	size_t n;
	bool dir, open;
};

static bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || (u8)c >= 0x80; }
static bool is_name(char c) { return is_word(c) || c == '\\'; }
static char at(struct str t, size_t i) { return i < t.n ? t.p[i] : '\0'; }

static size_t behind(struct str t, size_t i, struct str what)
{
	const char *p = i < t.n ? str_find(str_from(t, i), what) : NULL;
	return p ? (size_t)(p - t.p) + what.n : t.n;
}

/* Blanks and comments. */
static size_t skip(struct str t, size_t i)
{
	for (;;) {
		while (i < t.n && (t.p[i] == ' ' || t.p[i] == '\t' || t.p[i] == '\r' || t.p[i] == '\n'))
			i++;
		bool line = (at(t, i) == '/' && at(t, i + 1) == '/') || (at(t, i) == '#' && at(t, i + 1) != '[');
		if (line)
			while (i < t.n && t.p[i] != '\n' && !(t.p[i] == '?' && at(t, i + 1) == '>'))
				i++;
		else if (at(t, i) == '/' && at(t, i + 1) == '*')
			i = behind(t, i + 2, STR("*/"));
		else
			return i;
	}
}

static size_t string_end(struct str t, size_t i)
{
	char quote = t.p[i];
	for (i++; i < t.n; i++)
		if (t.p[i] == '\\')
			i++;
		else if (t.p[i] == quote)
			return i + 1;
	return t.n;
}

static struct str inside(struct str t, size_t from, size_t end) { return str_n(t.p + from + 1, end - from > 2 ? end - from - 2 : 0); }

static void put(struct value *v, struct str s, bool expand)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (expand && (c == '$' || (c == '{' && at(s, i + 1) == '$'))) {
			v->open = true;
			return;
		}
		if (c == '\\' && i + 1 < s.n && (s.p[i + 1] == '\\' || s.p[i + 1] == '\'' || s.p[i + 1] == '"' || s.p[i + 1] == '$'))
			c = s.p[++i];
		if (v->n == sizeof v->p) {
			v->open = true;
			return;
		}
		v->p[v->n++] = c;
	}
}
static struct str text_of(const struct value *v) { return str_n(v->p, v->n); }

/* dirname(__FILE__), dirname(__DIR__, 2), dirname(dirname(__FILE__)): i behind the first bracket. */
static bool directory(struct str t, size_t *pos, struct value *v)
{
	u32 ups = 0, deep = 1;
	size_t i = skip(t, *pos);
	while (deep < 8 && str_starts(str_from(t, i), STR("dirname"))) {
		i = skip(t, i + 7);
		if (at(t, i) != '(')
			return false;
		i = skip(t, i + 1);
		deep++;
	}
	if (str_starts(str_from(t, i), STR("__FILE__")))
		ups = deep - 1;
	else if (str_starts(str_from(t, i), STR("__DIR__")))
		ups = deep;
	else
		return false;
	i = skip(t, i + (at(t, i + 2) == 'F' ? 8 : 7));
	for (; deep && i < t.n; i = skip(t, i)) {
		if (at(t, i) == ',') {
			i = skip(t, i + 1);
			if (at(t, i) < '1' || at(t, i) > '9')
				return false;
			ups += (u32)(t.p[i] - '1');
			i++;
		} else if (at(t, i) == ')') {
			deep--;
			i++;
		} else {
			return false;
		}
	}
	v->dir = true;
	while (ups--)
		put(v, STR("/.."), false);
	*pos = i;
	return !deep;
}

/* Strings, __DIR__ and their like with dots between. False: nothing of it is constant. */
static bool expression(const struct php *p, struct str t, size_t *pos, struct value *v)
{
	for (;;) {
		size_t i = *pos = skip(t, *pos), end;
		struct str rest = str_from(t, i);
		if (at(t, i) == '\'' || at(t, i) == '"') {
			end = string_end(t, i);
			put(v, inside(t, i, end), t.p[i] == '"');
			*pos = end;
		} else if (str_starts(rest, STR("__DIR__")) && !v->n) {
			v->dir = true;
			*pos = i + 7;
		} else if (str_starts(rest, STR("dirname")) && !v->n && at(t, skip(t, i + 7)) == '(') {
			*pos = skip(t, i + 7) + 1;
			if (!directory(t, pos, v))
				v->open = true;
		} else if (p->composer && (str_starts(rest, STR("$vendorDir")) || str_starts(rest, STR("$baseDir"))) && !v->n) {
			v->dir = true;
			put(v, rest.p[1] == 'v' ? STR("/..") : STR("/../.."), false);
			*pos = i + (rest.p[1] == 'v' ? 10 : 8);
		} else if ((str_starts(rest, STR("DIRECTORY_SEPARATOR")))) {
			put(v, STR("/"), false);
			*pos = i + 19;
		} else {
			v->open = true;
		}
		if (v->open)
			break;
		*pos = skip(t, *pos);
		if (at(t, *pos) != '.')
			break;
		++*pos;
	}
	return v->n || v->dir;
}

static void tell(struct php *p, char letter, const char *head, struct str text, const char *kind)
{
	struct buf b = BUF(4 * KiB);
	buf_puts(&b, head);
	buf_add(&b, text);
	buf_puts(&b, kind);
	source_tell(p->note, letter, buf_str(&b));
	buf_free(&b);
}

static void tell_place(struct php *p, const struct value *v)
{
	struct str s = text_of(v);
	bool begun = v->open || !s.n || str_is(s, "/") || str_ends(s, STR("/.."));
	while (s.n && s.p[0] == '/')
		s = str_from(s, 1);
	tell(p, 'm', "./", s, begun ? "\tp" : "\td");
}

static void tell_class(struct php *p, struct str name)
{
	char low[SOURCE_STRING];
	while (name.n && name.p[0] == '\\')
		name = str_from(name, 1);
	if (!name.n || name.n > sizeof low)
		return;
	for (size_t i = 0; i < name.n; i++)
		low[i] = (char)(name.p[i] >= 'A' && name.p[i] <= 'Z' ? name.p[i] + 32 : name.p[i]);
	tell(p, 'm', "", str_n(low, name.n), "\tc");
}

static void declare(struct php *p, struct str name)
{
	struct buf b = BUF(2 * KiB);
	buf_puts(&b, "class\t");
	buf_add(&b, buf_str(&p->space));
	buf_puts(&b, p->space.n ? "\\" : "");
	buf_add(&b, name);
	for (size_t i = 6; i < b.n; i++)
		if (b.p[i] >= 'A' && b.p[i] <= 'Z')
			b.p[i] = (char)(b.p[i] + 32);
	source_tell(p->note, 'd', buf_str(&b));
	buf_free(&b);
}

static void tell_string(struct php *p, struct str s)
{
	bool path = false, class = false;
	for (size_t i = 0; i < s.n; i++) {
		if ((u8)s.p[i] <= ' ' || (u8)s.p[i] >= 0x7f || strchr("$<>{}()[]*?|^'\";,=&%#!", s.p[i]))
			return;
		path |= s.p[i] == '/' || s.p[i] == '.';
		class |= s.p[i] == '\\' && i > 0;
	}
	if (class) {
		struct value v = { 0 };
		put(&v, s, false);
		tell_class(p, text_of(&v));
	} else if (s.n > 1 && (path || s.n < 40)) {
		source_tell(p->note, 's', s);
	}
}

static void on_word(struct php *p, struct str w, size_t i)
{
	static const char shells[] = "shell_exec exec system passthru popen proc_open pcntl_exec";
	struct value v = { 0 };
	size_t pos = skip(p->t, p->at);
	struct str t = str_head(p->t, i + PHP_LOOK);
	char c = at(p->t, pos);
	bool member = str_is(p->prev, ">") || str_is(p->prev, ":");
	if (str_among(w, "require require_once include include_once") && !member) {
		if (c == '(')
			pos++;
		bool known = expression(p, t, &pos, &v);
		if (known && v.dir)
			tell_place(p, &v);
		else if (known && !v.open)
			tell(p, 'm', "", text_of(&v), "\tr");
		if (!known || v.open)
			source_tell(p->note, 'x', STR("load"));
		return;
	}
	if (str_is(w, "__DIR__") || (str_is(w, "dirname") && c == '(')) {
		pos = i;
		if (expression(p, t, &pos, &v) && v.dir) {
			tell_place(p, &v);
			p->at = MAX(p->at, pos);
		}
		return;
	}
	if (c == '(' && !member && str_among(w, shells)) {
		pos++;
		source_tell(p->note, 'x', STR("shell"));
		if (expression(p, t, &pos, &v) && !v.dir)
			source_tell(p->note, 'c', text_of(&v));
		return;
	}
	if (c == '(' && !member && (str_is(w, "mail") || str_is(w, "mb_send_mail")))
		source_tell(p->note, 'x', STR("mail"));
	if (str_is(w, "namespace") && is_name(c)) {
		size_t end = pos;
		while (end < p->t.n && is_name(p->t.p[end]))
			end++;
		buf_clear(&p->space);
		buf_add(&p->space, str_n(p->t.p + pos, end - pos));
		p->at = end;
		return;
	}
	if (str_among(w, "class interface trait enum") && !member && is_word(c) && !str_is(p->prev, "new")) {
		size_t end = pos;
		while (end < p->t.n && is_word(p->t.p[end]))
			end++;
		declare(p, str_n(p->t.p + pos, end - pos));
		return;
	}
	bool capital = (w.p[0] >= 'A' && w.p[0] <= 'Z') || str_chr(w, '\\'), spot = str_among(p->prev, "new extends implements instanceof use");
	if (member || (!capital && !spot && !(c == ':' && at(p->t, pos + 1) == ':')) || (c == '(' && !spot && !str_chr(w, '\\')))
		return;
	tell_class(p, w);
	if (p->space.n && w.p[0] != '\\') {
		struct buf b = BUF(2 * KiB);
		buf_add(&b, buf_str(&p->space));
		buf_putc(&b, '\\');
		buf_add(&b, w);
		tell_class(p, buf_str(&b));
		buf_free(&b);
	}
}

/* <<<NAME, <<<'NAME', <<<"NAME": behind its end. */
static size_t heredoc_end(struct str t, size_t i)
{
	size_t name = i + 3, end;
	while (at(t, name) == ' ' || at(t, name) == '\t' || at(t, name) == '\'' || at(t, name) == '"')
		name++;
	for (end = name; end < t.n && is_word(t.p[end]);)
		end++;
	if (end == name)
		return i + 3;
	struct str mark = str_n(t.p + name, end - name);
	while (end < t.n) {
		end = behind(t, end, STR("\n"));
		size_t from = end;
		while (at(t, from) == ' ' || at(t, from) == '\t')
			from++;
		if (str_starts(str_from(t, from), mark) && !is_word(at(t, from + mark.n)))
			return from + mark.n;
	}
	return t.n;
}

static void inside_php(struct php *p)
{
	struct str t = p->t;
	while ((p->at = skip(t, p->at)) < t.n) {
		size_t i = p->at;
		char c = t.p[i];
		if (c == '?' && at(t, i + 1) == '>') {
			p->at = i + 2;
			return;
		}
		if (c == '\'' || c == '"' || c == '`') {
			p->at = string_end(t, i);
			if (c == '`') {
				source_tell(p->note, 'x', STR("shell"));
				source_tell(p->note, 'c', str_trim(inside(t, i, p->at)));
			} else {
				tell_string(p, inside(t, i, p->at));
			}
			p->prev = STR("'");
		} else if (c == '<' && at(t, i + 1) == '<' && at(t, i + 2) == '<') {
			p->at = heredoc_end(t, i);
		} else if (c == '$' && is_word(at(t, i + 1))) {
			struct value v = { 0 };
			size_t pos = i;
			bool place = p->composer && expression(p, str_head(t, i + PHP_LOOK), &pos, &v) && v.dir && str_ends(text_of(&v), STR(".php"));
			if (place)
				tell_place(p, &v);
			for (p->at = i + 1; p->at < t.n && is_word(t.p[p->at]);)
				p->at++;
			p->prev = STR("$");
		} else if (is_name(c)) {
			while (p->at < t.n && is_name(t.p[p->at]))
				p->at++;
			struct str w = str_n(t.p + i, p->at - i);
			on_word(p, w, i);
			p->prev = w;
		} else {
			p->prev = str_n(t.p + i, 1);
			p->at = i + 1;
		}
	}
}

static void read_source(struct str dir, struct str name, struct str text, struct source_note *n)
{
	struct php p = { .note = n, .t = text, .composer = str_is(str_base(dir), "composer") && str_is(name, "autoload_files.php"), .prev = STR(""), .space = BUF(1 * KiB) };
	if (str_is(str_base(dir), "composer") && str_among(name, "autoload_classmap.php autoload_psr4.php autoload_namespaces.php autoload_static.php installed.php"))
		return;
	while (p.at < text.n) {
		p.at = behind(text, p.at, STR("<?"));
		struct str head = str_from(text, p.at);
		if (str_starts(head, STR("php")))
			p.at += 3;
		else if (str_starts(head, STR("=")))
			p.at += 1;
		else if (str_starts(head, STR("xml")))
			continue;
		inside_php(&p);
	}
	buf_free(&p.space);
}

static void read_installed(struct str text, struct source_note *n)
{
	struct error e = { 0 };
	size_t i, k;
	json_t *x, *d, *j autojson = json_read(text, "installed.json", &e);
	json_t *development = json_arr(j, "dev-package-names");
	json_array_foreach(json_is_array(j) ? j : json_arr(j, "packages"), i, x) {
		const char *name = json_text(x, "name"), *path = json_text(x, "install-path");
		bool dev = false;
		struct buf b = BUF(4 * KiB);
		json_array_foreach(development, k, d)
			dev |= name && json_is_string(d) && strcmp(json_string_value(d), name) == 0;
		if (name && (path || !json_object_get(x, "install-path"))) {
			buf_printf(&b, "package\t%s\t%s%s\t%s", name, path ? "" : "../", path ? path : name, dev ? "dev" : "prod");
			source_tell(n, 'd', buf_str(&b));
		}
		buf_free(&b);
	}
}

static bool is_php(struct str dir, struct str name)
{
	if (str_is(name, "installed.json"))
		return str_is(str_base(dir), "composer");
	return str_ends(name, STR(".php")) || str_ends(name, STR(".phtml")) || str_ends(name, STR(".inc"));
}
static bool runs(struct str interpreter) { return str_starts(interpreter, STR("php")); }
static bool looks(struct str dir, struct str name, struct str head) { (void)dir, (void)name; return str_starts(head, STR("<?php")); }
static void read_php(struct str dir, struct str name, struct str text, struct source_note *n)
{
	if (str_is(name, "installed.json"))
		read_installed(text, n);
	else
		read_source(dir, name, text, n);
}
const struct source_language source_php = { .letter = 'H', .name = "PHP", .is = is_php, .runs = runs, .looks = looks, .read = read_php };

/* --- php.ini and FPM's pools: NAME = VALUE --- */
static bool is_ini(struct str dir, struct str name)
{
	bool near = str_contains(dir, STR("php")) || str_starts(name, STR("php"));
	return near && (str_ends(name, STR(".ini")) || str_starts(name, STR("php-fpm")) ? str_ends(name, STR(".ini")) || str_ends(name, STR(".conf")) : str_ends(name, STR(".conf")) && (str_contains(dir, STR("fpm"))));
}
static void read_ini(struct str dir, struct str name, struct str text, struct source_note *n)
{
	(void)dir, (void)name;
	for (struct str rest = text; rest.p;) {
		struct str line = str_trim(str_cut(&rest, '\n'));
		const char *eq = str_chr(line, '=');
		if (!line.n || line.p[0] == ';' || line.p[0] == '#' || line.p[0] == '[' || !eq)
			continue;
		struct str key = str_trim(str_head(line, (size_t)(eq - line.p))), value = str_trim(str_from(line, (size_t)(eq - line.p) + 1));
		if (value.n > 1 && (value.p[0] == '"' || value.p[0] == '\'')) {
			const char *end = str_chr(str_from(value, 1), value.p[0]);
			value = end ? str_n(value.p + 1, (size_t)(end - value.p) - 1) : str_from(value, 1);
		} else if (str_chr(value, ';')) {
			value = str_trim(str_head(value, (size_t)(str_chr(value, ';') - value.p)));
		}
		struct buf b = BUF(4 * KiB);
		buf_add(&b, key);
		buf_putc(&b, '\t');
		buf_add(&b, value);
		if (key.n && value.n)
			source_tell(n, 'd', buf_str(&b));
		buf_free(&b);
	}
}
const struct source_language source_php_ini = { .letter = 'I', .name = "php.ini", .is = is_ini, .read = read_ini };
