/* Traces as files: what was observed, written as JSON and read back. Same set, same bytes: so the name can be the digest. */
#include "base/file.h"
#include "base/json.h"
#include "base/jsonw.h"
#include "base/jsonwalk.h"
#include "base/text.h"
#include "run/calls.h"
#include "run/observe.h"
#include <dirent.h>
#include <errno.h>
#include <unistd.h>

#define TRACE_FORMAT 1
#define TRACE_ROW (64 * KiB)          /* one path with all that is said of it: OBSERVED_PATH bytes escaped, and little else */
#define TRACE_LIST (OBSERVED_BYTES * 6 + 64 * MiB) /* one of the short lists: programs */

static const struct {
	u8 bit;
	const char *name;
} words[] = {
	{ SEEN_OPENED, "opened" }, { SEEN_EXECUTED, "executed" }, { SEEN_LOOKED_AT, "looked-at" }, { SEEN_LISTED, "listed" },
	{ SEEN_WRITTEN, "written" }, { SEEN_MADE, "made" }, { SEEN_DELETED, "deleted" }, { SEEN_MISSING, "missing" },
};

static bool is_utf8(struct str s)
{
	for (u32 code; s.n;) {
		size_t n = text_utf8(s, &code);
		if (!n)
			return false;
		s = str_from(s, n);
	}
	return true;
}

/* A name as a string; one that is not UTF-8, which a string cannot hold, as an object of its bytes. */
static void write_name(struct jsonw *w, struct str name)
{
	static const char digits[] = "0123456789abcdef";
	char hex[2 * OBSERVED_PATH];
	if (is_utf8(name) || name.n > OBSERVED_PATH) {
		jsonw_str(w, name);
		return;
	}
	for (size_t i = 0; i < name.n; i++) {
		hex[2 * i] = digits[(u8)name.p[i] >> 4];
		hex[2 * i + 1] = digits[(u8)name.p[i] & 15];
	}
	jsonw_obj(w);
	jsonw_ks(w, "hex", str_n(hex, 2 * name.n));
	jsonw_end(w);
}

static int as_text(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

/* The programs that are named, sorted, each once; the caller's. */
static const char **programs(const struct observed *o, u32 *ret)
{
	const char **v = xcalloc(o->n_paths + (size_t)1, sizeof *v);
	u32 n = 0, kept = 0;
	for (u32 i = 0; i < o->n_paths; i++)
		if (*o->paths[i].by && (!n || v[n - 1] != o->paths[i].by))
			v[n++] = o->paths[i].by;
	if (n)
		qsort(v, n, sizeof *v, as_text);
	for (u32 i = 0; i < n; i++)
		if (!kept || strcmp(v[kept - 1], v[i]) != 0)
			v[kept++] = v[i];
	*ret = kept;
	return v;
}

static void write_path(struct jsonw *w, const struct observed_path *p, const char **by, u32 n_by)
{
	jsonw_obj(w);
	jsonw_key(w, "path");
	write_name(w, str_of(p->path));
	jsonw_key(w, "what");
	jsonw_arr(w);
	for (size_t i = 0; i < countof(words); i++)
		if (p->what & words[i].bit)
			jsonw_str(w, str_of(words[i].name));
	jsonw_end(w);
	if (p->start)
		jsonw_kb(w, "start", true);
	const char *const *at = *p->by ? bsearch(&p->by, by, n_by, sizeof *by, as_text) : NULL;
	if (at)
		jsonw_ku(w, "by", (u64)(at - by));
	jsonw_end(w);
}

static void write_calls(struct jsonw *w, const char *key, const u64 *set)
{
	const char *names[OBSERVED_CALLS];
	char text[OBSERVED_CALLS][CALL_NAME];
	u32 n = 0;
	for (u32 i = 0; i < OBSERVED_CALLS; i++)
		if (set[i / 64] >> i % 64 & 1 && call_name(i, text[n])) {
			names[n] = text[n];
			n++;
		}
	if (n)
		qsort(names, n, sizeof *names, as_text);
	jsonw_key(w, key);
	jsonw_arr(w);
	for (u32 i = 0; i < n; i++)
		jsonw_str(w, str_of(names[i]));
	jsonw_end(w);
}

void observed_write(struct observed *o, FILE *f)
{
	struct jsonw w;
	u32 n_by;
	observed_settle(o);
	autofree const char **by = programs(o, &n_by);
	jsonw_init(&w, f, 1);
	jsonw_obj(&w);
	jsonw_ku(&w, "trace", TRACE_FORMAT);
	jsonw_kz(&w, "config", DIGEST_STR(&o->config));
	jsonw_ku(&w, "runs", o->runs);
	jsonw_kb(&w, "full", o->full);
	jsonw_key(&w, "ports");
	jsonw_arr(&w);
	for (u32 i = 0; i < o->n_ports; i++)
		jsonw_u64(&w, o->ports[i]);
	jsonw_end(&w);
	write_calls(&w, "calls_start", o->calls_start);
	write_calls(&w, "calls_steady", o->calls_steady);
	jsonw_key(&w, "programs");
	jsonw_arr(&w);
	for (u32 i = 0; i < n_by; i++)
		write_name(&w, str_of(by[i]));
	jsonw_end(&w);
	jsonw_key(&w, "paths");
	jsonw_arr(&w);
	for (u32 i = 0; i < o->n_paths; i++)
		write_path(&w, &o->paths[i], by, n_by);
	jsonw_end(&w);
	jsonw_end(&w);
}

static int digit(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; }

/* A string, or bytes in room[OBSERVED_PATH]; p NULL: neither. */
static struct str read_name(const json_t *j, char *room)
{
	if (json_is_string(j))
		return str_n(json_string_value(j), json_string_length(j));
	struct str hex = json_view(j, "hex");
	if (!hex.p || hex.n % 2 || hex.n > 2 * OBSERVED_PATH)
		return (struct str){ NULL, 0 };
	for (size_t i = 0; i < hex.n; i += 2) {
		int high = digit(hex.p[i]), low = digit(hex.p[i + 1]);
		if (high < 0 || low < 0)
			return (struct str){ NULL, 0 };
		room[i / 2] = (char)(high << 4 | low);
	}
	return str_n(room, hex.n / 2);
}

static int read_path(struct observed *to, const json_t *row, const json_t *by, const char *name, struct error *err)
{
	char room[OBSERVED_PATH], room_by[OBSERVED_PATH];
	struct str path = read_name(json_object_get(row, "path"), room);
	const json_t *what = json_arr(row, "what"), *word;
	u64 who;
	u8 bits = 0;
	size_t i;
	if (!path.p || !what)
		return error_set(err, ERR_INPUT, "%s: paths: one without \"path\" or \"what\"", name);
	json_array_foreach(what, i, word)
		for (size_t k = 0; k < countof(words); k++)
			if (json_is_string(word) && strcmp(json_string_value(word), words[k].name) == 0)
				bits |= words[k].bit;
	struct str by_name = json_u64(row, "by", &who) ? read_name(json_array_get(by, who), room_by) : STR("");
	observed_add(to, path, bits, by_name.p ? by_name : STR(""), json_is_true(json_object_get(row, "start")));
	return 0;
}

static int read_paths(struct observed *to, struct str text, const json_t *by, const char *name, struct error *err)
{
	struct json_walk w;
	struct str key, value;
	if (!json_walk_open(text, &w) || w.object)
		return error_set(err, ERR_INPUT, "%s: \"paths\" is no array", name);
	for (u64 n = 0; json_walk_next(&w, &key, &value); n++) {
		if (n == OBSERVED_PATHS)
			return error_set(err, ERR_INPUT, "%s: more than %u paths", name, OBSERVED_PATHS);
		autojson json_t *row = json_read_limit(value, TRACE_ROW, name, err);
		if (!row)
			return -1;
		int failed = read_path(to, row, by, name, err);
		if (failed)
			return -1;
	}
	return w.bad ? error_set(err, ERR_INPUT, "%s: paths: damaged, or cut short", name) : 0;
}

static void read_calls(struct observed *to, const json_t *head, const char *key, bool start)
{
	const json_t *call;
	size_t i;
	json_array_foreach(json_arr(head, key), i, call) {
		int number = json_is_string(call) ? call_number(str_n(json_string_value(call), json_string_length(call))) : -1;
		if (number >= 0)
			observed_call(to, (u32)number, start);
	}
}

static int read_head(const json_t *head, const char *name, struct observed *to, struct digest *config, struct error *err)
{
	u64 format, runs;
	const json_t *port;
	size_t i;
	if (!json_u64(head, "trace", &format))
		return error_set(err, ERR_INPUT, "%s: no trace", name);
	if (format != TRACE_FORMAT)
		return error_set(err, ERR_INPUT, "%s: a trace of format %llu; this program reads %u", name, (unsigned long long)format, TRACE_FORMAT);
	struct str digest = json_view(head, "config");
	if (!digest.p || (digest.n && digest_parse(digest, config, err) < 0))
		return error_set(err, ERR_INPUT, "%s: \"config\" is no digest", name);
	if (!json_u64(head, "runs", &runs) || runs > OBSERVED_RUNS)
		return error_set(err, ERR_INPUT, "%s: \"runs\" is no count", name);
	struct observed *counted = observed_new(NULL);
	counted->runs = (u32)runs;
	counted->full = !json_is_false(json_object_get(head, "full"));
	observed_merge(to, counted);
	observed_free(counted);
	json_array_foreach(json_arr(head, "ports"), i, port)
		if (json_is_integer(port) && json_integer_value(port) > 0 && json_integer_value(port) <= UINT16_MAX)
			observed_port(to, (u16)json_integer_value(port));
	read_calls(to, head, "calls_start", true);
	read_calls(to, head, "calls_steady", false);
	return 0;
}

/* Everything but the paths is small, and becomes one document of its own; the paths are read one by one. */
int observed_read(struct str text, const char *name, struct observed *to, struct digest *config, struct error *err)
{
	static const char *const small[] = { "trace", "config", "runs", "full", "ports", "calls_start", "calls_steady", NULL };
	struct json_walk w;
	struct str key, value, paths = { NULL, 0 }, by = STR("[]");
	struct buf head = BUF(JSON_BYTES);
	*config = (struct digest){ 0 };
	if (text.n > TRACE_BYTES || !json_walk_open(text, &w) || !w.object)
		return error_set(err, ERR_INPUT, "%s: no trace", name);
	buf_putc(&head, '{');
	while (json_walk_next(&w, &key, &value)) {
		if (str_is(key, "paths")) {
			paths = value;
		} else if (str_is(key, "programs")) {
			by = value;
		} else if (str_listed(key, small)) {
			if (head.n > 1)
				buf_putc(&head, ',');
			buf_printf(&head, "\"%.*s\":", STR_FMT(key));
			buf_add(&head, value);
		}
	}
	buf_putc(&head, '}');
	bool bad = w.bad || !paths.p;
	autojson json_t *j = bad || head.over ? NULL : json_read(buf_str(&head), name, err);
	buf_free(&head);
	if (bad)
		return error_set(err, ERR_INPUT, "%s: no trace, or one cut short", name);
	if (!j)
		return head.over ? error_set(err, ERR_INPUT, "%s: no trace", name) : -1;
	autojson json_t *programs_of = json_read_limit(by, TRACE_LIST, name, err);
	if (!programs_of)
		return -1;
	if (read_head(j, name, to, config, err) < 0)
		return -1;
	return read_paths(to, paths, programs_of, name, err);
}

struct output {
	int fd;
	struct observed *o;
	struct digester *digester;
	bool failed;
	int why;
};

static ssize_t put(void *cookie, const char *p, size_t n)
{
	struct output *out = cookie;
	digester_add(out->digester, str_n(p, n));
	if (file_write_all(out->fd, p, n) < 0) {
		out->failed = true;
		out->why = errno;
		return 0;
	}
	return (ssize_t)n;
}

static void name_of(const struct digest *d, char ret[DIGEST_TEXT])
{
	digest_text(d, ret);
	char *colon = strchr(ret, ':');
	if (colon)
		*colon = '-';
}

int observed_save(struct observed *o, const char *dir, struct error *err)
{
	char config[DIGEST_TEXT], own[DIGEST_TEXT];
	struct outfile file;
	struct buf part = { 0 }, path = { 0 };
	if (file_mkdirs(dir, err) < 0)
		return -1;
	name_of(&o->config, config);
	buf_printf(&part, "%s/%s.new", dir, *config ? config : "unknown");
	int failed = outfile_open(&file, part.p, err);
	buf_free(&part);
	if (failed)
		return -1;
	struct output out = { .fd = file.fd, .digester = digester_new(DIGEST_SHA256) };
	FILE *f = fopencookie(&out, "w", (cookie_io_functions_t){ .write = put });
	if (f) {
		observed_write(o, f);
		fclose(f);
	}
	struct digest d = digester_finish(out.digester);
	if (!f || out.failed) {
		errno = out.failed ? out.why : ENOMEM;
		error_errno(err, "%s", dir);
		outfile_abort(&file);
		return -1;
	}
	name_of(&d, own);
	buf_printf(&path, "%s/%s.%s.json", dir, *config ? config : "unknown", own);
	free(file.path);
	file.path = path.p;
	if (access(path.p, F_OK) == 0) {
		outfile_abort(&file);
		return 0;
	}
	return outfile_commit(&file, err);
}

/* "….sha256-HEX.json" says which bytes are in it; any other name says nothing. */
static bool named_right(const char *name, struct str text)
{
	char own[DIGEST_TEXT];
	const char *dot = strstr(name, ".sha256-");
	if (!dot)
		return true;
	struct digest d = digest_bytes(DIGEST_SHA256, text);
	name_of(&d, own);
	size_t n = strlen(own);
	return strncmp(dot + 1, own, n) == 0 && strcmp(dot + 1 + n, ".json") == 0;
}

static int load_one(const char *path, const char *base, struct observed *to, u32 *others, struct error *err)
{
	struct buf text = { 0 };
	struct digest config;
	int failed = file_read(path, TRACE_BYTES, &text, err);
	if (!failed && !named_right(base, buf_str(&text)))
		failed = error_set(err, ERR_INPUT, "%s: its content is not what its name says", path);
	if (!failed)
		failed = observed_read(buf_str(&text), path, to, &config, err);
	if (!failed && others && !digest_eq(&config, &to->config))
		++*others;
	buf_free(&text);
	return failed;
}

static int is_trace(const struct dirent *e)
{
	return e->d_name[0] != '.' && str_ends(str_of(e->d_name), STR(".json"));
}

static int by_bytes(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }

int observed_load(const char *dir, struct observed *to, u32 *others, struct error *err)
{
	struct dirent **v;
	int failed = 0, n = scandir(dir, &v, is_trace, by_bytes);
	if (n < 0)
		return error_errno(err, "%s", dir);
	if (others)
		*others = 0;
	for (int i = 0; i < n; i++) {
		struct buf path = { 0 };
		buf_printf(&path, "%s/%s", dir, v[i]->d_name);
		if (!failed)
			failed = load_one(path.p, v[i]->d_name, to, others, err);
		buf_free(&path);
		free(v[i]);
	}
	free(v);
	return failed;
}
