/* Lock-down in the words of AppArmor, Docker, Compose and Kubernetes. */
#include "base/buf.h"
#include "base/json.h"
#include "slim/lock.h"

#define PROGRAMS 4000u /* named one by one; beyond, any file may be started */

/* A path between quotation marks, what means something in a pattern behind a backslash. */
static void pattern(struct buf *b, const char *path)
{
	for (; *path; path++) {
		if (strchr("*?[]{}^\"\\,@$", *path))
			buf_putc(b, '\\');
		buf_putc(b, *path);
	}
}

static bool nameable(const char *path)
{
	for (; *path; path++)
		if ((u8)*path < ' ' || *path == 127)
			return false;
	return true;
}

static void writable(struct buf *b, const char *dir)
{
	buf_puts(b, "  \"");
	pattern(b, dir);
	buf_puts(b, "/\" rw,\n  \"");
	pattern(b, dir);
	buf_puts(b, "/**\" mrwklix,\n");
}

static const char *lower(struct arena *a, const char *capability)
{
	char *s = arena_strdup(a, str_of(capability + 4));
	for (char *p = s; *p; p++)
		*p = *p >= 'A' && *p <= 'Z' ? (char)(*p + 32) : *p;
	return s;
}

const char *lock_apparmor(struct arena *a, const struct lock_input *in, const struct lock *l, const struct lock_tree *t)
{
	static const char *const runtimes[] = { "unconfined", "runc", "crun" }; /* who stops it */
	struct buf b = { 0 };
	buf_printf(&b, "# %s: load it with  apparmor_parser -r -W apparmor.profile\nprofile \"%s\" flags=(attach_disconnected,mediate_deleted) {\n", in->name, in->name);
	for (const char *const *c = l->capabilities; *c; c++)
		buf_printf(&b, "  capability %s,\n", lower(a, *c));
	buf_puts(&b, "  network inet,\n  network inet6,\n  network unix,\n  network netlink raw,\n  unix,\n");
	buf_puts(&b, lock_holds(l->capabilities, "CAP_NET_RAW") ? "  network packet,\n" : "");
	for (size_t i = 0; i < countof(runtimes); i++)
		buf_printf(&b, "  signal (receive) peer=%s,\n", runtimes[i]);
	buf_printf(&b, "  signal (send, receive) peer=\"%s\",\n  ptrace (read, readby) peer=\"%s\",\n", in->name, in->name);
	buf_puts(&b, "  / r,\n  /** mr,\n  /dev/** rwk,\n  /proc/*/** rwk,\n");
	for (u32 i = 0; i < t->n_programs && t->n_programs <= PROGRAMS; i++)
		if (nameable(t->programs[i])) {
			buf_puts(&b, "  \"");
			pattern(&b, t->programs[i]);
			buf_puts(&b, "\" ix,\n");
		}
	if (t->n_programs > PROGRAMS)
		buf_puts(&b, "  /** ix,\n");
	if (!l->read_only)
		buf_puts(&b, "  /** wkl,\n");
	for (const char *const *d = l->tmpfs; *d; d++)
		writable(&b, *d);
	for (const char *const *d = l->volumes; *d; d++)
		writable(&b, *d);
	for (u32 i = 0; in->config->volumes[i]; i++)
		if (nameable(in->config->volumes[i]))
			writable(&b, in->config->volumes[i]);
	buf_puts(&b, "  deny mount,\n  deny /proc/sys/** wkl,\n  deny /proc/sysrq-trigger rwkl,\n  deny /proc/kcore rwkl,\n  deny /sys/** wkl,\n}\n");
	const char *ret = arena_strdup(a, buf_str(&b));
	buf_free(&b);
	return ret;
}

/* A word for a shell. */
static void word(struct buf *b, const char *s)
{
	buf_putc(b, '\'');
	for (; *s; s++) {
		if (*s == '\'')
			buf_puts(b, "'\\'");
		buf_putc(b, *s);
	}
	buf_putc(b, '\'');
}

/* A YAML string. */
static void text(struct buf *b, const char *s)
{
	buf_putc(b, '"');
	for (; *s; s++) {
		if ((u8)*s < ' ' || *s == 127) {
			buf_printf(b, "\\x%02x", (u8)*s);
			continue;
		}
		if (*s == '"' || *s == '\\')
			buf_putc(b, '\\');
		buf_putc(b, *s);
	}
	buf_putc(b, '"');
}

static const char *docker(const struct lock_input *in, struct lock *l)
{
	struct buf b = { 0 };
	buf_puts(&b, "# The AppArmor profile has to be loaded: apparmor_parser -r -W apparmor.profile; where there is no AppArmor, leave its option out.\n");
	if (l->user) {
		buf_puts(&b, "# Without --user, as the image's own user: --cap-drop ALL");
		for (const char *const *c = l->own_capabilities; *c; c++)
			buf_printf(&b, " --cap-add %s", *c + 4);
		buf_putc(&b, '\n');
	}
	buf_puts(&b, "docker run --cap-drop ALL");
	for (const char *const *c = l->capabilities; *c; c++)
		buf_printf(&b, " \\\n  --cap-add %s", *c + 4);
	buf_puts(&b, " \\\n  --security-opt seccomp=seccomp.json \\\n  --security-opt apparmor=");
	word(&b, in->name);
	if (l->no_new_privileges)
		buf_puts(&b, " \\\n  --security-opt no-new-privileges");
	if (l->read_only)
		buf_puts(&b, " \\\n  --read-only");
	for (const char *const *d = l->tmpfs; l->read_only && *d; d++) {
		buf_puts(&b, " \\\n  --tmpfs ");
		word(&b, *d);
		buf_puts(&b, ":exec");
	}
	for (const char *const *d = l->volumes; l->read_only && *d; d++) {
		buf_puts(&b, " \\\n  --volume ");
		word(&b, *d);
	}
	if (l->user)
		buf_printf(&b, " \\\n  --user %s", l->user);
	buf_puts(&b, " \\\n  ");
	word(&b, in->image);
	buf_putc(&b, '\n');
	const char *ret = arena_strdup(&l->a, buf_str(&b));
	buf_free(&b);
	return ret;
}

static void list_item(struct buf *b, const char *path, const char *options)
{
	struct buf whole = { 0 };
	buf_printf(&whole, "%s%s", path, options);
	buf_puts(b, "      - ");
	text(b, whole.p);
	buf_putc(b, '\n');
	buf_free(&whole);
}

static const char *compose(const struct lock_input *in, struct lock *l)
{
	struct buf b = { 0 };
	buf_puts(&b, "services:\n  app:\n    image: ");
	text(&b, in->image);
	buf_puts(&b, "\n    cap_drop: [ALL]\n");
	if (*l->capabilities)
		buf_puts(&b, "    cap_add:\n");
	for (const char *const *c = l->capabilities; *c; c++)
		buf_printf(&b, "      - %s\n", *c + 4);
	buf_printf(&b, "    security_opt:\n      - seccomp:seccomp.json\n      - \"apparmor:%s\"\n", in->name);
	if (l->no_new_privileges)
		buf_puts(&b, "      - no-new-privileges:true\n");
	if (l->read_only)
		buf_puts(&b, "    read_only: true\n");
	if (l->read_only && *l->tmpfs)
		buf_puts(&b, "    tmpfs:\n");
	for (const char *const *d = l->tmpfs; l->read_only && *d; d++)
		list_item(&b, *d, ":exec");
	if (l->read_only && *l->volumes)
		buf_puts(&b, "    volumes:\n");
	for (const char *const *d = l->volumes; l->read_only && *d; d++)
		list_item(&b, *d, "");
	if (l->user)
		buf_printf(&b, "    user: \"%s\"\n", l->user);
	const char *ret = arena_strdup(&l->a, buf_str(&b));
	buf_free(&b);
	return ret;
}

static const char *kubernetes(const struct lock_input *in, struct lock *l)
{
	struct buf b = { 0 };
	bool read_only = l->read_only && !l->filled; /* an emptyDir hides what the image has there */
	buf_printf(&b, "# seccomp.json goes to the kubelet's seccomp directory as profiles/%s.json; the AppArmor profile is loaded on the node.\nspec:\n  containers:\n    - name: app\n      image: ", in->name);
	text(&b, in->image);
	buf_puts(&b, "\n      securityContext:\n");
	buf_printf(&b, "        allowPrivilegeEscalation: %s\n        privileged: false\n        readOnlyRootFilesystem: %s\n", l->no_new_privileges ? "false" : "true", read_only ? "true" : "false");
	if (l->user) {
		struct str rest = str_of(l->user), uid = str_cut(&rest, ':');
		buf_printf(&b, "        runAsNonRoot: true\n        runAsUser: %.*s\n        runAsGroup: %.*s\n", STR_FMT(uid), STR_FMT(rest));
	}
	buf_puts(&b, "        capabilities:\n          drop: [ALL]\n");
	if (*l->capabilities)
		buf_puts(&b, "          add:\n");
	for (const char *const *c = l->capabilities; *c; c++)
		buf_printf(&b, "            - %s\n", *c + 4);
	buf_printf(&b, "        seccompProfile:\n          type: Localhost\n          localhostProfile: \"profiles/%s.json\"\n", in->name);
	buf_printf(&b, "        appArmorProfile:\n          type: Localhost\n          localhostProfile: \"%s\"\n", in->name);
	const struct {
		const char *const *v;
		const char *kind;
	} places[] = { { l->tmpfs, "        medium: Memory\n" }, { l->volumes, NULL } };
	bool mounts = read_only && (*l->tmpfs || *l->volumes);
	buf_puts(&b, mounts ? "      volumeMounts:\n" : "");
	for (u32 k = 0, n = 0; mounts && k < countof(places); k++)
		for (const char *const *d = places[k].v; *d; d++) {
			buf_printf(&b, "        - name: writable-%u\n          mountPath: ", n++);
			text(&b, *d);
			buf_putc(&b, '\n');
		}
	buf_puts(&b, mounts ? "  volumes:\n" : "");
	for (u32 k = 0, n = 0; mounts && k < countof(places); k++)
		for (const char *const *d = places[k].v; *d; d++)
			buf_printf(&b, "    - name: writable-%u\n      emptyDir:%s%s", n++, places[k].kind ? "\n" : " {}\n", places[k].kind ? places[k].kind : "");
	const char *ret = arena_strdup(&l->a, buf_str(&b));
	buf_free(&b);
	return ret;
}

static json_t *mount(const char *to, const char *options)
{
	json_t *o = json_array();
	for (struct str rest = str_of(options); rest.n;) {
		struct str one = str_cut(&rest, ',');
		json_array_append_new(o, json_stringn(one.p, one.n));
	}
	return json_pack("{ssssssso}", "destination", to, "type", "tmpfs", "source", "tmpfs", "options", o);
}

/* What config.json of the runtime specification has for it. It knows no volumes: where one is needed the root file system stays writable. */
static const char *runtime(const struct lock_input *in, struct lock *l)
{
	json_t *caps = json_array(), *mounts = json_array(), *sets, *process;
	bool read_only = l->read_only && !*l->volumes;
	for (const char *const *c = l->capabilities; *c; c++)
		json_array_append_new(caps, json_string(*c));
	for (const char *const *d = l->tmpfs; read_only && *d; d++)
		json_array_append_new(mounts, mount(*d, "nosuid,nodev,mode=1777"));
	bool root = !l->user && lock_is_root(in->config->user); /* others have those of their programs */
	sets = json_pack("{sO}", "bounding", caps);
	for (size_t i = 0; root && i < 2; i++)
		json_object_set(sets, i ? "permitted" : "effective", caps);
	process = json_pack("{sosb}", "capabilities", sets, "noNewPrivileges", l->no_new_privileges);
	if (l->user) {
		struct str rest = str_of(l->user), uid = str_cut(&rest, ':');
		u64 u = 0, g = 0;
		if (str_to_u64(uid, &u) && str_to_u64(rest, &g))
			json_object_set_new(process, "user", json_pack("{sIsI}", "uid", (json_int_t)u, "gid", (json_int_t)g));
	}
	json_t *doc = json_pack("{sos{sb}sos{so}}", "process", process, "root", "readonly", read_only, "mounts", mounts, "linux", "seccomp", json_loads(l->seccomp, 0, NULL));
	char *out = json_dumps(doc, JSON_INDENT(1));
	const char *ret = arena_strdup(&l->a, str_of(out ? out : "{}"));
	free(out);
	json_decref(doc);
	json_decref(caps);
	return ret;
}

void lock_snippets(const struct lock_input *in, struct lock *l)
{
	l->docker = docker(in, l);
	l->compose = compose(in, l);
	l->kubernetes = kubernetes(in, l);
	l->runtime = runtime(in, l);
}
