/* source_lua.c — Lua and Tcl: modules that are required, files that are read, commands that are started. Both are scanned word by word: comments, strings, and the few names in front of a string that
 * matter.
 *
 *      local j = require "cjson"       m cjson                 package require http      m http
 *      dofile("/etc/x.lua")            s /etc/x.lua            source [file join $d x]    x load
 *      os.execute("ls /tmp")           c ls /tmp               exec convert a.png b.gif   c convert US a.png US b.gif */
#include "program/source.h"
#include "program/source_scan.h"

static void tell_string(struct source_note *n, struct str s)
{
	if (s.n && s.n <= SOURCE_STRING && !str_chr(s, ' ') && !str_chr(s, '\n'))
		source_tell(n, 's', s);
}

/* --- Lua --- */
static bool lua_is(struct str dir, struct str name) { (void)dir; return str_ends(name, STR(".lua")) || str_ends(name, STR(".luau")); }

static bool lua_runs(struct str i)
{
	return str_starts(i, STR("lua")) || str_is(i, "texlua") || str_is(i, "resty") || str_is(i, "tarantool");
}

/* [[…]] or [==[…]==] at i: its content, and where it ends; false: none begins here. */
static bool lua_long(struct str t, size_t i, struct str *content, size_t *end)
{
	size_t level = 0, from = i + 1;
	while (from < t.n && t.p[from] == '=')
		level++, from++;
	if (i >= t.n || t.p[i] != '[' || from >= t.n || t.p[from] != '[')
		return false;
	for (size_t k = ++from; k < t.n; k++) {
		size_t q = k + 1;
		if (t.p[k] != ']')
			continue;
		while (q < t.n && t.p[q] == '=')
			q++;
		if (q < t.n && t.p[q] == ']' && q - k - 1 == level) {
			*content = str_n(t.p + from, k - from);
			*end = q + 1;
			return true;
		}
	}
	*content = str_from(t, from);
	*end = t.n;
	return true;
}

static bool lua_string(struct str t, size_t i, struct str *content, size_t *end)
{
	if (i >= t.n)
		return false;
	if (t.p[i] != '"' && t.p[i] != '\'')
		return lua_long(t, i, content, end);
	size_t k = i + 1;
	while (k < t.n && t.p[k] != t.p[i] && t.p[k] != '\n')
		k += t.p[k] == '\\' ? 2 : 1;
	k = MIN(k, t.n);
	*content = str_n(t.p + i + 1, k - i - 1);
	*end = k < t.n ? k + 1 : k;
	return true;
}

/* What stands behind a name that matters: a string, in parentheses or not. */
static void lua_name(struct source_note *n, struct str name, struct str t, size_t i)
{
	static const struct { char name[16]; char letter; const char *else_; } words[] = { { "require", 'm', "import" }, { "prequire", 'm', "import" }, { "dofile", 's', "load" }, { "loadfile", 's', "load" },
		{ "loadlib", 's', "load" }, { "execute", 'c', "run" }, { "popen", 'c', "run" }, { "loadstring", 0, "eval" } };
	struct str content;
	size_t end, k = 0;
	while (k < countof(words) && !str_is(name, words[k].name))
		k++;
	if (k == countof(words))
		return;
	while (i < t.n && (scan_is_blank(t.p[i]) || t.p[i] == '('))
		i++;
	if (i < t.n && t.p[i] == ',') /* pcall(require, "x") */
		for (i++; i < t.n && scan_is_blank(t.p[i]); i++)
			;
	if (!lua_string(t, i, &content, &end)) {
		if (i < t.n && (scan_is_word(t.p[i]) || words[k].letter == 0))
			source_tell(n, 'x', str_of(words[k].else_));
		return;
	}
	while (end < t.n && scan_is_blank(t.p[end]))
		end++;
	if (words[k].letter && end + 1 < t.n && t.p[end] == '.' && t.p[end + 1] == '.') /* is only the beginning of it */
		source_tell(n, 'x', str_of(words[k].else_));
	if (words[k].letter)
		source_tell(n, words[k].letter, content);
}

static void lua_read(struct str dir, struct str file, struct str t, struct source_note *n)
{
	(void)dir, (void)file;
	struct str content;
	size_t end;
	if (str_chr(str_head(t, 64), '\x1b')) /* compiled: its strings are plain bytes */
		source_tell(n, 'x', STR("import"));
	for (size_t i = 0; i < t.n;) {
		if (t.p[i] == '-' && i + 1 < t.n && t.p[i + 1] == '-') {
			if (lua_long(t, i + 2, &content, &end)) {
				i = end;
				continue;
			}
			const char *nl = memchr(t.p + i, '\n', t.n - i);
			i = nl ? (size_t)(nl - t.p) : t.n;
		} else if (lua_string(t, i, &content, &end)) {
			tell_string(n, content);
			i = MAX(end, i + 1);
		} else if (scan_is_word(t.p[i])) {
			size_t from = i;
			while (i < t.n && scan_is_word(t.p[i]))
				i++;
			lua_name(n, str_n(t.p + from, i - from), t, i);
		} else {
			i++;
		}
	}
}

const struct source_language source_lua = { .letter = 'U', .name = "Lua", .is = lua_is, .runs = lua_runs, .read = lua_read };

/* --- Tcl --- */
static bool tcl_is(struct str dir, struct str name) { (void)dir; return str_ends(name, STR(".tcl")) || str_ends(name, STR(".tm")) || str_ends(name, STR(".exp")) || str_is(name, "tclIndex"); }
static bool tcl_runs(struct str i) { return str_starts(i, STR("tclsh")) || str_starts(i, STR("wish")) || str_is(i, "expect") || str_starts(i, STR("jimsh")); }

/* The words of a command, at most 8: quotes and braces taken off; a word that is computed is empty. Returns where the command ends. */
static size_t tcl_words(struct str t, size_t i, struct str *words, u32 *n)
{
	*n = 0;
	while (i < t.n && t.p[i] != '\n' && t.p[i] != ';' && t.p[i] != ']') {
		if (t.p[i] == ' ' || t.p[i] == '\t' || t.p[i] == '\r') {
			i++;
			continue;
		}
		if (t.p[i] == '{') /* a body: what is in it is read as commands, too */
			return i + 1;
		size_t from = i;
		bool quoted = t.p[i] == '"';
		if (t.p[i] == '[')
			return i + 1;
		for (i += quoted; i < t.n && (quoted ? t.p[i] != '"' : !scan_is_blank(t.p[i]) && t.p[i] != ';' && t.p[i] != ']' && t.p[i] != '}'); i++)
			i += t.p[i] == '\\' && i + 1 < t.n;
		i = MIN(i, t.n);
		struct str w = str_n(t.p + from + quoted, i - from - quoted);
		i += quoted && i < t.n;
		if (!quoted && i < t.n && t.p[i] == '}')
			i++;
		if (*n < 8)
			words[(*n)++] = str_chr(w, '$') || str_chr(w, '[') ? STR("") : w;
	}
	return MIN(i + 1, t.n);
}

static void tcl_exec(struct source_note *n, const struct str *words, u32 count)
{
	struct buf line = BUF(4 * KiB);
	u32 from = 0;
	while (from < count && words[from].n && words[from].p[0] == '-')
		from++;
	for (u32 i = from; i < count; i++) {
		if (i > from)
			buf_putc(&line, '\x1f');
		buf_add(&line, words[i]);
	}
	if (from < count && words[from].n)
		source_tell(n, 'c', buf_str(&line));
	else
		source_tell(n, 'x', STR("run"));
	buf_free(&line);
}

static void tcl_read(struct str dir, struct str file, struct str t, struct source_note *n)
{
	(void)dir, (void)file;
	for (size_t i = 0; i < t.n;) {
		struct str words[8];
		u32 count;
		while (i < t.n && (scan_is_blank(t.p[i]) || t.p[i] == '}' || t.p[i] == ']'))
			i++;
		if (i < t.n && t.p[i] == '#') {
			const char *nl = memchr(t.p + i, '\n', t.n - i);
			i = nl ? (size_t)(nl - t.p) : t.n;
			continue;
		}
		size_t next = tcl_words(t, i, words, &count);
		i = MAX(next, i + 1);
		if (!count)
			continue;
		if (str_is(words[0], "package") && count > 2 && str_is(words[1], "require"))
			source_tell(n, 'm', str_is(words[2], "-exact") && count > 3 ? words[3] : words[2]);
		else if ((str_is(words[0], "exec") || str_is(words[0], "spawn")) && count > 1)
			tcl_exec(n, words + 1, count - 1);
		else if (str_is(words[0], "source") || str_is(words[0], "load"))
			source_tell(n, count > 1 && words[1].n ? 's' : 'x', count > 1 && words[1].n ? words[1] : STR("load"));
		else if (str_is(words[0], "eval"))
			source_tell(n, 'x', STR("eval"));
		for (u32 k = 1; k < count; k++)
			if (str_chr(words[k], '/') || str_chr(words[k], '.'))
				tell_string(n, words[k]);
	}
}

const struct source_language source_tcl = { .letter = 'T', .name = "Tcl", .is = tcl_is, .runs = tcl_runs, .read = tcl_read };
