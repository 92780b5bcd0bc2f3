#include "check/config.h"
#include "check/accounts.h"
#include <stdarg.h>

#define OUT_OF_CONTEXT "keep it out of the image: name it in .dockerignore"

const struct config_check config_checks[CONFIG_CHECKS] = {
	[C_ROOT_USER] = { "root-user", "CIS-DI-0001 CIS-4.1 DS-0002 AVD-DS-0002", NULL, NULL, "whoever breaks out of the program is root in the container, and one step nearer to root of the host",
		"create a user in a RUN and name it in USER", SEV_HIGH },
	[C_NO_HEALTHCHECK] = { "no-healthcheck", "CIS-DI-0006 CIS-4.6 DS-0026 AVD-DS-0026", NULL, NULL, "it listens on a port, and nobody notices when it no longer answers", "HEALTHCHECK CMD …", SEV_LOW },
	[C_EXPOSED_SSH] = { "exposed-ssh", "CIS-5.7 DS-0004 AVD-DS-0004", NULL, NULL, "one more way in, with keys and accounts to look after", "take EXPOSE 22 out: docker exec and kubectl exec need no server", SEV_MEDIUM },
	[C_SENSITIVE_VOLUME] = { "sensitive-volume", "DKL-DI-0002", NULL, NULL, "a volume over a directory of the system hides its updates, and lets what is mounted there replace programs", "declare a directory of the application's own",
		SEV_MEDIUM },
	[C_MISSING_LABELS] = { "missing-labels", "", NULL, NULL, "nobody can tell what it was built from", "LABEL org.opencontainers.image.source=… .revision=… .version=…", SEV_INFO },
	[C_LATEST_TAG] = { "latest-tag", "DKL-DI-0006", NULL, NULL, "what `latest` means changes: nobody can say what ran yesterday", "tag it with its version, and pull it by digest", SEV_INFO },
	[C_OLD_IMAGE] = { "old-image", "CIS-DI-0004 CIS-4.4", NULL, NULL, "repairs since then are not in it", "build again on the base image as it is today: docker build --pull --no-cache", SEV_LOW },
	[C_REMOTE_ADD] = { "remote-add", "CIS-DI-0009 CIS-4.9", NULL, NULL, "what a server answers today need not be what it answered when you looked", "ADD --checksum=sha256:… URL, or curl and a check of the sum in a RUN", SEV_LOW },
	[C_UNVERIFIED_PACKAGES] = { "unverified-packages", "CIS-DI-0011 CIS-4.11", NULL, NULL, "whoever stands between the build and the mirror decides what is installed", "install the repository's key instead of switching its check off",
		SEV_MEDIUM },
	[C_UPDATE_ALONE] = { "update-alone", "CIS-DI-0007 CIS-4.7 DL3009", NULL, NULL, "the build cache keeps the lists of that day: later instructions install by old ones", "apt-get update && apt-get install … in one RUN", SEV_LOW },
	[C_DIST_UPGRADE] = { "dist-upgrade", "DKL-DI-0003", NULL, NULL, "it may remove packages and change the release that the base image promises", "take a newer base image; apt-get upgrade keeps the release", SEV_LOW },
	[C_SUDO_IN_BUILD] = { "sudo-in-build", "DKL-DI-0001 DL3004", NULL, NULL, "a build is root already; what is left is a program that makes root of anybody", "USER root … USER app around what needs it", SEV_LOW },
	[C_SETUID] = { "setuid", "CIS-DI-0008 CIS-4.8", "setuid file", "setuid files", "whoever runs it runs as its owner", "RUN chmod a-s FILE…, or leave out the packages they come with; no-new-privileges at run time", SEV_MEDIUM },
	[C_SETGID] = { "setgid", "CIS-DI-0008 CIS-4.8", "setgid file", "setgid files", "whoever runs it runs in its group", "RUN chmod a-s FILE…; no-new-privileges at run time", SEV_LOW },
	[C_CAPABILITIES] = { "file-capabilities", "CIS-4.8", "file with capabilities", "files with capabilities", "whoever runs it gets a part of what root may", "RUN setcap -r FILE where they are not needed", SEV_LOW },
	[C_PRIVILEGED] = { "privileged-files", "CIS-DI-0008 CIS-4.8", NULL, NULL, "as the distribution ships them, but a container rarely changes users", "no-new-privileges at run time, or RUN chmod a-s FILE…", SEV_INFO },
	[C_SYSTEM_PATH] = { "writable-system-path", "", "path of the system that everybody may write to", "paths of the system that everybody may write to", "any user of the container can replace what others run or believe",
		"RUN chmod o-w PATH… in the instruction that makes them", SEV_HIGH },
	[C_OWN_SYSTEM_PATH] = { "user-owns-system-path", "", "path of the system that belongs to the user it runs as", "paths of the system that belong to the user it runs as",
		"a program that is taken over can replace what it runs next time", "COPY without --chown; give the user its own directories only", SEV_LOW },
	[C_WRITABLE_FILE] = { "world-writable-file", "", "world-writable file", "world-writable files", "any user of the container may change it", "RUN chmod o-w FILE… in the instruction that makes them", SEV_MEDIUM },
	[C_WRITABLE_DIR] = { "world-writable-directory", "", "world-writable directory without the sticky bit", "world-writable directories without the sticky bit", "any user may remove and replace what others put there",
		"RUN chmod o-w DIR…, or +t", SEV_MEDIUM },
	[C_PRIVATE_KEY] = { "private-key-file", "CIS-DI-0010 CIS-4.10", "file named like a private key", "files named like private keys", "whoever has the image has it", "keep it out of the image: .dockerignore, RUN --mount=type=ssh", SEV_HIGH },
	[C_ENV_FILE] = { "env-file", "CIS-DI-0010 CIS-4.10", ".env file", ".env files", "settings of one installation, often with its passwords", "name it in .dockerignore", SEV_HIGH },
	[C_CREDENTIALS] = { "credentials-file", "CIS-DI-0010 CIS-4.10", "file with credentials by its name", "files with credentials by their names", "whoever has the image has them", "RUN --mount=type=secret", SEV_HIGH },
	[C_GIT] = { "git-directory", "DKL-LI-0003", ".git directory", ".git directories", "the whole history of the source, with what was taken out of it", "name it in .dockerignore", SEV_MEDIUM },
	[C_SHELL_HISTORY] = { "shell-history", "", "shell history", "shell histories", "people type passwords", "remove it in the instruction that makes it", SEV_LOW },
	[C_BUILD_FILE] = { "build-file", "DKL-LI-0003", "file that only building needs", "files that only building needs", "it tells how the image is made, and changes it whenever it is edited", OUT_OF_CONTEXT, SEV_INFO },
	[C_CACHE] = { "cache-kept", "DKL-DI-0004 DKL-DI-0005", NULL, NULL, "nothing reads it again", "remove it in the RUN that makes it: rm -rf /var/lib/apt/lists/*, apk add --no-cache", SEV_INFO },
	[C_PACKAGE_MANAGER] = { "package-manager", "CIS-DI-0003 CIS-4.3", NULL, NULL, "whoever gets in can install what he needs", "a base image without one (distroless, scratch) and a build in a stage of its own; pare slim", SEV_INFO },
	[C_SHELL] = { "shell", "CIS-DI-0003 CIS-4.3", NULL, NULL, "most ways in want a shell next", "a base image without one (distroless, scratch), ENTRYPOINT as a list; pare slim", SEV_INFO },
	[C_SSH_SERVER] = { "ssh-server", "CIS-5.7", NULL, NULL, "one more way in, with keys and accounts to look after", "leave it out: docker exec and kubectl exec need no server", SEV_LOW },
	[C_EMPTY_PASSWORD] = { "empty-password", "DKL-LI-0001", NULL, NULL, "anybody may become it with su, sudo or a login", "RUN passwd -l NAME, or an * in its field", SEV_HIGH },
	[C_WEAK_HASH] = { "weak-password-hash", "", NULL, NULL, "whoever has the image guesses it in no time", "RUN passwd -l NAME; give passwords at run time, if at all", SEV_HIGH },
	[C_PASSWORD_HASH] = { "password-hash", "", NULL, NULL, "whoever has the image may try to guess it, and every container has the same", "RUN passwd -l NAME; give passwords at run time, if at all", SEV_MEDIUM },
	[C_SECOND_ROOT] = { "second-root", "DKL-LI-0002", NULL, NULL, "it is root by another name", "give it a number of its own: usermod -u", SEV_HIGH },
	[C_SAME_UID] = { "duplicate-uid", "DKL-LI-0002", NULL, NULL, "both own each other's files", "give it a number of its own: usermod -u", SEV_MEDIUM },
	[C_SAME_NAME] = { "duplicate-user", "DKL-LI-0002", NULL, NULL, "which of the two counts depends on who reads", "take the second line out", SEV_MEDIUM },
	[C_SAME_GID] = { "duplicate-gid", "DKL-LI-0002", NULL, NULL, "both may use each other's files", "give it a number of its own: groupmod -g", SEV_LOW },
	[C_SAME_GROUP] = { "duplicate-group", "DKL-LI-0002", NULL, NULL, "which of the two counts depends on who reads", "take the second line out", SEV_LOW },
	[C_SUDO_NOPASSWD] = { "sudo-without-password", "", NULL, NULL, "whoever is that user is root", "take the line out; USER root … USER app around what a build needs", SEV_MEDIUM },
	[C_SSHD_ROOT] = { "sshd-root-login", "", NULL, NULL, "a guessed password is root", "PermitRootLogin no", SEV_MEDIUM },
	[C_SSHD_EMPTY] = { "sshd-empty-passwords", "", NULL, NULL, "accounts without a password are open to the network", "PermitEmptyPasswords no", SEV_HIGH },
	[C_SSHD_PASSWORD] = { "sshd-passwords", "", NULL, NULL, "passwords are guessed; keys are not", "PasswordAuthentication no", SEV_LOW },
};

const struct config_check *config_check_get(const char *id)
{
	for (u32 i = 0; i < CONFIG_CHECKS; i++)
		if (strcmp(config_checks[i].id, id) == 0)
			return &config_checks[i];
	return NULL;
}

static struct scan_finding *add(struct config_asking *a, enum config_id id)
{
	const struct config_check *c = &config_checks[id];
	struct scan_finding *f = scan_add(a->out, KIND_CONFIG, c->id, c->severity);
	f->aliases = c->aliases;
	f->reason = c->why;
	f->remedy = c->remedy;
	return f;
}

struct scan_finding *config_tell(struct config_asking *a, enum config_id id, const char *title, ...)
{
	char line[1200];
	va_list ap;
	if (a->told[id]++ >= CONFIG_PLACES) {
		a->rest[id]++;
		return NULL;
	}
	va_start(ap, title);
	vsnprintf(line, sizeof line, title, ap);
	va_end(ap);
	struct scan_finding *f = add(a, id);
	f->title = arena_strdup(&a->out->arena, str_of(line));
	return f;
}

struct scan_finding *config_tell_node(struct config_asking *a, enum config_id id, node_id node, const char *title)
{
	if (a->told[id] >= CONFIG_PLACES && !a->rest[id])
		a->rest_first[id] = node;
	struct scan_finding *f = title ? config_tell(a, id, "%s", title) : config_tell(a, id, "%s", config_checks[id].one);
	if (!f)
		return NULL;
	f->path = arena_strdup(&a->out->arena, rootfs_path(a->r, node, &a->path));
	f->layer = (s32)rootfs_node(a->r, node)->layer;
	return f;
}

/* --- the configuration --- */
static bool is_root(const char *user) { return !user || !*user || strcmp(user, "0") == 0 || strcmp(user, "root") == 0 || strncmp(user, "0:", 2) == 0 || strncmp(user, "root:", 5) == 0; }

/* The configured user's number, by etc/passwd when it is a name. */
bool config_user(const struct config_asking *a, u32 *uid)
{
	u64 number;
	if (!a->img->config_doc || is_root(a->img->config.user))
		return false;
	struct str rest = str_of(a->img->config.user), name = str_cut(&rest, ':');
	if (str_to_u64(name, &number)) {
		*uid = (u32)number;
		return number && number <= UINT32_MAX;
	}
	node_id file = rootfs_find(a->r, STR("etc/passwd"), true);
	struct str note = file ? packages_note(a->r, file, COLLECT_ACCOUNTS) : STR("");
	struct account_fact f;
	while (account_note_next(&note, &f)) {
		struct str value = f.name, key = str_cut(&value, ':');
		if (f.what == ACCOUNT_USER && str_eq(key, name) && value.p && str_to_u64(value, &number) && number && number <= UINT32_MAX) {
			*uid = (u32)number;
			return true;
		}
	}
	return false;
}

static bool exposes(const struct image *img, const char *port)
{
	size_t n = strlen(port);
	for (const char **p = img->config.ports; *p; p++)
		if (strncmp(*p, port, n) == 0 && (!(*p)[n] || strcmp(*p + n, "/tcp") == 0))
			return true;
	return false;
}

static void volumes(struct config_asking *a)
{
	static const char *const system[] = { "/", "/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/proc", "/sbin", "/sys", "/usr", NULL };
	for (const char **v = a->img->config.volumes; *v; v++) {
		struct str s = str_of(*v);
		while (s.n > 1 && s.p[s.n - 1] == '/')
			s.n--;
		struct scan_finding *f = str_listed(s, system) ? config_tell(a, C_SENSITIVE_VOLUME, "declares the volume %.*s", STR_FMT(s)) : NULL;
		if (f)
			f->path = arena_printf(&a->out->arena, "VOLUME %.*s", STR_FMT(s));
	}
}

static void labels(struct config_asking *a)
{
	for (const char **k = a->img->config.label_keys; *k; k++)
		if (strncmp(*k, "org.opencontainers.image.", 25) == 0 || strncmp(*k, "org.label-schema.", 17) == 0)
			return;
	config_tell(a, C_MISSING_LABELS, "no label says where it comes from");
}

/* Days since 1970 of "YYYY-MM-DD…"; false for anything else, and for dates that stand for "no date". */
static bool days_of(struct str s, s64 *ret)
{
	u64 y, m, d;
	if (s.n < 10 || s.p[4] != '-' || s.p[7] != '-' || !str_to_u64(str_head(s, 4), &y) || !str_to_u64(str_n(s.p + 5, 2), &m) || !str_to_u64(str_n(s.p + 8, 2), &d) || y < 1990 || m < 1 || m > 12 || d < 1 || d > 31)
		return false;
	y -= m <= 2;
	u64 era = y / 400, of = y - era * 400, day = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
	*ret = (s64)(era * 146097 + of * 365 + of / 4 - of / 100 + day) - 719468;
	return true;
}

/* The base image's date where history tells of one, else the image's. */
static void age(struct config_asking *a)
{
	const struct config *c = &a->img->config;
	u32 base = image_base_layers(a->img);
	const char *made = c->created;
	bool of_base = false;
	s64 then, now;
	if (!a->today || !days_of(str_of(a->today), &now))
		return;
	if (base && a->img->layers[base - 1].history >= 0 && c->history[a->img->layers[base - 1].history].created) {
		made = c->history[a->img->layers[base - 1].history].created;
		of_base = true;
	}
	if (!made || !days_of(str_of(made), &then) || now - then < 180)
		return;
	struct scan_finding *f = config_tell(a, C_OLD_IMAGE, "%s is %lld months old (%.10s)", of_base ? "the base image" : "the image", (long long)((now - then) / 30), made);
	if (f && now - then >= 365)
		f->severity = SEV_MEDIUM;
	if (f && of_base)
		f->layer = (s32)base - 1;
}

static void configuration(struct config_asking *a)
{
	const struct image *img = a->img;
	if (is_root(img->config.user))
		config_tell(a, C_ROOT_USER, "runs as root");
	if (!img->config.healthcheck && img->config.ports[0])
		config_tell(a, C_NO_HEALTHCHECK, "no health check");
	if (exposes(img, "22"))
		config_tell(a, C_EXPOSED_SSH, "exposes port 22 (ssh)");
	volumes(a);
	labels(a);
	if (img->reference && str_ends(str_of(img->reference), STR(":latest")))
		config_tell(a, C_LATEST_TAG, "tagged latest");
	age(a);
}

/* Places beyond the ceiling, together. */
static void rests(struct config_asking *a)
{
	for (u32 i = 0; i < CONFIG_CHECKS; i++) {
		if (!a->rest[i])
			continue;
		struct scan_finding *f = add(a, (enum config_id)i);
		f->count = a->rest[i];
		f->title = arena_printf(&a->out->arena, "%u more %s", a->rest[i], a->rest[i] == 1 ? "place" : "places");
		if (config_checks[i].many)
			f->title = arena_printf(&a->out->arena, "%u more %s", a->rest[i], a->rest[i] == 1 ? config_checks[i].one : config_checks[i].many);
		if (a->rest_first[i]) {
			f->path = arena_strdup(&a->out->arena, rootfs_path(a->r, a->rest_first[i], &a->path));
			f->layer = (s32)rootfs_node(a->r, a->rest_first[i])->layer;
		}
	}
}

void config_find(const struct image *img, const struct rootfs *r, const struct packages *p, const char *today, struct scan *out)
{
	struct config_asking a = { .img = img, .r = r, .p = p && p->n_owner ? p : NULL, .today = today, .out = out };
	if (img->config_doc) {
		configuration(&a);
		config_history(&a);
	}
	config_tree(&a);
	config_accounts(&a);
	rests(&a);
	buf_free(&a.path);
}
