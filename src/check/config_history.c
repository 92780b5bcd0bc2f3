/* What the history and the files about accounts tell. */
#include "check/accounts.h"
#include "check/config.h"

static s32 layer_of(const struct image *img, u32 entry)
{
	for (u32 i = 0; i < img->n_layers; i++)
		if (img->layers[i].history == (s32)entry)
			return (s32)i;
	return -1;
}

static void tell(struct config_asking *a, enum config_id id, u32 entry, struct str what, const char *title)
{
	struct scan_finding *f = config_tell(a, id, "%s: %.*s", title, STR_FMT(str_head(what, 100)));
	if (!f)
		return;
	f->path = arena_printf(&a->out->arena, "history %u", entry);
	f->layer = layer_of(a->img, entry);
}

/* What stands behind `word` wherever a command begins with it: after the start, &&, ||, ;, | or (. p NULL: nowhere. */
static struct str command(struct str s, const char *word)
{
	struct str w = str_of(word);
	for (size_t from = 0; from < s.n;) {
		const char *at = str_find(str_from(s, from), w);
		if (!at)
			break;
		size_t i = (size_t)(at - s.p), k = i;
		while (k && (s.p[k - 1] == ' ' || s.p[k - 1] == '\t'))
			k--;
		if ((!k || strchr("&|;(\n", s.p[k - 1])) && (i + w.n == s.n || strchr(" \t;&|\n", s.p[i + w.n])))
			return str_from(s, i + w.n);
		from = i + w.n;
	}
	return str_n(NULL, 0);
}

/* A RUN's script, without the shell that history puts in front: p NULL when it is no RUN. */
static struct str script_of(struct str by)
{
	if (by.n && by.p[0] == '|') { /* "|1 ARG=x /bin/sh -c …" */
		const char *at = str_find(by, STR("/bin/"));
		by = at ? str_from(by, (size_t)(at - by.p)) : by;
	}
	bool run = str_starts(by, STR("RUN "));
	by = str_trim(run ? str_from(by, 4) : by);
	if (!str_starts(by, STR("/bin/")))
		return run ? by : str_n(NULL, 0);
	const char *at = str_find(by, STR(" -c "));
	if (at)
		by = str_trim(str_from(by, (size_t)(at - by.p) + 4));
	return str_starts(by, STR("#(nop)")) ? str_n(NULL, 0) : by;
}

static void run(struct config_asking *a, u32 i, struct str s)
{
	static const char *const unverified[] = { "--allow-unauthenticated", "--force-yes", "--allow-untrusted", "--nogpgcheck", "--no-gpg-check", "--nosignature", "--nodigest", "trusted=yes", "AllowUnauthenticated", "gpgcheck=0", "--trusted-host" };
	static const char *const updates[] = { "apt-get update", "apt update" }, *const upgrades[] = { "apt-get dist-upgrade", "apt-get full-upgrade", "apt dist-upgrade", "apt full-upgrade" };
	for (size_t k = 0; k < countof(unverified); k++)
		if (str_contains(s, str_of(unverified[k]))) {
			tell(a, C_UNVERIFIED_PACKAGES, i, str_of(unverified[k]), "installs what nobody has signed");
			break;
		}
	for (size_t k = 0; k < countof(updates); k++)
		if (command(s, updates[k]).p && !str_contains(s, STR("install")) && !str_contains(s, STR("upgrade")))
			tell(a, C_UPDATE_ALONE, i, s, "updates the package lists in a RUN of their own");
	for (size_t k = 0; k < countof(upgrades); k++) {
		const char *verb = strchr(upgrades[k], ' ');
		if (str_contains(s, str_of(verb)) && (str_contains(s, STR("apt-get ")) || str_contains(s, STR("apt ")))) {
			tell(a, C_DIST_UPGRADE, i, s, "upgrades to another release of the distribution");
			break;
		}
	}
	if (command(s, "sudo").p)
		tell(a, C_SUDO_IN_BUILD, i, s, "uses sudo");
}

static bool is_remote(struct str s)
{
	return str_starts(s, STR("http://")) || str_starts(s, STR("https://")) || str_starts(s, STR("ftp://")) || str_starts(s, STR("git@")) || str_starts(s, STR("git://"));
}

static void added(struct config_asking *a, u32 i, struct str by)
{
	const char *nop = str_find(by, STR("#(nop)"));
	if (nop)
		by = str_trim(str_from(by, (size_t)(nop - by.p) + 6));
	if (!str_starts(by, STR("ADD ")) || str_contains(by, STR("--checksum=")))
		return;
	for (struct str rest = str_from(by, 4); rest.p;) {
		struct str word = str_cut(&rest, ' ');
		if (!is_remote(word))
			continue;
		const char *at = str_chr(word, '@'), *scheme = str_find(word, STR("://"));
		if (at && scheme && at > scheme) /* a password may stand there */
			word = str_from(word, (size_t)(at - word.p) + 1);
		tell(a, C_REMOTE_ADD, i, word, "ADD takes what a server answers");
		return;
	}
}

void config_history(struct config_asking *a)
{
	for (u32 i = 0; i < a->img->config.n_history; i++) {
		const char *by = a->img->config.history[i].created_by;
		if (!by || !*by)
			continue;
		struct str s = script_of(str_of(by));
		if (s.p)
			run(a, i, s);
		else
			added(a, i, str_of(by));
	}
}

/* --- accounts --- */
static const struct {
	enum config_id check;
	const char *title; /* "%.*s" is the name */
} accounts[ACCOUNT_END] = {
	[ACCOUNT_NO_PASSWORD] = { C_EMPTY_PASSWORD, "account without a password: " },
	[ACCOUNT_HASH] = { C_PASSWORD_HASH, "account with a password: " },
	[ACCOUNT_WEAK_HASH] = { C_WEAK_HASH, "account with a password in a weak hash: " },
	[ACCOUNT_ROOT] = { C_SECOND_ROOT, "account with the number of root: " },
	[ACCOUNT_SAME_UID] = { C_SAME_UID, "accounts with one number: " },
	[ACCOUNT_SAME_NAME] = { C_SAME_NAME, "account that is there twice: " },
	[ACCOUNT_SAME_GID] = { C_SAME_GID, "groups with one number: " },
	[ACCOUNT_SAME_GROUP] = { C_SAME_GROUP, "group that is there twice: " },
	[ACCOUNT_NOPASSWD] = { C_SUDO_NOPASSWD, "root without a password: " },
	[ACCOUNT_SSH_ROOT] = { C_SSHD_ROOT, "sshd lets root in: " },
	[ACCOUNT_SSH_EMPTY] = { C_SSHD_EMPTY, "sshd lets accounts without a password in: " },
	[ACCOUNT_SSH_PASSWORD] = { C_SSHD_PASSWORD, "sshd takes passwords: " },
};

static void of_file(struct config_asking *a, node_id file)
{
	struct str note = file && rootfs_type(a->r, file) == TAR_FILE ? packages_note(a->r, file, COLLECT_ACCOUNTS) : STR("");
	struct account_fact f;
	while (account_note_next(&note, &f)) {
		if (!accounts[f.what].title)
			continue;
		bool of_root = f.what == ACCOUNT_SAME_UID && (str_ends(f.name, STR(", root")) || str_starts(f.name, STR("root, "))); /* told as C_SECOND_ROOT */
		char title[400];
		snprintf(title, sizeof title, "%s%.*s", accounts[f.what].title, STR_FMT(f.name));
		struct scan_finding *x = of_root ? NULL : config_tell_node(a, accounts[f.what].check, file, title);
		if (x)
			x->line = f.line;
	}
}

void config_accounts(struct config_asking *a)
{
	static const char *const files[] = { "etc/passwd", "etc/shadow", "etc/group", "etc/sudoers", "etc/doas.conf", "etc/ssh/sshd_config" }, *const dirs[] = { "etc/sudoers.d", "etc/doas.d", "etc/ssh/sshd_config.d" };
	for (size_t i = 0; i < countof(files); i++)
		of_file(a, rootfs_find(a->r, str_of(files[i]), true));
	for (size_t i = 0; i < countof(dirs); i++) {
		node_id dir = rootfs_find(a->r, str_of(dirs[i]), true), *ids;
		if (!dir || rootfs_type(a->r, dir) != TAR_DIR)
			continue;
		u32 n = rootfs_children(a->r, dir, &ids);
		for (u32 k = 0; k < n; k++)
			of_file(a, ids[k]);
		free(ids);
	}
}
