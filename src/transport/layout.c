#include "transport/layout.h"
#include "base/file.h"
#include "oci/manifest.h"
#include "oci/reference.h"
#include "transport/bag.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

json_t *layout_names(struct arena *a, const char *tag, const char *reference)
{
	json_t *j = json_object();
	struct reference ref;
	const char *text = tag ? tag : reference;
	bool bare = text && !strpbrk(text, ":/"); /* "1.2" is a tag, not a repository */
	if (text && !bare && reference_parse(a, str_of(text), &ref, NULL) == 0 && ref.tag) {
		ref.digest = (struct digest){ 0 };
		json_object_set_new(j, LAYOUT_IMAGE_NAME, json_string(reference_text(a, &ref)));
		json_object_set_new(j, LAYOUT_REF_NAME, json_string(tag ? tag : ref.tag));
	} else if (tag || bare) {
		json_object_set_new(j, LAYOUT_REF_NAME, json_string(text));
	}
	return j;
}

int layout_file(const char *path, struct str text, struct error *err)
{
	struct outfile o;
	if (outfile_open(&o, path, err) < 0)
		return -1;
	if (file_write_all(o.fd, text.p, text.n) < 0) {
		error_errno(err, "%s", path);
		outfile_abort(&o);
		return -1;
	}
	return outfile_commit(&o, err);
}

void layout_sync(const char *dir)
{
	autofd int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && fsync(fd) < 0) { /* some file systems cannot: then there is nothing to wait for */
	}
}

/* Whether something stands in a directory that is no part of a layout; what an interrupted writer left there is one. */
static bool foreign(const char *dir)
{
	static const char *const ours[] = { ".", "..", "blobs", NULL };
	DIR *d = opendir(dir);
	bool other = !d;
	for (struct dirent *e; d && !other && (e = readdir(d));)
		other = !str_listed(str_of(e->d_name), ours) && strncmp(e->d_name, LAYOUT_STAGE, strlen(LAYOUT_STAGE)) != 0 && strncmp(e->d_name, "oci-layout", 10) != 0 && strncmp(e->d_name, "index.json", 10) != 0;
	if (d)
		closedir(d);
	return other;
}

static bool there(const char *dir, const char *name)
{
	struct buf p = BUF(0);
	buf_printf(&p, "%s/%s", dir, name);
	bool yes = access(p.p, F_OK) == 0;
	buf_free(&p);
	return yes;
}

const struct unmake layout_begun = { "index.json", { "blobs", "oci-layout", "index.json.part-", LAYOUT_STAGE, NULL } };

static void sweep(const char *dir)
{
	static const char *const algs[] = { "sha256", "sha384", "sha512" };
	struct buf p = BUF(0);
	file_sweep(dir, "index.json.", LAYOUT_STAGE);
	file_sweep(dir, "oci-layout.", NULL);
	for (size_t i = 0; i < countof(algs); i++) {
		buf_clear(&p);
		buf_printf(&p, "%s/blobs/%s", dir, algs[i]);
		file_sweep(p.p, "", NULL);
	}
	buf_free(&p);
}

static int check_free(const char *dir, struct error *err)
{
	if (there(dir, "index.json") || there(dir, "oci-layout") || !foreign(dir))
		return 0;
	return error_set(err, ERR_USAGE, "%s: is there already and is no OCI image layout", dir);
}

int layout_make(const char *dir, bool *made, int *slot, struct error *err)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before); /* between the two a signal would leave it behind; registered before, take away what is somebody else's */
	*made = mkdir(dir, 0777) == 0;
	int e = errno;
	*slot = *made ? file_unmake_at_exit(dir, &layout_begun) : -1;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = e;
	if (!*made && errno != EEXIST)
		return error_errno(err, "%s", dir);
	if (!*made && check_free(dir, err) < 0)
		return -1;
	if (!*made)
		sweep(dir);
	return 0;
}

int layout_could(const char *detail, bool archive, struct error *err)
{
	autofree char *path = NULL;
	const char *choice;
	bag_split(detail, &path, &choice);
	if (!path[0])
		return error_set(err, ERR_USAGE, "nothing stands behind the colon");
	if (!archive && access(path, F_OK) == 0)
		return check_free(path, err);
	struct buf parent = BUF(0);
	const char *slash = strrchr(path, '/');
	buf_printf(&parent, "%.*s", slash ? (int)MAX(slash - path, 1) : 1, slash ? path : ".");
	int r = access(parent.p, W_OK | X_OK) < 0 ? error_errno(err, "%s", path) : 0;
	buf_free(&parent);
	return r;
}

int layout_blob_dir(const char *dir, const char *path, struct error *err)
{
	struct buf p = BUF(0);
	int r = 0;
	for (const char *slash = strchr(path, '/'); slash && r == 0; slash = strchr(slash + 1, '/')) { /* blobs, blobs/sha256 */
		buf_clear(&p);
		buf_printf(&p, "%s/%.*s", dir, (int)(slash - path), path);
		if (mkdir(p.p, 0777) < 0 && errno != EEXIST)
			r = error_errno(err, "%s", p.p);
	}
	buf_free(&p);
	return r;
}

int layout_share(const char *dir)
{
	struct buf p = BUF(0);
	struct stat st;
	int fd = -1;
	buf_printf(&p, "%s/blobs", dir);
	for (int tries = 0; tries < LAYOUT_LOCK_SECONDS * 100; tries++) {
		if (fd < 0 && ((mkdir(p.p, 0777) < 0 && errno != EEXIST) || (fd = open(p.p, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0))
			break;
		bool locked = flock(fd, LOCK_SH | LOCK_NB) == 0, busy = !locked && (errno == EWOULDBLOCK || errno == EINTR);
		if (locked && fstat(fd, &st) == 0 && st.st_nlink)
			break;
		if (!busy) { /* taken away meanwhile, with all that was in it; or there are no locks */
			close(fd);
			fd = -1;
			if (!locked)
				break;
			continue;
		}
		nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL); /* who has it alone removes some files */
	}
	buf_free(&p);
	return fd;
}

bool layout_alone(int fd) { return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0; }

/* The directory itself is the lock: nothing is left behind, whoever dies. */
static int lock(const char *dir, struct error *err)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_errno(err, "%s", dir);
	for (int tries = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; tries++) {
		if (errno == EINTR)
			continue;
		if (errno != EWOULDBLOCK)
			break; /* a file system without locks: the last one to write counts */
		if (tries >= LAYOUT_LOCK_SECONDS * 100) {
			close(fd);
			return error_set(err, ERR_ENV, "%s: another program is writing there", dir);
		}
		nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
	}
	return fd;
}

static json_t *read_index(const char *path, struct error *err)
{
	if (access(path, F_OK) < 0) {
		json_t *index = json_object();
		json_object_set_new(index, "schemaVersion", json_integer(2));
		json_object_set_new(index, "mediaType", json_string(MT_INDEX));
		json_object_set_new(index, "manifests", json_array());
		return index;
	}
	struct buf text = BUF(0);
	json_t *index = file_read(path, JSON_BYTES, &text, err) == 0 ? json_read(buf_str(&text), path, err) : NULL;
	buf_free(&text);
	if (index && !json_arr(index, "manifests")) {
		error_set(err, ERR_INPUT, "%s: no list of manifests", path);
		json_decref(index);
		return NULL;
	}
	return index;
}

int layout_change(const char *dir, int (*f)(void *, json_t *, struct error *), void *ctx, struct error *err)
{
	autofd int fd = lock(dir, err);
	if (fd < 0)
		return -1;
	file_own_lock(1);
	struct buf path = BUF(0);
	buf_printf(&path, "%s/index.json", dir);
	autojson json_t *index = read_index(path.p, err);
	int r = index ? f(ctx, index, err) : -1;
	if (r == 0) {
		autofree char *text = json_dumps(index, JSON_COMPACT);
		if (!text)
			abort();
		r = layout_file(path.p, str_of(text), err);
		layout_sync(dir);
	}
	buf_free(&path);
	file_own_lock(-1);
	return r;
}

int layout_put_entry(void *ctx, json_t *index, struct error *err)
{
	json_t *entry = ctx, *list = json_arr(index, "manifests");
	const char *tag = json_text(json_obj(entry, "annotations"), LAYOUT_REF_NAME), *digest = json_text(entry, "digest");
	if (json_array_size(list) >= OCI_MANIFESTS_MAX)
		return error_set(err, ERR_INPUT, "index.json: more than %d manifests", OCI_MANIFESTS_MAX - 1);
	for (size_t i = json_array_size(list); i-- > 0;) {
		const json_t *m = json_array_get(list, i);
		const char *t = json_text(json_obj(m, "annotations"), LAYOUT_REF_NAME), *d = json_text(m, "digest");
		if (tag ? t && strcmp(t, tag) == 0 : !t && d && strcmp(d, digest) == 0)
			json_array_remove(list, i);
	}
	json_array_append(list, entry);
	return 0;
}
