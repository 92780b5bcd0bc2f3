/* cache_explain.c — why a step is not in the cache: its inputs beside those of the step that stood in its place the last time.
 *
 * Of a step its identity says where it stands and what it does, "linux/amd64 build 3/7 RUN make". The one to compare with is that of the same identity; else of the same text in that stage, which
 * moved; else whatever stood at that number. */
#include "build/cache_in.h"

#define FILES_NAMED 3u
#define SHOWN 60 /* bytes of a value */
#define INPUTS_MAX (64 * MiB)

struct identity {
	struct str stage, number, text; /* "linux/amd64 build", "3", "RUN make" */
};

static bool is_count(struct str word, struct str *number)
{
	struct str rest = word, first = str_cut(&rest, '/');
	u64 v;
	*number = first;
	return rest.p && str_to_u64(first, &v) && str_to_u64(rest, &v);
}

static struct identity split(const char *identity)
{
	struct identity ret = { .text = str_of(identity) };
	struct str rest = str_of(identity);
	while (rest.p) {
		const char *at = rest.p;
		struct str word = str_cut(&rest, ' ');
		if (!is_count(word, &ret.number))
			continue;
		ret.stage = str_n(identity, (size_t)(at - identity));
		ret.text = rest.p ? rest : STR("");
		return ret;
	}
	ret.number = (struct str){ "", 0 };
	return ret;
}

static const char *text_at(const json_t *entry, size_t i)
{
	const char *z = json_string_value(json_array_get(entry, i));
	return z ? z : "";
}

/* How good the step of that entry is to compare with: 0 not at all. */
static u32 likeness(const struct identity *is, const char *identity, const json_t *entry)
{
	const char *was = text_at(entry, 0);
	struct identity o = split(was);
	if (strcmp(was, identity) == 0)
		return 4;
	if (!str_eq(o.stage, is->stage))
		return 0;
	return str_eq(o.text, is->text) ? 3 : str_eq(o.number, is->number) ? 2 : 0;
}

/* --- inputs --- */
struct difference {
	struct buf *out;
	const char *base; /* what the step stands on, when no step is between them */
	bool below, any;
	u32 files;
};

static void tell(struct difference *d, const char *fmt, ...) printf_like(2, 3);
static void tell(struct difference *d, const char *fmt, ...)
{
	char text[600];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	buf_printf(d->out, "%s%s", d->any ? "; " : "", text);
	d->any = true;
}

static bool is_digest(struct str v) { return str_starts(v, STR("sha256:")) && v.n == 71; }

/* Of texts of several lines the first that differs, by number; 0: they are of one. */
static size_t line_that_differs(struct str *was, struct str *is)
{
	size_t same = str_same(*was, *is), number = 1, from = 0;
	if (!str_chr(*was, '\n') && !str_chr(*is, '\n'))
		return 0;
	for (size_t i = 0; i < same; i++)
		if (is->p[i] == '\n') {
			number++;
			from = i + 1;
		}
	*was = str_from(*was, from);
	*is = str_from(*is, from);
	*was = str_cut(was, '\n');
	*is = str_cut(is, '\n');
	return number;
}

/* A value from a little before byte `at` on, cut. */
static struct str shown(struct str v, size_t at)
{
	size_t from = at > SHOWN / 2 && v.n > SHOWN ? at - SHOWN / 2 : 0;
	return str_head(str_from(v, from), SHOWN);
}

static void tell_values(struct difference *d, const char *name, struct str was, struct str is)
{
	char line[32] = "";
	size_t number = line_that_differs(&was, &is), same = str_same(was, is);
	if (number)
		snprintf(line, sizeof line, ", line %zu,", number);
	if (was.n <= SHOWN && is.n <= SHOWN)
		tell(d, "%.200s%s was \"%.*s\", is \"%.*s\"", name, line, STR_FMT(was), STR_FMT(is));
	else
		tell(d, "%.200s%s differs from byte %zu on: was \"%.*s\", is \"%.*s\"", name, line, same + 1, STR_FMT(shown(was, same)), STR_FMT(shown(is, same)));
}

static void tell_change(struct difference *d, const char *name, struct str was, struct str is)
{
	if (strcmp(name, "below") == 0) {
		if (d->base)
			tell(d, "%.200s changed", d->base);
		d->below = !d->base;
	} else if (str_starts(str_of(name), STR("file "))) {
		if (d->files++ < FILES_NAMED)
			tell(d, "%.300s changed", name);
	} else if (strcmp(name, "tree") == 0) {
		tell(d, "the stage or image that it copies from changed");
	} else if (str_starts(str_of(name), STR("tree of "))) {
		tell(d, "%.200s, which it mounts, changed", name + strlen("tree of "));
	} else if (is_digest(was) || is_digest(is)) {
		if (!d->files)
			tell(d, "%.300s changed", name);
	} else {
		tell_values(d, name, was, is);
	}
}

static void tell_one(struct difference *d, const char *name, struct str value, bool new)
{
	bool file = str_starts(str_of(name), STR("file "));
	if (file && d->files++ >= FILES_NAMED)
		return;
	if (file || is_digest(value))
		tell(d, "%.300s %s", name, new ? "is new" : "is gone");
	else
		tell(d, "%.200s \"%.*s\" %s", name, STR_FMT(shown(value, 0)), new ? "is new" : "is gone");
}

static struct str json_str(const json_t *j) { return str_n(json_is_string(j) ? json_string_value(j) : "", json_is_string(j) ? json_string_length(j) : 0); }

/* As it is kept: what is long, or no text, is there as its digest. */
static bool same_value(struct str is, struct str was)
{
	if (str_eq(is, was))
		return true;
	if (!is_digest(was))
		return false;
	struct digest d = digest_bytes(DIGEST_SHA256, is);
	return str_is(was, DIGEST_STR(&d));
}

static struct str old_name(const json_t *old, size_t i) { return json_str(json_array_get(json_array_get(old, i), 0)); }
static struct str old_value(const json_t *old, size_t i) { return json_str(json_array_get(json_array_get(old, i), 1)); }

static size_t find_old(const json_t *old, const char *name, size_t from, const bool *met)
{
	size_t n = json_array_size(old);
	for (size_t step = 0; step < n; step++) {
		size_t o = (from + step) % n;
		if (!(met && met[o]) && str_is(old_name(old, o), name))
			return o;
	}
	return n;
}

static bool is_command(struct str name) { return str_is(name, "command"); }

/* The words of a command from the first that differs to the last. */
static void compare_commands(struct difference *d, const struct cache_key *k, const json_t *old)
{
	struct str *v[2] = { xcalloc(json_array_size(old) + 1, sizeof **v), xcalloc(k->n + 1, sizeof **v) };
	size_t n[2] = { 0 }, head = 0, tail = 0;
	struct buf text[2] = { BUF(0), BUF(0) };
	for (size_t i = 0; i < json_array_size(old); i++)
		if (is_command(old_name(old, i)))
			v[0][n[0]++] = old_value(old, i);
	for (u32 i = 0; i < k->n; i++)
		if (is_command(str_of(k->v[i].name)))
			v[1][n[1]++] = k->v[i].value;
	while (head < n[0] && head < n[1] && same_value(v[1][head], v[0][head]))
		head++;
	while (head + tail < n[0] && head + tail < n[1] && same_value(v[1][n[1] - 1 - tail], v[0][n[0] - 1 - tail]))
		tail++;
	for (size_t side = 0; side < 2; side++)
		for (size_t i = head; i + tail < n[side]; i++) {
			buf_puts(&text[side], i > head ? " " : "");
			buf_add(&text[side], v[side][i]);
		}
	if (text[0].n || text[1].n)
		tell_change(d, "command", buf_str(&text[0]), buf_str(&text[1]));
	for (size_t side = 0; side < 2; side++) {
		free(v[side]);
		buf_free(&text[side]);
	}
}

/* Both are in the order in which they were added; of names that are there several times the first go together. */
static void compare(struct difference *d, const struct cache_key *k, const json_t *old)
{
	size_t n = json_array_size(old);
	bool *met = xcalloc(n + 1, sizeof *met);
	bool commands = false;
	for (u32 pass = 0; pass < 2; pass++) /* files before what is made of them all */
		for (u32 i = 0, from = 0; i < k->n; i++) {
			bool file = str_starts(str_of(k->v[i].name), STR("file "));
			if (file == pass)
				continue;
			if (is_command(str_of(k->v[i].name))) {
				if (!commands)
					compare_commands(d, k, old);
				commands = true;
				continue;
			}
			size_t at = find_old(old, k->v[i].name, from, met);
			if (at == n) {
				tell_one(d, k->v[i].name, k->v[i].value, true);
				continue;
			}
			met[at] = true;
			from = (u32)at + 1;
			if (!same_value(k->v[i].value, old_value(old, at)))
				tell_change(d, k->v[i].name, old_value(old, at), k->v[i].value);
		}
	for (size_t o = 0; o < n; o++)
		if (!met[o] && !is_command(old_name(old, o)))
			tell_one(d, text_at(json_array_get(old, o), 0), old_value(old, o), false);
	free(met);
	if (d->files > FILES_NAMED)
		tell(d, "and %u more files", d->files - FILES_NAMED);
	if (d->below)
		tell(d, d->any ? "a step before it changed, too" : "a step before it changed");
}

/* Another instruction stood there: nothing of it says why. */
static bool other_kind(const struct cache_key *k, const json_t *old)
{
	for (u32 i = 0; i < k->n; i++)
		if (strcmp(k->v[i].name, "kind") == 0) {
			size_t at = find_old(old, "kind", i, NULL);
			return at < json_array_size(old) && !str_eq(old_value(old, at), k->v[i].value);
		}
	return false;
}

void cache_explain(struct build_cache *c, const struct cache_key *k, const char *instruction, const char *base, struct buf *out)
{
	struct buf record = BUF(MiB), inputs = BUF(INPUTS_MAX), stood = BUF(0);
	struct identity is = split(instruction);
	char old[DIGEST_TEXT] = "";
	u32 best = 0;
	bool known = false;
	pthread_mutex_lock(&c->lock);
	json_t *last = cache_last(c);
	for (size_t i = 0; i < json_array_size(last); i++) {
		const json_t *entry = json_array_get(last, i);
		u32 like = likeness(&is, instruction, entry);
		known |= strcmp(text_at(entry, 1), DIGEST_STR(&k->digest)) == 0;
		if (like > best) {
			best = like;
			buf_clear(&stood);
			buf_add(&stood, split(text_at(entry, 0)).text);
			snprintf(old, sizeof old, "%s", text_at(entry, 1));
		}
	}
	bool any = json_array_size(last) > 0;
	pthread_mutex_unlock(&c->lock);
	struct digest d;
	int there = store_built_get(c->store, &k->digest, &record, NULL, NULL);
	if (there == 1)
		buf_puts(out, "its layer was pruned");
	else if (known)
		buf_puts(out, "its record was pruned");
	else if (!best)
		buf_puts(out, any ? "no such step was in the last build" : "it was never built here");
	else if (digest_parse(str_of(old), &d, NULL) < 0 || (buf_clear(&record), store_built_get(c->store, &d, &record, &inputs, NULL)) != 1)
		buf_puts(out, "what it was made of the last time was pruned");
	else {
		autojson json_t *was = json_read_limit(buf_str(&inputs), INPUTS_MAX, "inputs", &(struct error){ 0 });
		struct difference diff = { .out = out, .base = base };
		if (other_kind(k, was))
			tell(&diff, "%.*s stood in its place", STR_FMT(shown(buf_str(&stood), 0)));
		else
			compare(&diff, k, json_is_array(was) ? was : NULL);
		if (!diff.any)
			buf_puts(out, "its inputs come in another order");
	}
	buf_free(&record);
	buf_free(&inputs);
	buf_free(&stood);
}
