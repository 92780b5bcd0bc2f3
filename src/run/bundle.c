/* bundle.c — what the runtime is told (OCI runtime specification, config.md), as engines tell it. */
#include "run/keeper.h"
#include "run/user.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define ACCOUNTS_MAX (4 * MiB) /* of the image's etc/passwd, etc/group */
#define SHM (64 * MiB)
#define PATH_DEFAULT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* Those of podman and, but for making device nodes (which nobody could open), auditing and raw sockets kept, of docker. */
static const char *const capabilities[] = { "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_NET_RAW", "CAP_SETGID", "CAP_SETUID", "CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE",
					    "CAP_SYS_CHROOT", "CAP_KILL", "CAP_AUDIT_WRITE", NULL };
/* All of them: what they are good for in a user namespace is little more. */
static const char *const all_capabilities[] = { "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP",
						"CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE",
						"CAP_SYS_RAWIO", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE", "CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE", "CAP_SYS_TIME",
						"CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL", "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG",
						"CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ", NULL };
static const char *const masked[] = { "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug",
				      "/proc/scsi", "/sys/firmware", "/sys/devices/virtual/powercap", NULL };
static const char *const readonly[] = { "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger", NULL };

static json_t *strings(const char *const *v)
{
	json_t *a = json_array();
	for (; v && *v; v++)
		json_array_append_new(a, json_string(*v));
	return a;
}

/* --- users --- */
/* Where a path of the container leads, without links. Below /proc lie the descriptors of processes, /dev leads there, and a runtime may have one open that leads out: 1 there, -1 nowhere. */
static int leads(const struct keeper *k, u32 id, const char *path, char to[4096])
{
	char clean[TAR_PATH_MAX];
	size_t there;
	autofd int root = overlay_open(k, id, "/", O_PATH | O_DIRECTORY, NULL);
	if (root < 0 || tar_clean(str_of(path), clean) < 0 || root_missing(root, clean, to, &there) < 0)
		return -1;
	for (const char *const *m = (const char *const[]){ "/proc", "/dev", NULL }; *m; m++)
		if (str_starts(str_of(to), str_of(*m)) && (!to[strlen(*m)] || to[strlen(*m)] == '/'))
			return 1;
	return 0;
}

/* One that cannot be opened is empty. The runtime opens it, too, and would wait for a pipe, or read a device, for ever. */
static int read_table(const struct keeper *k, u32 id, const char *path, struct buf *out, struct error *err)
{
	char to[4096];
	struct stat st;
	autofd int fd = overlay_open(k, id, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, NULL);
	if (leads(k, id, path, to) > 0 || (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))))
		return error_set(err, ERR_INPUT, "%s of the image is no file", path);
	return fd < 0 ? 0 : file_read_fd(fd, ACCOUNTS_MAX, path, out, err);
}

static int look_up(const struct keeper *k, u32 id, const char *text, struct user *u, struct error *err)
{
	struct buf passwd = BUF(ACCOUNTS_MAX), group = BUF(ACCOUNTS_MAX);
	int r = read_table(k, id, "/etc/passwd", &passwd, err) < 0 || read_table(k, id, "/etc/group", &group, err) < 0 ? -1 : user_find(buf_str(&passwd), buf_str(&group), text, u, err);
	if (r == 0 && !ids_mapped(k->ids, u->uid, u->gid))
		r = error_set(err, ERR_ENV, "user %u:%u: /etc/subuid and /etc/subgid give no IDs for it here; as root, `usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER` does", u->uid, u->gid);
	buf_free(&passwd);
	buf_free(&group);
	return r;
}

/* --- process --- */
static void put_env(json_t *env, struct str item, bool over)
{
	struct str rest = item, key = str_cut(&rest, '=');
	size_t i;
	json_t *have;
	if (!rest.p || !key.n)
		return;
	json_array_foreach(env, i, have) {
		struct str h = str_of(json_string_value(have));
		if (str_starts(h, str_head(item, key.n + 1))) {
			if (over)
				json_array_set_new(env, i, json_stringn(item.p, item.n));
			return;
		}
	}
	json_array_append_new(env, json_stringn(item.p, item.n));
}

static void put_all(json_t *env, const json_t *list)
{
	size_t i;
	json_t *v;
	json_array_foreach(list, i, v)
		put_env(env, str_of(json_string_value(v)), true);
}

static const char *text_of(const json_t *spec, const json_t *base, const char *key, const char *otherwise)
{
	const char *t = json_text(spec, key);
	t = t ? t : json_text(base, key);
	return t ? t : otherwise ? otherwise : "";
}

static void put_rlimit(json_t *list, const char *type, u64 soft, u64 hard)
{
	soft = MIN(soft, hard);
	if (soft != RLIM_INFINITY) /* else it is so already, or may not be */
		json_array_append_new(list, json_pack("{sssIsI}", "type", type, "soft", (json_int_t)soft, "hard", (json_int_t)MIN(hard, (u64)INT64_MAX)));
}

static u64 hard_limit(const char *type)
{
	static const struct {
		const char *type;
		int resource;
	} known[] = { { "RLIMIT_AS", RLIMIT_AS }, { "RLIMIT_CORE", RLIMIT_CORE }, { "RLIMIT_CPU", RLIMIT_CPU }, { "RLIMIT_DATA", RLIMIT_DATA }, { "RLIMIT_FSIZE", RLIMIT_FSIZE }, { "RLIMIT_LOCKS", RLIMIT_LOCKS },
		      { "RLIMIT_MEMLOCK", RLIMIT_MEMLOCK }, { "RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE }, { "RLIMIT_NICE", RLIMIT_NICE }, { "RLIMIT_NOFILE", RLIMIT_NOFILE }, { "RLIMIT_NPROC", RLIMIT_NPROC },
		      { "RLIMIT_RSS", RLIMIT_RSS }, { "RLIMIT_RTPRIO", RLIMIT_RTPRIO }, { "RLIMIT_RTTIME", RLIMIT_RTTIME }, { "RLIMIT_SIGPENDING", RLIMIT_SIGPENDING }, { "RLIMIT_STACK", RLIMIT_STACK } };
	struct rlimit l = { RLIM_INFINITY, RLIM_INFINITY };
	for (size_t i = 0; i < countof(known); i++)
		if (strcmp(known[i].type, type) == 0 && getrlimit((__rlimit_resource_t)known[i].resource, &l) < 0)
			return RLIM_INFINITY;
		else if (strcmp(known[i].type, type) == 0)
			return l.rlim_max;
	return RLIM_INFINITY;
}

/* More than this process may have nobody in here may have. */
static json_t *rlimits(const struct keeper *k, const json_t *build)
{
	json_t *list = json_array(), *l, *asked = json_arr(build, "ulimits");
	bool files = false, core = false;
	size_t i;
	json_array_foreach(asked, i, l) {
		const char *type = json_text(l, "type");
		u64 hard = hard_limit(type), most = MIN(hard, (u64)json_integer_value(json_object_get(l, "hard")));
		put_rlimit(list, type, (u64)json_integer_value(json_object_get(l, "soft")), most);
		files |= strcmp(type, "RLIMIT_NOFILE") == 0;
		core |= strcmp(type, "RLIMIT_CORE") == 0;
	}
	u64 n = MIN(hard_limit("RLIMIT_NOFILE"), (u64)1 << 20);
	if (!files)
		put_rlimit(list, "RLIMIT_NOFILE", n, n);
	if (!core)
		put_rlimit(list, "RLIMIT_CORE", 0, 0);
	if (k->limits.written != UINT64_MAX)
		put_rlimit(list, "RLIMIT_FSIZE", k->limits.written, MIN(hard_limit("RLIMIT_FSIZE"), k->limits.written));
	if (!build && k->limits.processes != UINT32_MAX) { /* steps are only counted: what --ulimit says is what they see */
		n = MIN(hard_limit("RLIMIT_NPROC"), 2 * (u64)k->limits.processes + 64);
		put_rlimit(list, "RLIMIT_NPROC", n, n);
	}
	return list;
}

static int clean_cwd(const struct keeper *k, u32 id, const char *text, char cwd[4096], struct error *err)
{
	if (leads(k, id, text, cwd) != 0)
		return error_set(err, ERR_INPUT, "%.300s: not a directory to work in", text);
	if (!cwd[0])
		memcpy(cwd, "/", 2);
	return 0;
}

json_t *bundle_process(const struct keeper *k, u32 id, const json_t *spec, const json_t *base, struct error *err)
{
	const struct config *c = k->config;
	struct user u;
	json_t *args = json_arr(spec, "argv"), *env = json_array();
	char cwd[4096] = "/";
	if (clean_cwd(k, id, text_of(spec, base, "cwd", c->workdir), cwd, err) < 0 || look_up(k, id, text_of(spec, base, "user", c->user), &u, err) < 0) {
		json_decref(env);
		return NULL;
	}
	if (args) {
		json_incref(args);
	} else {
		args = strings(c->entrypoint);
		json_t *cmd = strings(c->cmd);
		json_array_extend(args, cmd);
		json_decref(cmd);
	}
	if (!json_array_size(args)) {
		json_decref(args);
		json_decref(env);
		error_set(err, ERR_USAGE, "the image has no command of its own: one has to be given");
		return NULL;
	}
	const json_t *build = json_obj(spec, "build");
	if (!build) {
		put_env(env, STR("PATH=" PATH_DEFAULT), true);
		put_env(env, STR("HOSTNAME=pare"), true);
	}
	for (const char **e = c->env; *e && !build; e++)
		put_env(env, str_of(*e), true);
	put_all(env, json_arr(base, "env"));
	put_all(env, json_arr(spec, "env"));
	put_env(env, STR("PATH=" PATH_DEFAULT), false);
	if (json_is_true(json_object_get(spec, "terminal")))
		put_env(env, STR("TERM=xterm"), false);
	char home[1100];
	snprintf(home, sizeof home, "HOME=%s", u.home[0] ? u.home : "/");
	put_env(env, str_of(home), false);
	json_t *caps = json_arr(spec, "capabilities"), *more = json_array();
	caps = caps ? caps : json_arr(base, "capabilities");
	caps = caps ? json_incref(caps) : strings(json_is_true(json_object_get(build, "insecure")) ? all_capabilities : capabilities);
	for (u32 i = 0; i < u.n_more; i++)
		if (ids_mapped(k->ids, 0, u.more[i]))
			json_array_append_new(more, json_integer(u.more[i]));
	json_t *p = json_pack("{sbs{sIsIso}sosossso}", "terminal", json_is_true(json_object_get(spec, "terminal")), "user", "uid", (json_int_t)u.uid, "gid", (json_int_t)u.gid, "additionalGids", more, "args", args, "env", env, "cwd", cwd, "rlimits",
			      rlimits(k, build));
	json_t *sets = json_pack("{sO}", "bounding", caps);
	if (!u.uid) { /* another user has those of its programs */
		json_object_set(sets, "effective", caps);
		json_object_set(sets, "permitted", caps);
	}
	json_decref(caps);
	json_object_set_new(p, "capabilities", sets);
	json_object_set_new(p, "noNewPrivileges", json_boolean(json_is_true(json_object_get(spec, "no_new_privileges")) || json_is_true(json_object_get(base, "no_new_privileges"))));
	const char *apparmor = text_of(spec, base, "apparmor", NULL);
	if (apparmor[0])
		json_object_set_new(p, "apparmorProfile", json_string(apparmor));
	return p;
}

/* --- mounts --- */
static void mount_on(const struct keeper *k, json_t *mounts, struct process *c, const char *where, const char *type, const char *source, const char *options)
{
	json_t *o = json_array();
	for (struct str rest = str_of(options); rest.p;) {
		struct str one = str_cut(&rest, ',');
		if (one.n)
			json_array_append_new(o, json_stringn(one.p, one.n));
	}
	json_array_append_new(mounts, json_pack("{sssssssO}", "destination", where, "type", type, "source", source, "options", o));
	json_decref(o);
	if (!c->build)
		VEC_PUSH(c->made, c->n_made, c->cap_made, xstrdup(where));
	else if (!str_among(str_of(where), "/proc /dev /dev/pts /dev/shm /dev/mqueue /sys")) /* which BuildKit leaves there, too, where an image has none */
		places_note(k, c, where);
}

static int write_text(const char *path, struct str text)
{
	autofd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	return fd < 0 || fchmod(fd, 0644) < 0 ? -1 : file_write_all(fd, text.p, text.n);
}

/* What engines put into etc/, a copy a container. */
static int mount_etc(const struct keeper *k, struct process *c, json_t *mounts, struct error *err)
{
	static const char *const names[] = { "hosts", "hostname", "resolv.conf" };
	struct buf text[3] = { BUF(MiB), BUF(MiB), BUF(MiB) };
	const json_t *build = json_obj(c->spec, "build");
	json_t *line;
	size_t at;
	if (build)
		buf_printf(&text[0], "127.0.0.1\tlocalhost %s\n::1\tlocalhost ip6-localhost ip6-loopback\n", text_of(build, NULL, "hostname", "pare"));
	else
		buf_puts(&text[0], "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::0\tip6-localnet\nff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n127.0.0.1\tpare\n");
	json_array_foreach(json_arr(build, "hosts"), at, line)
		buf_printf(&text[0], "%s\n", json_string_value(line));
	buf_puts(&text[1], "pare\n");
	if (!k->host_network || file_read("/etc/resolv.conf", MiB, &text[2], NULL) < 0) {
		buf_clear(&text[2]);
		buf_puts(&text[2], "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n"); /* where nobody answers: a name is not found at once */
	}
	int r = 0;
	for (size_t i = 0; i < countof(names); i++) {
		char path[4096], to[64];
		snprintf(path, sizeof path, "%s/mem/c%u/%s", k->dir, c->id, names[i]);
		snprintf(to, sizeof to, "/etc/%s", names[i]);
		if (r == 0 && !(build && i == 1) && access(path, F_OK) < 0 && write_text(path, buf_str(&text[i])) < 0)
			r = error_errno(err, "%s", path);
		if (!(build && i == 1)) /* a step has the name alone */
			mount_on(k, mounts, c, to, "bind", path, "rbind,nosuid,nodev");
		buf_free(&text[i]);
	}
	return r;
}

/* A volume is a mount of its own, on what the container's tree has there: with the image's content in it, writable also where the rest is not. */
static int mount_volume(const struct keeper *k, struct process *c, const char *where, json_t *mounts, struct error *err)
{
	char link[64], path[4096];
	if (where[0] != '/' || strcmp(where, "/") == 0)
		return 0;
	autofd int fd = overlay_open(k, c->id, where, O_PATH | O_DIRECTORY, (const u32[2]){ 0, 0 });
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t n = fd < 0 ? -1 : readlink(link, path, sizeof path - 1);
	if (n < 0)
		return error_errno(err, "volume %s", where);
	path[n] = '\0';
	mount_on(k, mounts, c, where, "bind", path, "rbind,nodev");
	return 0;
}

static int mount_volumes(const struct keeper *k, struct process *c, json_t *mounts, struct error *err)
{
	json_t *v;
	size_t i;
	for (const char **w = k->config->volumes; *w; w++)
		if (mount_volume(k, c, *w, mounts, err) < 0)
			return -1;
	json_array_foreach(json_arr(c->spec, "volumes"), i, v)
		if (!str_listed(str_of(json_string_value(v)), k->config->volumes) && mount_volume(k, c, json_string_value(v), mounts, err) < 0)
			return -1;
	return 0;
}

static int mount_places(struct keeper *k, struct process *c, json_t *mounts, struct error *err)
{
	json_t *v;
	size_t i;
	if (places_open(k, c, err) < 0)
		return -1;
	json_array_foreach(json_arr(json_obj(c->spec, "build"), "mounts"), i, v) {
		char path[4096], options[256];
		const char *target = json_text(v, "target");
		c->refused = places_mount(k, c, v, (u32)i, options, err) < 0;
		if (c->refused)
			return -1;
		snprintf(path, sizeof path, PLACES "/%u", k->dir, c->id, (u32)i);
		bool memory = str_is(json_view(v, "kind"), "memory");
		mount_on(k, mounts, c, target, memory ? "tmpfs" : "bind", memory ? "tmpfs" : path, options);
	}
	return 0;
}

static json_t *mounts_of(struct keeper *k, struct process *c, struct error *err)
{
	json_t *m = json_array(), *v;
	size_t i;
	bool gid5 = !k->ids->rootless || k->ids->gid_count >= 5;
	const json_t *build = json_obj(c->spec, "build");
	char shm[128];
	u64 size = SHM;
	if (json_u64(build, "shm", &size) && !size)
		size = SHM;
	snprintf(shm, sizeof shm, "nosuid,noexec,nodev,mode=1777,size=%llu", (unsigned long long)size);
	for (u32 n = 0; n < c->n_made; n++)
		free(c->made[n]);
	c->n_made = 0;
	mount_on(k, m, c, "/proc", "proc", "proc", "nosuid,noexec,nodev");
	mount_on(k, m, c, "/dev", "tmpfs", "tmpfs", "nosuid,strictatime,mode=755,size=65536k");
	mount_on(k, m, c, "/dev/pts", "devpts", "devpts", gid5 ? "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5" : "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620");
	mount_on(k, m, c, "/dev/shm", "tmpfs", "shm", shm);
	mount_on(k, m, c, "/dev/mqueue", "mqueue", "mqueue", "nosuid,noexec,nodev");
	if (k->host_network && !json_is_true(json_object_get(build, "alone"))) /* whose view of the devices is not this user namespace's to make */
		mount_on(k, m, c, "/sys", "bind", "/sys", "rbind,nosuid,noexec,nodev,ro");
	else
		mount_on(k, m, c, "/sys", "sysfs", "sysfs", "nosuid,noexec,nodev,ro");
	json_array_foreach(json_arr(c->spec, "tmpfs"), i, v)
		mount_on(k, m, c, json_string_value(v), "tmpfs", "tmpfs", "nosuid,nodev,mode=1777,size=536870912");
	if (mount_etc(k, c, m, err) == 0 && (build ? mount_places(k, c, m, err) : mount_volumes(k, c, m, err)) == 0)
		return m;
	json_decref(m);
	return NULL;
}

/* Where the program starts: made where it is not there, as engines do. */
static int make_cwd(const struct keeper *k, struct process *c, json_t *process, struct error *err)
{
	const char *cwd = json_text(process, "cwd");
	const json_t *user = json_obj(process, "user");
	u32 owner[2] = { 0, 0 };
	if (c->build) { /* BuildKit's: the step's own */
		owner[0] = (u32)json_integer_value(json_object_get(user, "uid"));
		owner[1] = (u32)json_integer_value(json_object_get(user, "gid"));
	}
	if (c->build && places_under(k, c, cwd, err) < 0)
		return -1;
	autofd int fd = overlay_open(k, c->id, cwd, O_PATH | O_DIRECTORY, owner);
	if (fd < 0) {
		error_errno(err, "%s", cwd);
		err->kind = ERR_INPUT;
		return -1;
	}
	if (!c->build) /* a step's directory is there to stay */
		VEC_PUSH(c->made, c->n_made, c->cap_made, xstrdup(cwd));
	return 0;
}

/* --- the whole --- */
static int put_seccomp(json_t *linux_part, const json_t *spec, struct error *err)
{
	struct str text = json_view(spec, "seccomp");
	const char *listener = json_text(spec, "listener_path");
	if (!text.p)
		return 0;
	json_t *s = json_read(text, "seccomp", err);
	if (!s)
		return -1;
	if (listener)
		json_object_set_new(s, "listenerPath", json_string(listener));
	json_object_set_new(linux_part, "seccomp", s);
	return 0;
}

/* The clock is the machine's. That a step may not set it the kernel says by an error, which some programs (busybox's date) have no status for: who tries ends with SIGSYS, and the step is seen to fail.
 * `listener`: NULL, or who answers what directories hold. */
static void put_clock(json_t *linux_part, const char *listener)
{
#ifdef __x86_64__
	json_t *archs = json_pack("[sss]", "SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32");
#elif defined(__aarch64__)
	json_t *archs = json_pack("[ss]", "SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM");
#else
	json_t *archs = NULL; /* whose other half is not known: programs of that would be ended */
#endif
	if (!archs)
		return;
	json_t *s = json_pack("{sssos[{s[ssss]ss}]}", "defaultAction", "SCMP_ACT_ALLOW", "architectures", archs, "syscalls", "names", "clock_settime", "clock_settime64", "settimeofday", "stime", "action",
			      "SCMP_ACT_KILL_PROCESS");
	if (listener) {
		json_array_append_new(json_object_get(s, "syscalls"), json_pack("{s[s]ss}", "names", "getdents64", "action", "SCMP_ACT_NOTIFY"));
		json_object_set_new(s, "listenerPath", json_string(listener));
	}
	json_object_set_new(linux_part, "seccomp", s);
}

static int oom_score(void)
{
	struct buf own = BUF(64);
	u64 v = 0;
	bool is = file_read("/proc/self/oom_score_adj", 64, &own, NULL) == 0 && str_to_u64(str_trim(buf_str(&own)), &v);
	buf_free(&own);
	return is && v > 500 ? (int)v : 500;
}

int bundle_write(struct keeper *k, struct process *c, struct error *err)
{
	char path[4096];
	const json_t *build = json_obj(c->spec, "build");
	bool insecure = json_is_true(json_object_get(build, "insecure")), alone = json_is_true(json_object_get(build, "alone"));
	snprintf(path, sizeof path, "%s/mem/c%u", k->dir, c->id);
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return error_errno(err, "%s", path);
	json_t *process = bundle_process(k, c->id, c->spec, NULL, err), *mounts = process ? mounts_of(k, c, err) : NULL;
	if (!mounts || make_cwd(k, c, process, err) < 0 || (build && places_init(k, c, alone, err) < 0)) {
		json_decref(process);
		json_decref(mounts);
		return -1;
	}
	json_object_set_new(process, "oomScoreAdj", json_integer(oom_score()));
	snprintf(path, sizeof path, "%s/c%u/root", k->dir, c->id);
	json_t *doc = json_pack("{ss so s{sssb} ss so s{s[{ss}{ss}{ss}{ss}]}}", "ociVersion", "1.0.2", "process", process, "root", "path", path, "readonly",
				json_is_true(json_object_get(c->spec, "read_only")), "hostname", text_of(build, NULL, "hostname", "pare"), "mounts", mounts, "linux", "namespaces", "type", "pid", "type",
				"ipc", "type", "uts", "type", "mount");
	json_t *linux_part = json_object_get(doc, "linux");
	if (doc && !insecure) {
		json_object_set_new(linux_part, "maskedPaths", strings(masked));
		json_object_set_new(linux_part, "readonlyPaths", strings(readonly));
	}
	if (doc && build && !insecure && !k->no_seccomp)
		put_clock(linux_part, json_text(c->spec, "listener_path"));
	if (doc && build) {
		json_t *namespaces = json_object_get(linux_part, "namespaces");
		snprintf(path, sizeof path, PLACES "/pid", k->dir, c->id);
		json_object_set_new(json_array_get(namespaces, 0), "path", json_string(path));
		snprintf(path, sizeof path, PLACES "/net", k->dir, c->id);
		if (alone)
			json_array_append_new(namespaces, json_pack("{ssss}", "type", "network", "path", path));
	}
	int r = !doc ? error_set(err, ERR_USAGE, "a path or an argument is no UTF-8") : put_seccomp(linux_part, c->spec, err);
	char *text = r < 0 ? NULL : json_dumps(doc, JSON_COMPACT);
	snprintf(path, sizeof path, "%s/mem/c%u/config.json", k->dir, c->id);
	if (r == 0 && (!text || write_text(path, str_of(text)) < 0))
		r = error_errno(err, "%s", path);
	free(text);
	json_decref(doc);
	return r;
}

int bundle_without_seccomp(const struct keeper *k, const struct process *c)
{
	char path[4096];
	struct buf text = BUF(MESSAGE_MAX);
	struct error err = { 0 };
	snprintf(path, sizeof path, "%s/mem/c%u/config.json", k->dir, c->id);
	json_t *doc = file_read(path, MESSAGE_MAX, &text, &err) == 0 ? json_read_limit(buf_str(&text), MESSAGE_MAX, "config.json", &err) : NULL;
	int r = doc ? json_object_del(json_obj(doc, "linux"), "seccomp") : -1;
	if (r == 0)
		r = json_dump_file(doc, path, JSON_COMPACT);
	json_decref(doc);
	buf_free(&text);
	return r;
}
