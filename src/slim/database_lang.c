#include "base/json.h"
#include "slim/database_parts.h"

/* What names packages in a file of its own, beside what they are made of, goes with the last of them. Bills of materials and what stands in a program's bytes say what they say. */
static bool has_file(const struct package *k) { return k->database && (k->origin == ORIGIN_INSTALLED || strcmp(k->type, "alpm") == 0); }
static bool is_composer(const struct package *k) { return strcmp(k->type, "composer") == 0 && k->origin == ORIGIN_INSTALLED; }

static void find_left(struct databases *w)
{
	for (u32 i = 0; i < w->p->n && w->p->owner; i++) {
		const struct package *k = &w->p->v[i];
		bool *left = &w->x->left[i];
		if (!k->database || *left || !dbs_stays(w, k->database))
			continue;
		if (k->origin == ORIGIN_BINARY || k->origin == ORIGIN_DOCUMENT)
			*left = true;
		else if (has_file(k) && strcmp(k->type, "alpm") != 0) /* nothing tells which files are its own; or it is its description alone, or that is what is needed of it */
			*left = !k->files || (!is_composer(k) && (k->files == 1 || w->c->wanted[k->database]));
	}
}

/* Several packages may stand in one file. */
static void with_files(struct databases *w)
{
	for (int pass = 0; pass < 2; pass++) {
		for (u32 i = 0; i < w->p->n && w->p->owner; i++) {
			const struct package *k = &w->p->v[i];
			if (!has_file(k) || w->x->left[i] != (pass == 1) || (is_composer(k) && !pass && w->c->wanted[k->database]))
				continue;
			bool alpm = strcmp(k->type, "alpm") == 0;
			if (!pass && (k->files || alpm))
				dbs_goes(w, k->database);
			if (pass)
				dbs_keeps(w, k->database);
			for (node_id id = 0; pass && alpm && (id = rootfs_next_child(w->r, rootfs_up(w->r, k->database), id));)
				dbs_keeps(w, id);
		}
	}
}

/* --- Composer: vendor/composer/installed.json --- */
static bool is_left(const struct databases *w, node_id db, const json_t *package)
{
	struct str name = str_trim(json_view(package, "name")), version = str_trim(json_view(package, "version"));
	for (u32 i = 0; i < w->p->n; i++) {
		const struct package *k = &w->p->v[i];
		if (k->database == db && w->x->left[i] && str_is(name, k->name) && str_is(version, k->version))
			return true;
	}
	return false;
}

static bool names_left(const struct databases *w, node_id db, const json_t *name)
{
	for (u32 i = 0; i < w->p->n; i++)
		if (w->p->v[i].database == db && w->x->left[i] && json_is_string(name) && strcmp(json_string_value(name), w->p->v[i].name) == 0)
			return true;
	return false;
}

static void only(json_t *list, const struct databases *w, node_id db, bool (*yes)(const struct databases *w, node_id db, const json_t *x))
{
	for (size_t i = json_array_size(list); i-- > 0;)
		if (!yes(w, db, json_array_get(list, i)))
			json_array_remove(list, i);
}

/* installed.php beside it is a program's: what it answers (Composer\InstalledVersions) stays. */
static int composer_file(struct databases *w, node_id db, struct error *err)
{
	struct buf text, out = BUF(0);
	if (dbs_read(w, db, &text, err) < 0)
		return -1;
	json_t *j autojson = json_read(buf_str(&text), "installed.json", err);
	buf_free(&text);
	if (!j)
		return error_wrap(err, "%s", rootfs_path(w->r, db, &w->path).p);
	only(json_is_array(j) ? j : json_arr(j, "packages"), w, db, is_left);
	only(json_is_array(j) ? NULL : json_arr(j, "dev-package-names"), w, db, names_left);
	char *written = json_dumps(j, JSON_INDENT(4));
	if (!written)
		return error_set(err, ERR_ENV, "no memory");
	buf_puts(&out, written);
	buf_putc(&out, '\n');
	free(written);
	dbs_replace(w, db, buf_str(&out));
	buf_free(&out);
	return 0;
}

static int composer(struct databases *w, struct error *err)
{
	node_id whole = 0;
	for (u32 i = 0; i < w->p->n; i++) {
		node_id db = w->p->v[i].database;
		u32 left = 0, all = 0;
		if (!is_composer(&w->p->v[i]) || !dbs_stays(w, db) || db == whole)
			continue;
		for (u32 k = 0; k < w->p->n; k++) {
			bool of = w->p->v[k].database == db && is_composer(&w->p->v[k]);
			all += of;
			left += of && w->x->left[k];
		}
		if (left < all && dbs_whole(w, db, "composer"))
			whole = db;
		else if (left < all && composer_file(w, db, err) < 0) /* it counts as gone from then on: once for each */
			return -1;
	}
	return 0;
}

int dbs_languages(struct databases *w, struct error *err)
{
	find_left(w);
	with_files(w);
	return composer(w, err);
}
