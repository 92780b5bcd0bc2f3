/* pare db update, pare db push. */
#include "base/buf.h"
#include "base/file.h"
#include "base/text.h"
#include "command/db.h"
#include "command/place.h"
#include "store/load.h"
#include "update/artifact.h"
#include "update/feeds.h"
#include "update/place.h"
#include <sys/stat.h>
#include <unistd.h>

#define PLACES_MAX 256u
#define LIST_FILE_MAX ((size_t)MiB)

static int read_options(const struct option_value *opt, struct update_options *ret, struct registry_options *registry, struct error *err)
{
	struct repo_options place;
	if (place_options(opt + O_PLACE, &place, err) < 0)
		return -1;
	*ret = (struct update_options){ .offline = opt[O_OFFLINE].count > 0, .keep_going = opt[O_KEEP_GOING].count > 0 || !opt[O_FROM].count };
	ret->fetch = place.fetch;
	ret->fetch.unverified = place.tls_verify_off;
	*registry = (struct registry_options){ .fetch = ret->fetch, .plain_http = place.plain_http, .user = place.user, .certs = place.certs };
	return 0;
}

static bool is_registry(const char *word) { return str_starts(str_of(word), STR("oci://")) || str_starts(str_of(word), STR("docker://")); }

/* --- what to update from --- */
struct words {
	const char **v;
	u32 n, cap;
};

static int add_word(struct arena *a, struct words *w, const char *word, struct error *err)
{
	if (word[0] != '@') {
		VEC_PUSH(w->v, w->n, w->cap, word);
		return 0;
	}
	struct buf text = BUF(0);
	if (file_read(word + 1, LIST_FILE_MAX, &text, err) < 0)
		return -1;
	for (struct str rest = buf_str(&text); rest.p;) {
		struct str line = str_trim(str_cut(&rest, '\n'));
		if (line.n && line.p[0] != '#' && line.p[0] != '@' && !memchr(line.p, '\0', line.n))
			VEC_PUSH(w->v, w->n, w->cap, arena_strdup(a, line));
	}
	buf_free(&text);
	return 0;
}

static int choose(struct arena *a, const struct option_value *from, struct words *w, struct error *err)
{
	for (u32 i = 0; i < from->count; i++)
		if (add_word(a, w, from->list[i], err) < 0)
			return -1;
	for (const struct feed *const *f = feeds; !from->count && *f; f++)
		if ((*f)->url || place_of((*f)->kind))
			VEC_PUSH(w->v, w->n, w->cap, (*f)->kind);
	if (!w->n)
		return error_set(err, ERR_USAGE, "db update: nothing to update from: the file names no feed");
	if (w->n > PLACES_MAX)
		return error_set(err, ERR_USAGE, "db update: over %u feeds", PLACES_MAX);
	for (u32 i = 0; i < w->n; i++)
		if (is_registry(w->v[i]) && w->n > 1)
			return error_set(err, ERR_USAGE, "db update --from %.200s: a database that is ready is taken alone, without other feeds", w->v[i]);
	return 0;
}

/* --- from feeds --- */
static void summary(const struct update_place *p, u32 n, const char *db, bool built)
{
	struct stat st = { 0 };
	struct buf out = BUF(0);
	u64 records = 0;
	for (u32 i = 0; i < n; i++) {
		const char *news = p[i].n_fresh ? "new" : p[i].failed ? "as before" : "unchanged";
		buf_clear(&out);
		text_safe(&out, str_of(p[i].url ? p[i].url : ""));
		if (built && !p[i].left_out)
			printf("%-16s %-9s %9s %12s records %12s others  %-10s  %s\n", p[i].feed->kind, news, TEXT_SIZE(p[i].bytes), TEXT_COUNT(p[i].records), TEXT_COUNT(p[i].others), p[i].newest,
			       buf_str(&out).p);
		records += p[i].records;
	}
	(void)!stat(db, &st);
	buf_clear(&out);
	text_safe(&out, str_of(db));
	if (built)
		printf("%s: %s records, %s\n", buf_str(&out).p, TEXT_COUNT(records), TEXT_SIZE((u64)st.st_size));
	else
		printf("%s: nothing new\n", buf_str(&out).p);
	buf_free(&out);
}

static int from_feeds(struct arena *a, const struct words *w, const struct update_options *opt, const char *db, struct error *err)
{
	struct update_place *places = arena_array(a, struct update_place, w->n);
	for (u32 i = 0; i < w->n; i++)
		if (update_place_read(a, w->v[i], &places[i], err) < 0)
			return -1;
	if (update_fetch(a, places, w->n, opt, err) < 0)
		return -1;
	const char *state = update_state(a, places, w->n);
	bool built = update_is_built(a, opt->store, db, state);
	if (!built && (update_build(places, w->n, db, err) < 0 || update_set_built(a, opt->store, db, state, err) < 0))
		return -1;
	if (!globals.quiet)
		summary(places, w->n, db, !built);
	u32 failed = 0;
	for (u32 i = 0; i < w->n; i++) {
		failed += places[i].failed != NULL;
		if (places[i].failed)
			command_note("%s: %s; the database %s", places[i].feed->kind, places[i].failed, places[i].left_out ? "is without it" : "has what could be had of it");
	}
	return failed ? error_set(err, ERR_ENV, "%s: %u of %u feeds could not be updated", db, failed, w->n) : 0;
}

/* --- from a registry, to a registry --- */
static void say(const struct artifact *art, const char *db, const char *what)
{
	struct buf out = BUF(0);
	text_safe(&out, str_of(db));
	printf("%s: %s, %s (%s)\n", buf_str(&out).p, what, DIGEST_STR(&art->manifest), TEXT_SIZE(art->size));
	buf_free(&out);
}

static int from_registry(struct arena *a, const char *word, const struct registry_options *registry, const struct update_options *o, const char *db, struct error *err)
{
	struct reference name;
	struct artifact art;
	if (artifact_name(a, word, &name, err) < 0)
		return -1;
	if (o->offline)
		return error_set(err, ERR_USAGE, "--offline: a registry cannot be asked");
	if (artifact_pull(a, &name, o->store, db, registry, &art, err) < 0)
		return -1;
	if (!globals.quiet)
		say(&art, db, art.news ? "pulled" : "nothing new");
	return 0;
}

int db_run_update(const struct option_value *opt, char **args, int n_args)
{
	(void)args;
	(void)n_args;
	struct arena a = { 0 };
	struct error err = { 0 };
	struct words w = { 0 };
	struct update_options o;
	struct registry_options registry;
	int lock = -1, r = -1;
	const char *db = db_file(&a, opt[O_DB].value, &err);
	if (db && read_options(opt, &o, &registry, &err) == 0 && choose(&a, &opt[O_FROM], &w, &err) == 0 && (o.store = store_dir(&a, globals.store, &err)) && update_lock(&a, o.store, &lock, &err) == 0)
		r = is_registry(w.v[0]) ? from_registry(&a, w.v[0], &registry, &o, db, &err) : from_feeds(&a, &w, &o, db, &err);
	int status = r < 0 ? command_fail(&err) : command_done(0);
	if (lock >= 0)
		close(lock);
	free(w.v);
	arena_free(&a);
	return status;
}

int db_run_push(const struct option_value *opt, char **args, int n_args)
{
	(void)n_args;
	struct arena a = { 0 };
	struct error err = { 0 };
	struct update_options o;
	struct registry_options registry;
	struct reference name;
	struct artifact art;
	int r = -1;
	const char *db = db_file(&a, opt[O_DB].value, &err);
	if (db && read_options(opt, &o, &registry, &err) == 0 && artifact_name(&a, args[0], &name, &err) == 0 && (o.store = store_dir(&a, globals.store, &err)))
		r = artifact_push(&a, &name, o.store, db, &registry, &art, &err);
	if (r == 0 && !globals.quiet)
		say(&art, art.name, art.news ? "pushed" : "pushed; the database was there");
	int status = r < 0 ? command_fail(&err) : command_done(0);
	arena_free(&a);
	return status;
}
