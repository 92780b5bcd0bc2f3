#include "slim/lock.h"
#include "base/buf.h"
#include "base/file.h"

static const char *const names[] = { "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE",
	"CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE",
	"CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE", "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL",
	"CAP_SETFCAP" };
enum { CHOWN = 0, DAC_OVERRIDE = 1, FOWNER = 3, FSETID = 4, KILL = 5, SETGID = 6, SETUID = 7, SETPCAP = 8, NET_BIND = 10, NET_RAW = 13, SYS_CHROOT = 18, MKNOD = 27, AUDIT_WRITE = 29, SETFCAP = 31 };
/* What engines give to every container: nobody is given more. */
#define GIVEN (1u << CHOWN | 1u << DAC_OVERRIDE | 1u << FOWNER | 1u << FSETID | 1u << KILL | 1u << SETGID | 1u << SETUID | 1u << SETPCAP | 1u << NET_BIND | 1u << NET_RAW | 1u << SYS_CHROOT | \
	       1u << MKNOD | 1u << AUDIT_WRITE | 1u << SETFCAP)

bool lock_is_root(const char *user)
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
	bool root = !in->not_root && lock_is_root(in->config->user), becomes = root || t->set_id, owner = lock_can(t, GROUP_OWNER);
	u64 set = t->capabilities & GIVEN;
	if (becomes) {
		set |= 1u << DAC_OVERRIDE;
		set |= owner ? 1u << CHOWN : 0;
		set |= owner || lock_can(t, GROUP_MODE) || lock_can(t, GROUP_TIMES) || lock_can(t, GROUP_SETXATTR) ? 1u << FOWNER | 1u << FSETID : 0;
		set |= lock_can(t, GROUP_IDS) || t->set_id ? 1u << SETUID | 1u << SETGID : 0;
		set |= lock_can(t, GROUP_KILL) ? 1u << KILL : 0;
		set |= lock_can(t, GROUP_CHROOT) ? 1u << SYS_CHROOT : 0;
		set |= t->imports[GROUP_AUDIT] ? 1u << AUDIT_WRITE : 0;
		set |= t->imports[GROUP_CAPABILITY] ? 1u << SETPCAP : 0;
		set |= low_port(in) || lock_can(t, GROUP_BIND) ? 1u << NET_BIND : 0;
	}
	const char **v = arena_array(a, const char *, countof(names) + 1);
	u32 n = 0;
	for (u32 i = 0; i < countof(names); i++)
		if (set >> i & 1)
			v[n++] = names[i];
	return v;
}

bool lock_holds(const char *const *v, const char *name)
{
	for (; *v; v++)
		if (strcmp(*v, name) == 0)
			return true;
	return false;
}

int lock_make(const struct lock_input *in, struct lock **ret, struct error *err)
{
	struct lock *l = xcalloc(1, sizeof *l);
	struct lock_tree t = in->known ? *in->known : (struct lock_tree){ 0 };
	struct lock_places p;
	if ((!in->known && lock_look(in->tree, &l->a, &t, err) < 0) || lock_places(&p, &l->a, in, err) < 0) {
		if (!in->known)
			free(t.programs);
		lock_free(l);
		return -1;
	}
	t.any |= in->loose;
	l->user = !in->not_root ? NULL : p.owner ? p.owner : LOCK_USER;
	l->against = p.of_root || p.mixed;
	l->capabilities = capabilities(&l->a, in, &t);
	l->own_capabilities = capabilities(&l->a, &(struct lock_input){ .config = in->config, .seen = in->seen }, &t);
	bool raw = lock_holds(l->capabilities, "CAP_NET_RAW") || lock_holds(l->own_capabilities, "CAP_NET_RAW");
	l->seccomp = lock_seccomp(&l->a, &t, in->seen, raw, false, &l->n_calls);
	l->seccomp_steady = lock_seccomp(&l->a, &t, in->seen, raw, true, &l->n_calls_steady);
	l->read_only = in->written && !p.lost;
	l->filled = p.filled;
	l->tmpfs = p.tmpfs;
	l->volumes = p.volumes;
	l->no_new_privileges = !t.set_id && !t.capabilities;
	l->apparmor = lock_apparmor(&l->a, in, l, &t);
	lock_snippets(in, l);
	if (!in->known)
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
		      { "kubernetes.yaml", l->kubernetes }, { "runtime.json", l->runtime } };
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
