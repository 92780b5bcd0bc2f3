#include "check/risk.h"
#include "secret/secret.h"

static bool root_user(const char *user) { return !user || !*user || strcmp(user, "0") == 0 || strcmp(user, "root") == 0 || strncmp(user, "0:", 2) == 0 || strncmp(user, "root:", 5) == 0; }

static void user(const struct image *img, struct findings *f)
{
	if (!root_user(img->config.user))
		return;
	findings_add(f, "root-user", SEV_HIGH, "runs as root")->fix = "create a user in a RUN and name it in USER";
}

static void health(const struct image *img, struct findings *f)
{
	if (!img->config.healthcheck && img->config.ports[0])
		findings_add(f, "no-healthcheck", SEV_LOW, "no health check")->fix = "HEALTHCHECK CMD …";
}

static s32 layer_of_history(const struct image *img, u32 entry)
{
	for (u32 i = 0; i < img->n_layers; i++)
		if (img->layers[i].history == (s32)entry)
			return (s32)i;
	return -1;
}

static void environment(const struct image *img, struct findings *f)
{
	for (const char **e = img->config.env; *e; e++) {
		struct str value = str_of(*e), name = str_cut(&value, '=');
		if (value.n == 0 || name.n > 200)
			continue;
		if (secret_name(name))
			findings_add(f, "secret-env", SEV_HIGH, "ENV %.*s looks like a secret", STR_FMT(name))->fix = "RUN --mount=type=secret at build time, the environment at run time";
		else if (secret_url(value))
			findings_add(f, "secret-env", SEV_HIGH, "ENV %.*s is a URL with a password", STR_FMT(name))->fix = "give it at run time";
	}
	/* "|2 TOKEN=… /bin/sh -c …": build arguments stay readable in the history. */
	for (u32 i = 0; i < img->config.n_history; i++) {
		const char *by = img->config.history[i].created_by;
		if (!by || by[0] != '|')
			continue;
		struct str rest = str_of(by);
		str_cut(&rest, ' ');
		while (rest.p) {
			struct str value = str_cut(&rest, ' '), name = str_cut(&value, '=');
			if (!value.p)
				break;
			if (value.n && name.n <= 200 && secret_name(name)) {
				struct finding *x = findings_add(f, "secret-arg", SEV_HIGH, "ARG %.*s stays readable in the history", STR_FMT(name));
				x->layer = layer_of_history(img, i);
				x->fix = "RUN --mount=type=secret";
			}
		}
	}
}

/* --- the tree --- */
enum { R_SETUID, R_SETGID, R_CAPS, R_WRITABLE_FILE, R_WRITABLE_DIR, R_KEYS, R_ENVFILE, R_GIT, R_CREDENTIALS, R_HISTORY, RISKS };
static const struct {
	const char *rule, *one, *many, *fix;
	enum severity severity;
} risks[] = {
	[R_SETUID] = { "setuid", "setuid file", "setuid files", "RUN chmod a-s FILE…, or leave out the packages they come with", SEV_MEDIUM },
	[R_SETGID] = { "setgid", "setgid file", "setgid files", "RUN chmod a-s FILE…", SEV_LOW },
	[R_CAPS] = { "file-capabilities", "file with capabilities", "files with capabilities", "RUN setcap -r FILE where they are not needed", SEV_LOW },
	[R_WRITABLE_FILE] = { "world-writable-file", "world-writable file", "world-writable files", "RUN chmod o-w FILE… in the instruction that makes them", SEV_MEDIUM },
	[R_WRITABLE_DIR] = { "world-writable-directory", "world-writable directory without the sticky bit", "world-writable directories without the sticky bit", "RUN chmod o-w DIR…, or +t", SEV_MEDIUM },
	[R_KEYS] = { "private-key-file", "file named like a private key", "files named like private keys", "keep it out of the image: .dockerignore, RUN --mount=type=ssh", SEV_HIGH },
	[R_ENVFILE] = { "env-file", ".env file", ".env files", "name it in .dockerignore", SEV_HIGH },
	[R_GIT] = { "git-directory", ".git directory", ".git directories", "name it in .dockerignore", SEV_MEDIUM },
	[R_CREDENTIALS] = { "credentials-file", "file with credentials by its name", "files with credentials by their names", "RUN --mount=type=secret", SEV_HIGH },
	[R_HISTORY] = { "shell-history", "shell history", "shell histories", "remove it in the instruction that makes it", SEV_LOW },
};
_Static_assert(countof(risks) == RISKS, "one line a risk");

#define EXAMPLES 3
struct tally {
	const struct rootfs *r;
	u32 count[RISKS];
	node_id first[RISKS][EXAMPLES];
};

static void hit(struct tally *t, int what, node_id id)
{
	if (t->count[what] < EXAMPLES)
		t->first[what][t->count[what]] = id;
	t->count[what]++;
}

static bool has_capabilities(const struct facts *f, const struct fact_entry *e)
{
	struct str rest = facts_xattrs(f, e), name, value;
	while (tar_xattr_next(&rest, &name, &value))
		if (str_is(name, "security.capability"))
			return true;
	return false;
}

static bool named_one_of(const char *name, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(name, list[i]) == 0)
			return true;
	return false;
}

static void by_name(struct tally *t, node_id id, u8 type)
{
	static const char *const keys[] = { "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "key.pem", "privkey.pem", "server.key" };
	static const char *const histories[] = { ".bash_history", ".ash_history", ".zsh_history", ".python_history", ".psql_history", ".mysql_history" };
	static const char *const credentials[] = { ".netrc", ".pgpass", ".git-credentials", ".pypirc" };
	const struct node *n = rootfs_node(t->r, id);
	const char *dir = rootfs_node(t->r, n->parent)->name;
	if (type == TAR_DIR) {
		if (strcmp(n->name, ".git") == 0 && rootfs_child(t->r, id, STR("objects")))
			hit(t, R_GIT, id);
		return;
	}
	if (type != TAR_FILE || rootfs_size(t->r, id) == 0 || !strchr(".ikpsc", n->name[0])) /* what all of these begin with: most names are none of them */
		return;
	if (named_one_of(n->name, keys, countof(keys)))
		hit(t, R_KEYS, id);
	else if (strcmp(n->name, ".env") == 0)
		hit(t, R_ENVFILE, id);
	else if (named_one_of(n->name, histories, countof(histories)))
		hit(t, R_HISTORY, id);
	else if (named_one_of(n->name, credentials, countof(credentials)) || (strcmp(dir, ".aws") == 0 && strcmp(n->name, "credentials") == 0) ||
		 (strcmp(dir, ".docker") == 0 && strcmp(n->name, "config.json") == 0) || (strcmp(dir, ".kube") == 0 && strcmp(n->name, "config") == 0))
		hit(t, R_CREDENTIALS, id);
}

static void visit(struct tally *t, node_id id)
{
	const struct fact_entry *e = rootfs_entry(t->r, id);
	u8 type = rootfs_type(t->r, id);
	by_name(t, id, type);
	if (!e)
		return;
	if (type == TAR_FILE) {
		if (e->mode & 04000)
			hit(t, R_SETUID, id);
		else if ((e->mode & 02010) == 02010)
			hit(t, R_SETGID, id);
		if (e->mode & 2)
			hit(t, R_WRITABLE_FILE, id);
		if (e->xattrs && has_capabilities(rootfs_facts(t->r, id), e))
			hit(t, R_CAPS, id);
	} else if (type == TAR_DIR && (e->mode & 01002) == 2) {
		hit(t, R_WRITABLE_DIR, id);
	}
}

static void tree(const struct rootfs *r, struct findings *f)
{
	struct tally t = { .r = r };
	struct buf path = BUF(0), text = BUF(0);
	for (node_id id = rootfs_next(r, ROOTFS_ROOT); id; id = rootfs_next(r, id))
		visit(&t, id);
	for (int i = 0; i < RISKS; i++) {
		if (!t.count[i])
			continue;
		buf_clear(&text);
		for (u32 k = 0; k < MIN(t.count[i], (u32)EXAMPLES); k++) {
			buf_puts(&text, k ? ", " : "");
			buf_add(&text, str_head(rootfs_path(r, t.first[i][k], &path), 300));
		}
		struct finding *x = findings_add(f, risks[i].rule, risks[i].severity, "%u %s: %s%s", t.count[i], t.count[i] == 1 ? risks[i].one : risks[i].many, text.p,
						 t.count[i] > EXAMPLES ? ", …" : "");
		x->count = t.count[i];
		x->path = arena_strdup(&f->arena, rootfs_path(r, t.first[i][0], &path));
		x->layer = (s32)rootfs_node(r, t.first[i][0])->layer;
		x->fix = risks[i].fix;
	}
	buf_free(&path);
	buf_free(&text);
}

void risk_find(const struct image *img, const struct rootfs *r, struct findings *ret)
{
	if (img->config_doc) {
		user(img, ret);
		health(img, ret);
		environment(img, ret);
	}
	tree(r, ret);
	findings_sort(ret);
}
