#include "slim/lock.h"
#include "base/buf.h"
#include "base/file.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PLACES 32u /* writable ones; a program that writes in more is not held to them */

static const char *const names[] = { "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE",
	"CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE",
	"CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE", "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL",
	"CAP_SETFCAP" };
enum { CHOWN = 0, DAC_OVERRIDE = 1, FOWNER = 3, FSETID = 4, KILL = 5, SETGID = 6, SETUID = 7, SETPCAP = 8, NET_BIND = 10, NET_RAW = 13, SYS_CHROOT = 18, MKNOD = 27, AUDIT_WRITE = 29, SETFCAP = 31 };
/* What engines give to every container: nobody is given more. */
#define GIVEN (1u << CHOWN | 1u << DAC_OVERRIDE | 1u << FOWNER | 1u << FSETID | 1u << KILL | 1u << SETGID | 1u << SETUID | 1u << SETPCAP | 1u << NET_BIND | 1u << NET_RAW | 1u << SYS_CHROOT | \
	       1u << MKNOD | 1u << AUDIT_WRITE | 1u << SETFCAP)

static bool is_root(const char *user)
{
	struct str u = str_of(user ? user : "");
	struct str name = str_cut(&u, ':');
	return name.n == 0 || str_is(name, "0") || str_is(name, "root");
}

static bool low_port(const struct lock_input *in)
{
	for (u32 i = 0; in->seen && i < in->seen->n_ports; i++)
		if (in->seen->ports[i] < 1024)
			return true;
	for (u32 i = 0; in->config->ports[i]; i++) {
		struct str rest = str_of(in->config->ports[i]), port = str_cut(&rest, '/');
		u64 n;
		if (str_to_u64(port, &n) && n < 1024)
			return true;
	}
	return false;
}

/* Root's power over files is taken from nobody who is root: which error path needs it cannot be seen. */
static const char *const *capabilities(struct arena *a, const struct lock_input *in, const struct lock_tree *t)
{
	const bool *can = t->imports;
	bool self = can[GROUP_SELF], root = !in->not_root && is_root(in->config->user), becomes = root || t->set_id;
	u64 set = t->capabilities & GIVEN;
	if (becomes) {
		set |= 1u << DAC_OVERRIDE;
		set |= can[GROUP_OWNER] || self ? 1u << CHOWN : 0;
		set |= can[GROUP_MODE] || can[GROUP_OWNER] || self ? 1u << FOWNER | 1u << FSETID : 0;
		set |= can[GROUP_IDS] || self || t->set_id ? 1u << SETUID | 1u << SETGID : 0;
		set |= can[GROUP_KILL] || self ? 1u << KILL : 0;
		set |= can[GROUP_CHROOT] ? 1u << SYS_CHROOT : 0;
		set |= can[GROUP_AUDIT] ? 1u << AUDIT_WRITE : 0;
		set |= can[GROUP_CAPABILITY] ? 1u << SETPCAP : 0;
		set |= low_port(in) || can[GROUP_BIND] || self ? 1u << NET_BIND : 0;
	}
	const char **v = arena_array(a, const char *, countof(names) + 1);
	u32 n = 0;
	for (u32 i = 0; i < countof(names); i++)
		if (set >> i & 1)
			v[n++] = names[i];
	return v;
}

/* --- where it writes --- */
enum place { PLACE_EMPTY, PLACE_FULL, PLACE_NONE };

static enum place look(int tree, const char *path)
{
	struct open_how how = { .flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS };
	int fd = (int)syscall(SYS_openat2, tree, path, &how, sizeof how);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d) {
		if (fd >= 0)
			close(fd);
		return PLACE_NONE;
	}
	enum place is = PLACE_EMPTY;
	for (struct dirent *e; (e = readdir(d));)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			is = PLACE_FULL;
	closedir(d);
	return is;
}

static bool plain(struct str path)
{
	for (size_t i = 0; i < path.n; i++)
		if ((u8)path.p[i] < ' ' || path.p[i] == 127 || path.p[i] == ':' || path.p[i] == ',')
			return false;
	return true;
}

static bool below(struct str path, struct str dir)
{
	return str_eq(path, dir) || (str_starts(path, dir) && path.p[dir.n] == '/');
}

static bool below_any(struct str path, const char *const *v)
{
	for (; *v; v++)
		if (below(path, str_of(*v)))
			return true;
	return false;
}

struct places {
	const char **tmpfs, **volumes;
	u32 n_tmpfs, n_volumes;
	bool lost; /* somewhere that cannot be given by itself */
};

static void place(struct places *p, struct arena *a, int tree, struct str dir)
{
	if (dir.n <= 1 || !plain(dir) || p->n_tmpfs == PLACES || p->n_volumes == PLACES) {
		p->lost = true;
		return;
	}
	const char *name = arena_strdup(a, dir);
	if (below_any(dir, p->tmpfs) || below_any(dir, p->volumes))
		return;
	if (look(tree, name) == PLACE_EMPTY)
		p->tmpfs[p->n_tmpfs++] = name;
	else
		p->volumes[p->n_volumes++] = name;
}

/* The directories that something was made, changed or removed in; one that it made itself lies in another of them. */
static void places(struct places *p, struct arena *a, int tree, const struct lock_input *in)
{
	static const char *const usual[] = { "/tmp", "/var/tmp", "/run" };
	for (size_t i = 0; i < countof(usual); i++)
		if (look(tree, usual[i]) == PLACE_EMPTY)
			place(p, a, tree, str_of(usual[i]));
	for (u32 i = 0; i < in->written->n_paths; i++) {
		struct str path = str_of(in->written->paths[i].path);
		if (below_any(path, in->config->volumes) || str_contains(path, STR("/__pycache__")) || !(in->written->paths[i].what & (SEEN_WRITTEN | SEEN_MADE | SEEN_DELETED)))
			continue;
		if (look(tree, in->written->paths[i].path) != PLACE_NONE) /* a directory of the image: what happened in it is told by itself */
			continue;
		while (path.n && path.p[path.n - 1] != '/')
			path.n--;
		place(p, a, tree, path.n > 1 ? str_head(path, path.n - 1) : STR("/"));
	}
}

int lock_make(const struct lock_input *in, struct lock **ret, struct error *err)
{
	struct lock *l = xcalloc(1, sizeof *l);
	struct lock_tree t;
	autofd int tree = open(in->tree, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (tree < 0 || lock_look(in->tree, &l->a, &t, err) < 0) {
		if (tree < 0)
			error_errno(err, "%s", in->tree);
		lock_free(l);
		return -1;
	}
	l->user = in->not_root ? LOCK_USER : NULL;
	l->capabilities = capabilities(&l->a, in, &t);
	l->own_capabilities = capabilities(&l->a, &(struct lock_input){ .config = in->config, .seen = in->seen }, &t);
	l->seccomp = lock_seccomp(&l->a, &t, in->seen, false, &l->n_calls);
	l->seccomp_steady = lock_seccomp(&l->a, &t, in->seen, true, &l->n_calls_steady);
	struct places p = { .tmpfs = arena_array(&l->a, const char *, PLACES + 1), .volumes = arena_array(&l->a, const char *, PLACES + 1) };
	if (in->written)
		places(&p, &l->a, tree, in);
	l->read_only = in->written && !p.lost && !p.n_volumes;
	l->tmpfs = p.tmpfs;
	l->volumes = p.volumes;
	l->no_new_privileges = !t.set_id && !t.capabilities;
	l->apparmor = lock_apparmor(&l->a, in, l, &t);
	lock_snippets(in, l);
	free(t.programs);
	*ret = l;
	return 0;
}

void lock_free(struct lock *l)
{
	if (!l)
		return;
	arena_free(&l->a);
	free(l);
}

int lock_write(const struct lock *l, const char *dir, struct error *err)
{
	const struct {
		const char *name, *text;
	} files[] = { { "seccomp.json", l->seccomp }, { "seccomp-steady.json", l->seccomp_steady }, { "apparmor.profile", l->apparmor }, { "docker-run.txt", l->docker }, { "compose.yaml", l->compose },
		      { "kubernetes.yaml", l->kubernetes } };
	if (file_mkdirs(dir, err) < 0)
		return -1;
	for (size_t i = 0; i < countof(files); i++) {
		struct buf path = { 0 };
		struct outfile o;
		buf_printf(&path, "%s/%s", dir, files[i].name);
		int failed = outfile_open(&o, path.p, err);
		if (!failed && file_write_all(o.fd, files[i].text, strlen(files[i].text)) < 0) {
			failed = error_errno(err, "%s", path.p);
			outfile_abort(&o);
		}
		if (!failed)
			failed = outfile_commit(&o, err);
		buf_free(&path);
		if (failed)
			return -1;
	}
	return 0;
}
