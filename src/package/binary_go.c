/* binary_go.c — packages out of what the Go linker writes into programs (runtime/debug.BuildInfo as text, cmd/go and debug/buildinfo):
 *
 *      path  command/path
 *      mod   module  version  sum
 *      dep   module  version  sum
 *      =>    module  version  sum         replaces the one before
 *      build key=value
 *
 * fields separated by tabs. The main module's version is "(devel)" in most programs: then what the build says of itself counts. */
#include "package/binary.h"

const char go_modules_begin[16] = "0w\xaf\x0c\x92t\x08\x02" "A\xe1\xc1\x07\xe6\xd6\x18\xe6";
const char go_modules_end[16] = "\xf9" "2C1\x86\x18 r\x00\x82" "B\x10" "A\x16\xd8\xf2";
const char go_info_mark[16] = "\xff Go buildinf:";

struct module {
	struct str path, version;
};

struct build {
	struct str revision, time; /* of version control */
	bool modified;
	struct str flags; /* -ldflags */
};

static struct module fields(struct str line)
{
	struct module m;
	m.path = str_cut(&line, '\t');
	m.version = line.p ? str_cut(&line, '\t') : STR("");
	return m;
}

static bool devel(struct str v) { return v.n == 0 || str_is(v, "(devel)"); }

static bool digits(struct str s, size_t from, size_t n)
{
	for (size_t i = from; i < from + n; i++)
		if (i >= s.n || s.p[i] < '0' || s.p[i] > '9')
			return false;
	return true;
}

/* "1.2", "v1.2.3-rc.1+x": numbers with points between them, then what semantic versions allow. */
static bool looks_like_version(struct str v)
{
	size_t i = v.n && v.p[0] == 'v', points = 0;
	if (v.n > 80 || !digits(v, i, 1))
		return false;
	for (; i < v.n; i++) {
		char c = v.p[i];
		points += c == '.';
		bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '+' || c == '_' || c == '~';
		if (!word && c != '.' && !(c >= '0' && c <= '9'))
			return false;
		if (word && points == 0)
			return false;
	}
	return points > 0;
}

static bool ends_with_word(struct str s, struct str word) { return s.n >= word.n && str_ieq(str_from(s, s.n - word.n), word); }

/* How much a variable that the linker set looks like the program's own version: main.version before module/version.Version before others; 0: not at all. */
static u32 weight(struct str variable, struct str main)
{
	struct str package = variable, name;
	const char *point = variable.n ? memrchr(variable.p, '.', variable.n) : NULL;
	if (!point)
		return 0;
	package.n = (size_t)(point - variable.p);
	name = str_from(variable, package.n + 1);
	bool plain = str_ieq(name, STR("version"));
	if (!plain && !ends_with_word(name, STR("version")))
		return 0;
	if (ends_with_word(name, STR("goversion")) || ends_with_word(name, STR("apiversion")) || ends_with_word(name, STR("schemaversion")))
		return 0;
	bool own = str_is(package, "main") || (main.n && str_starts(package, main));
	struct str last = str_base(package);
	if (str_is(package, "main"))
		return plain ? 8 : 4;
	if (own)
		return plain ? (str_is(last, "main") || str_is(last, "cmd") ? 7 : str_ieq(last, STR("version")) ? 6 : 5) : 3;
	return plain && (str_ieq(last, STR("version")) || str_is(last, "main")) ? 2 : 1;
}

/* The next word of -ldflags, quotes taken off. */
static struct str word(struct str *rest)
{
	while (rest->n && (rest->p[0] == ' ' || rest->p[0] == '\t'))
		*rest = str_from(*rest, 1);
	size_t i = 0;
	char quote = 0;
	while (i < rest->n && (quote || (rest->p[i] != ' ' && rest->p[i] != '\t'))) {
		if (rest->p[i] == '\'' || rest->p[i] == '"')
			quote = !quote ? rest->p[i] : quote == rest->p[i] ? 0 : quote;
		i++;
	}
	struct str w = str_head(*rest, i);
	*rest = str_from(*rest, i);
	while (w.n && (w.p[0] == '\'' || w.p[0] == '"'))
		w = str_from(w, 1);
	while (w.n && (w.p[w.n - 1] == '\'' || w.p[w.n - 1] == '"'))
		w.n--;
	return w;
}

/* The value is written as a Go string when it holds quotes: as in "-X main.version=1.2 -s". */
static struct str from_flags(struct str flags, struct str main)
{
	struct str best = STR("");
	u32 most = 0;
	char plain[4096];
	if (flags.n >= 2 && flags.p[0] == '"' && flags.n <= sizeof plain) {
		size_t n = 0;
		for (size_t i = 1; i + 1 < flags.n; i++)
			if (flags.p[i] != '\\' || i + 2 >= flags.n)
				plain[n++] = flags.p[i];
		flags = str_n(plain, n);
	}
	struct str rest = flags;
	while (rest.n) {
		struct str w = word(&rest);
		if (w.n == 0 && rest.n == 0)
			break;
		if (str_is(w, "-X"))
			w = word(&rest);
		else if (str_starts(w, STR("-X=")))
			w = str_from(w, 3);
		else if (str_starts(w, STR("-X ")))
			w = str_trim(str_from(w, 3));
		const char *eq = str_chr(w, '=');
		if (!eq)
			continue;
		struct str name = str_n(w.p, (size_t)(eq - w.p)), value = str_trim(str_from(w, name.n + 1));
		while (value.n && (value.p[0] == '\'' || value.p[0] == '"'))
			value = str_from(value, 1);
		u32 much = looks_like_version(value) ? weight(name, main) : 0;
		if (much > most) {
			most = much;
			best = value;
		}
	}
	static _Thread_local char kept[BINARY_VERSION_MAX]; /* `plain` ends here */
	snprintf(kept, sizeof kept, "%.*s", STR_FMT(best));
	return str_of(kept);
}

/* v0.0.0-20060102150405-0123456789ab, the version that Go gives to a revision without a tag. */
static bool pseudo(const struct build *b, char out[BINARY_VERSION_MAX])
{
	struct str t = b->time;
	if (b->revision.n < 12 || t.n < 20 || !digits(t, 0, 4) || !digits(t, 5, 2) || !digits(t, 8, 2) || !digits(t, 11, 2) || !digits(t, 14, 2) || !digits(t, 17, 2))
		return false;
	snprintf(out, BINARY_VERSION_MAX, "v0.0.0-%.4s%.2s%.2s%.2s%.2s%.2s-%.12s", t.p, t.p + 5, t.p + 8, t.p + 11, t.p + 14, t.p + 17, b->revision.p);
	return true;
}

static void setting(struct build *b, struct str line)
{
	struct str key = str_cut(&line, '=');
	if (!line.p)
		return;
	if (str_is(key, "vcs.revision"))
		b->revision = line;
	else if (str_is(key, "vcs.time"))
		b->time = line;
	else if (str_is(key, "-ldflags"))
		b->flags = line;
}

static void put_main(struct module main, const struct build *b, struct binary_match *m, struct note_writer *w)
{
	char text[BINARY_VERSION_MAX];
	struct str seen = binary_match_take(m, "golang", main.path);
	if (devel(main.version)) {
		struct str v = from_flags(b->flags, main.path);
		if (v.n == 0)
			v = seen;
		if (v.n == 0 && pseudo(b, text))
			v = str_of(text);
		main.version = v;
	}
	binary_put(w, "golang", main.path, main.version);
}

/* A replacement by a directory has no version of its own; the module stays what it is called. */
static bool local(struct str path) { return path.n == 0 || path.p[0] == '.' || path.p[0] == '/'; }

void go_packages(struct str modules, struct str go, struct binary_match *m, struct note_writer *w)
{
	struct module main = { STR(""), STR("") }, dep = main, replaced;
	struct str command = STR("");
	struct build b = { 0 };
	bool have = false;
	while (modules.n) {
		struct str line = str_cut(&modules, '\n'), rest = line, kind = str_cut(&rest, '\t');
		if (!rest.p)
			continue;
		bool arrow = str_is(kind, "=>");
		if (have && !arrow) {
			binary_put(w, "golang", dep.path, devel(dep.version) ? STR("") : dep.version);
			have = false;
		}
		if (str_is(kind, "path")) {
			command = str_trim(rest);
		} else if (str_is(kind, "mod")) {
			main = fields(rest);
		} else if (str_is(kind, "dep")) {
			dep = fields(rest);
			have = dep.path.n != 0;
		} else if (arrow) {
			replaced = fields(rest);
			struct module *to = have ? &dep : &main;
			if (!local(replaced.path))
				*to = replaced;
		} else if (str_is(kind, "build")) {
			setting(&b, rest);
		}
	}
	if (have)
		binary_put(w, "golang", dep.path, devel(dep.version) ? STR("") : dep.version);
	if (!main.path.n && command.n && !str_is(command, "command-line-arguments"))
		main.path = command; /* built without modules */
	if (main.path.n && !str_is(main.path, "command-line-arguments"))
		put_main(main, &b, m, w);
	if (str_starts(go, STR("go")) && digits(go, 2, 1)) {
		struct str version = str_from(go, 2);
		const char *blank = str_chr(version, ' ');
		if (blank)
			version.n = (size_t)(blank - version.p);
		binary_put(w, "golang", STR("stdlib"), version);
	}
}
