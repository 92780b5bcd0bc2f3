#include "build/failed.h"
#include "build/instruction_parts.h"
#include "build/snapshot.h"
#include "store/store.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define SHORT (7 + 12) /* of a digest, for people: "sha256:" and digits enough */

/* --- which one it is --- */
static const char *note_path(const struct build *b, struct arena *a) { return arena_printf(a, "%s/build/failed/%s", b->store_path, cache_scope(b->cache)); }

void failed_forget(struct build *b, struct store *s)
{
	struct arena a = { 0 };
	struct buf text = BUF(DIGEST_TEXT + 2);
	struct digest d;
	struct error err = { 0 };
	struct store_swept swept;
	const char *path = note_path(b, &a);
	if (access(path, F_OK) == 0 && file_read(path, DIGEST_TEXT + 1, &text, NULL) == 0 && digest_parse(str_trim(buf_str(&text)), &d, NULL) == 0 && store_drop_ref(s, DIGEST_STR(&d), &err) == 0 &&
	    store_sweep(s, false, &swept, &err) < 0) { /* the next one does it */
	}
	unlink(path);
	buf_free(&text);
	arena_free(&a);
}

static int note(const struct build *b, struct arena *a, const struct digest *d, struct error *err)
{
	struct outfile o;
	const char *path = note_path(b, a);
	if (file_mkdirs(arena_printf(a, "%s/build/failed", b->store_path), err) < 0 || outfile_open(&o, path, err) < 0)
		return -1;
	int r = file_write_all(o.fd, DIGEST_STR(d), strlen(DIGEST_STR(d))) < 0 ? error_errno(err, "%s", path) : outfile_commit_unsynced(&o, err);
	outfile_abort(&o);
	return r;
}

/* --- the image --- */
static int configuration(const struct build *b, const struct failed_step *f, const struct chain *c, struct buf *out, struct error *err)
{
	struct arena *a = &f->stage->a;
	const struct run_step *run = &f->act->run;
	struct stage_image im;
	stage_image_copy(a, &f->stage->image, false, &im);
	json_t *config = image_config(&im), *env = json_array();
	for (const char *const *v = run->env; v && *v; v++) {
		struct str value = str_of(*v), name = str_cut(&value, '=');
		if (!str_listed(name, run->secret_env))
			json_array_append_new(env, image_text(str_of(*v)));
	}
	json_object_set_new(config, "Env", env);
	json_object_set_new(config, "WorkingDir", image_text(str_of(run->cwd)));
	json_object_set_new(config, "User", image_text(str_of(run->user ? run->user : "")));
	stage_image_history(&im, arena_printf(a, "%s # exit status %d", f->act->created_by ? f->act->created_by : f->act->name, f->status), !f->layer, b->time);
	int r = stage_image_finish(&im, c, NULL, b->time, out, err);
	stage_image_free(&im);
	return r;
}

static int put_image(struct worker *w, const struct failed_step *f, struct digest *ret, struct error *err)
{
	struct arena *a = &f->stage->a;
	struct chain c = f->layer ? chain_add(a, &f->stage->chain, f->layer) : f->stage->chain;
	struct buf config = BUF(JSON_BYTES);
	struct export_image put;
	int r = configuration(w->b, f, &c, &config, err);
	r = r < 0 ? r : export_put(w->store, &c, buf_str(&config), NULL, &put, err);
	buf_free(&config);
	if (r == 0)
		*ret = put.digest;
	return r;
}

/* --- a shell in it --- */
static const char *const shells[] = { "/bin/sh", "/bin/bash", "/bin/ash", "/usr/bin/sh", "/usr/bin/bash", "/usr/local/bin/bash", "/busybox/sh", "/bin/busybox", "/usr/bin/busybox" };
#define FIRST_BUSYBOX 7u /* which has to be told which program it is to be */

static int look_for(void *ctx, const int *fds, int out, struct error *err)
{
	(void)ctx;
	for (u32 i = 0; i < countof(shells); i++) {
		struct stat st;
		char number = (char)i;
		autofd int fd = root_open(fds[0], shells[i], O_PATH);
		if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0111) && st.st_size > 0)
			return file_write_all(out, &number, 1) < 0 ? error_errno(err, "pipe") : 0;
	}
	return 0;
}

static int take(void *ctx, int in, struct error *err)
{
	char number;
	ssize_t n = read(in, &number, 1);
	(void)err;
	if (n == 1)
		*(int *)ctx = number;
	return 0;
}

static int find_shell(const struct build *b, const struct failed_step *f)
{
	int found = -1;
	struct error err = { 0 };
	const struct run_root root = { .lowers = f->below->dirs, .n_lowers = f->below->n, .upper = f->upper->upper, .work = f->upper->work };
	const struct root_job job = { .roots = &root, .n = 1, .dir = f->upper->root, .f = look_for, .take = take, .ctx = &found };
	if (root_do(&b->ids, &job, &err) < 0) /* then it is as if there were none */
		return -1;
	return found >= 0 && (u32)found < countof(shells) ? found : -1;
}

/* As a shell reads it. */
static const char *quoted(struct arena *a, const char *text)
{
	struct buf b = { 0 };
	buf_putc(&b, '\'');
	for (; *text; text++)
		buf_puts(&b, *text == '\'' ? "'\\''" : (const char[]){ *text, 0 });
	buf_putc(&b, '\'');
	const char *ret = arena_strdup(a, buf_str(&b));
	buf_free(&b);
	return ret;
}

const char *failed_keep(struct worker *w, const struct failed_step *f)
{
	struct build *b = w->b;
	struct arena *a = &f->stage->a;
	struct digest d;
	struct error err = { 0 };
	if (put_image(w, f, &d, &err) < 0)
		return NULL;
	failed_forget(b, w->store);
	if (note(b, a, &d, &err) < 0 || store_set_ref(w->store, "", &d, &err) < 0)
		return NULL;
	int shell = find_shell(b, f);
	const char *store = b->opt->store ? arena_printf(a, " --store %s", quoted(a, b->opt->store)) : "";
	const char *id = arena_strdup(a, str_head(str_of(DIGEST_STR(&d)), SHORT));
	if (shell < 0)
		return arena_printf(a, "pare inspect%s %s", store, id);
	return arena_printf(a, "pare run -it%s --entrypoint %s %s%s", store, shells[shell], id, (u32)shell >= FIRST_BUSYBOX ? " sh" : "");
}
