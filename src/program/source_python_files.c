/* source_python_files.c — what lies beside Python's modules: byte code whose source is gone, .pth files, environments, and what installers leave of a distribution. python.h has the lines. */
#include "program/python.h"

static bool is_ident(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c >= '0' && c <= '9'); }

/* --- byte code (marshal): every short name in it, whatever it is of; those that are no module's come to nothing --- */
static bool is_module_name(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_ident(s.p[i]) && !(s.p[i] == '.' && i && i + 1 < s.n))
			return false;
	return s.n && !(s.p[0] >= '0' && s.p[0] <= '9');
}

static bool is_path(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f)
			return false;
	return s.n > 1 && s.p[0] == '/';
}

static void read_code(struct str text, struct source_note *n)
{
	for (size_t i = 0; i + 2 < text.n; i++) {
		u8 kind = (u8)text.p[i] & 0x7f;
		size_t head = 0, size = 0;
		if (kind == 'z' || kind == 'Z') {
			head = 2;
			size = (u8)text.p[i + 1];
		} else if ((kind == 'a' || kind == 'A' || kind == 'u' || kind == 't') && i + 5 < text.n && !text.p[i + 3] && !text.p[i + 4]) {
			head = 5;
			size = (size_t)(u8)text.p[i + 1] | (size_t)(u8)text.p[i + 2] << 8;
		}
		if (!head || !size || size > SOURCE_STRING - 2 || size > text.n - i - head)
			continue;
		struct str s = str_n(text.p + i + head, size);
		char b[SOURCE_STRING + 4];
		if (is_module_name(s)) {
			memcpy(b, s.p, s.n);
			memcpy(b + s.n, "\t~", 2);
			source_tell(n, 'm', str_n(b, s.n + 2));
		} else if (is_path(s))
			source_tell(n, 's', s);
		else
			continue;
		i += head + size - 1;
	}
}

/* --- texts --- */
static void told(struct source_note *n, const char *head, struct str a, struct str b)
{
	struct buf x = BUF(2 * KiB);
	buf_puts(&x, head);
	buf_add(&x, a);
	if (b.p) {
		buf_putc(&x, '\t');
		buf_add(&x, b);
	}
	if (!x.over)
		source_tell(n, 'd', buf_str(&x));
	buf_free(&x);
}

static void read_pth(struct str text, struct source_note *n)
{
	while (text.p) {
		struct str raw = str_cut(&text, '\n'), line = str_trim(raw);
		if (str_starts(raw, STR("import ")) || str_starts(raw, STR("import\t")))
			python_scan(line, n);
		else if (line.n && line.p[0] != '#')
			told(n, "add\t", line, (struct str){ 0 });
	}
}

/* [group] and name = module:attribute [extras] */
static void read_entry_points(struct str text, struct source_note *n)
{
	struct str group = STR("");
	while (text.p) {
		struct str line = str_trim(str_cut(&text, '\n'));
		if (!line.n || line.p[0] == '#' || line.p[0] == ';')
			continue;
		if (line.p[0] == '[') {
			line = str_from(line, 1);
			group = str_trim(str_cut(&line, ']'));
			continue;
		}
		struct str name = str_trim(str_cut(&line, '='));
		if (!line.p)
			continue;
		struct str module = str_trim(line);
		module = str_trim(str_cut(&module, ' '));
		module = str_trim(str_cut(&module, ':'));
		struct buf x = BUF(KiB);
		buf_add(&x, group);
		buf_putc(&x, '\t');
		buf_add(&x, name);
		told(n, "point\t", buf_str(&x), module);
		buf_free(&x);
	}
}

/* The name at the beginning of a requirement: "Werkzeug (>=2.0)", "importlib-metadata>=3.6; python_version < '3.10'". */
static struct str required(struct str line)
{
	size_t k = 0;
	while (k < line.n && (is_ident(line.p[k]) || line.p[k] == '-' || line.p[k] == '.'))
		k++;
	return str_head(line, k);
}

static void read_metadata(struct str text, struct source_note *n)
{
	while (text.p) {
		struct str line = str_cut(&text, '\n');
		if (!str_trim(line).n)
			return; /* the description */
		if (str_starts(line, STR("Requires-Dist:"))) {
			struct str name = required(str_trim(str_from(line, 14)));
			if (name.n && !str_contains(line, STR("extra ==")) && !str_contains(line, STR("extra==")))
				told(n, "requires\t", name, (struct str){ 0 });
		}
	}
}

static void read_requires(struct str text, struct source_note *n)
{
	while (text.p) {
		struct str line = str_trim(str_cut(&text, '\n'));
		if (str_starts(line, STR("[")))
			return; /* of extras */
		if (required(line).n)
			told(n, "requires\t", required(line), (struct str){ 0 });
	}
}

static void read_record(struct str text, struct source_note *n)
{
	while (text.p) {
		struct str line = str_cut(&text, '\n'), path = str_cut(&line, ','), rest = path, top = str_cut(&rest, '/');
		if (str_starts(path, STR("../"))) {
			if (str_contains(path, STR("/bin/")))
				told(n, "script\t", str_base(path), (struct str){ 0 });
		} else if (top.n && !str_is(top, "__pycache__") && !str_ends(top, STR(".dist-info")) && !str_ends(top, STR(".egg-info")) && top.p[0] != '/')
			told(n, "top\t", top, (struct str){ 0 });
	}
}

static void read_top_level(struct str text, struct source_note *n)
{
	while (text.p) {
		struct str line = str_trim(str_cut(&text, '\n'));
		if (line.n)
			told(n, "top\t", line, (struct str){ 0 });
	}
}

static void read_environment(struct str text, struct source_note *n)
{
	while (text.p) {
		struct str value = str_cut(&text, '\n'), key = str_trim(str_cut(&value, '='));
		if (str_is(key, "home") && value.p)
			told(n, "home\t", str_trim(value), (struct str){ 0 });
		else if (str_is(key, "include-system-site-packages") && value.p)
			told(n, "system\t", str_trim(value), (struct str){ 0 });
	}
}

/* --- which, and how --- */
static bool beside(struct str dir) { return str_ends(dir, STR(".dist-info")) || str_ends(dir, STR(".egg-info")) || str_ends(dir, STR("EGG-INFO")); }

static bool is(struct str dir, struct str name)
{
	if (name.n > 3 && name.p[name.n - 3] == '.' && str_ends(name, STR(".py")))
		return true;
	if (name.n < 5)
		return false;
	if (str_ends(name, STR(".pyc")))
		return !str_is(str_base(dir), "__pycache__");
	return str_ends(name, STR(".pyw")) || str_ends(name, STR(".pth")) || str_is(name, "pyvenv.cfg") ||
	       (beside(dir) && str_among(name, "entry_points.txt top_level.txt METADATA PKG-INFO RECORD requires.txt"));
}

static bool runs(struct str interpreter)
{
	struct str b = str_base(interpreter);
	return str_starts(b, STR("python")) || str_starts(b, STR("pypy"));
}

static void read(struct str dir, struct str name, struct str text, struct source_note *n)
{
	if (str_ends(name, STR(".pyc")))
		read_code(text, n);
	else if (str_ends(name, STR(".pth")))
		read_pth(text, n);
	else if (str_is(name, "pyvenv.cfg"))
		read_environment(text, n);
	else if (!beside(dir) || str_ends(name, STR(".py")))
		python_scan(text, n);
	else if (str_is(name, "entry_points.txt"))
		read_entry_points(text, n);
	else if (str_is(name, "top_level.txt"))
		read_top_level(text, n);
	else if (str_is(name, "RECORD"))
		read_record(text, n);
	else if (str_is(name, "requires.txt"))
		read_requires(text, n);
	else
		read_metadata(text, n);
}

const struct source_language source_python = { .letter = 'P', .name = "python", .is = is, .runs = runs, .read = read };
