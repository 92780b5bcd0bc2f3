/* What the scripts of packages do that is not done here, one note a package, with the commands; and which programs in the image cannot run, since what runs them was left out. */
#include "compose/effect.h"
#include "compose/script.h"
#include "base/file.h"
#include "compose/deb822.h"

/* Packages whose scripts were read by people, and whose work is done by the effects here, or is none in an image. */
static const char known[] =
	"base-files base-passwd ca-certificates ca-certificates-java tzdata tzdata-legacy libc6 libc-bin netbase media-types mime-support openssl python3 python3-minimal libpython3-stdlib readline-common libpam-modules libpam0g "
	"perl-base dash bash ucf debconf libgssapi-krb5-2 libgcrypt20 libkrb5-3";

/* Commands that change nothing in an image, or whose work is done here (alternatives, accounts), or that only pass on what others say. */
static const char harmless[] =
	": . [ test true false set exit return shift echo printf cat read case if export unset local eval command which type hash trap cd pwd umask exec wait getopts source [[ "
	"grep egrep fgrep sed awk cut tr sort uniq wc head tail basename dirname readlink realpath ls find expr seq id uname stat cmp diff md5sum sha256sum tee xargs env sleep date mktemp "
	"update-alternatives adduser addgroup useradd groupadd getent dpkg dpkg-query dpkg-architecture dpkg-maintscript-helper dpkg-trigger dpkg-vendor deb-systemd-helper deb-systemd-invoke systemctl "
	"systemd-sysusers invoke-rc.d update-rc.d service systemd-tmpfiles ldconfig db_version db_get db_set db_input db_go db_stop db_capb db_fset db_metaget db_purge db_reset db_subst db_title db_unregister db_beginblock db_endblock "
	"ucfr py3compile py3clean pypy3compile pypy3clean pypycompile pycompile pyclean python3 python3.11 python3.12 python3.13 install-info update-mime-database update-desktop-database update-icon-caches gtk-update-icon-cache "
	"glib-compile-schemas restorecon selinuxenabled continue break ischroot rm rmdir error warn die log log_warning_msg log_failure_msg mountpoint pidof kill ss update-binfmts update-fonts-alias fc-cache gio-querymodules phpenmod phpquery php_invoke aa-enabled aa-status apparmor_parser";

struct told {
	struct composition *c;
	const char *names[8];
	u32 n;
	struct arena *a;
	struct str functions; /* " name name " */
};

static void command(void *ctx, const struct script_command *c)
{
	struct told *t = ctx;
	const char *name = c->v[0];
	bool done = false;
	if (!c->fresh || (effect_file_command(t->c, c, &done) && (done || c->command->in_condition)))
		return;
	if (name && strcmp(name, "dpkg-divert") == 0) /* those of old packages are taken back */
		for (u32 i = 1; i < c->n; i++)
			if (c->v[i] && strcmp(c->v[i], "--remove") == 0)
				return;
	if (!name || !*name || c->command->wrapped || str_among(str_of(name), harmless) || strpbrk(name, " \t\n=$(){}"))
		return;
	char padded[130];
	snprintf(padded, sizeof padded, " %.120s ", name);
	if (str_contains(t->functions, str_of(padded)))
		return;
	for (u32 i = 0; i < t->n; i++)
		if (strcmp(t->names[i], name) == 0)
			return;
	if (t->n < countof(t->names))
		t->names[t->n++] = arena_strdup(t->a, str_of(name));
}

static void function(void *ctx, const struct sh_node *n)
{
	struct buf *b = ctx;
	if (n->kind == SH_FUNCTION)
		buf_printf(b, " %.*s ", STR_FMT(str_head(n->name, 120)));
}

static void of_package(struct composition *c, const struct compose_package *p)
{
	struct told t = { .c = c, .a = &c->arena };
	struct buf functions = BUF(64 * KiB), text = BUF(1000);
	struct sh_tree tree;
	sh_parse(p->control.postinst, &tree);
	if (tree.root)
		sh_each(tree.root, function, &functions);
	sh_free(&tree);
	t.functions = buf_str(&functions);
	if (script_each(p->control.postinst, &c->arena, command, &t) && t.n) {
		for (u32 i = 0; i < t.n; i++)
			buf_printf(&text, "%s%s", i ? ", " : "", t.names[i]);
		problem_add(&c->notes, "%.*s: its postinst calls %s: whatever that does is not done here", STR_FMT(p->name), text.p);
	}
	buf_free(&functions);
	buf_free(&text);
}

/* --- programs without what runs them --- */

#define INTERPRETERS 32u

struct interpreter {
	const char *path; /* as the scripts say it */
	struct str first; /* of them */
	u32 n;
};

/* "#!/usr/bin/env -S python3 -u" names python3, wherever PATH has it. */
static const char *interpreter_of(struct composition *c, struct str head)
{
	struct str line = str_from(head, 2), word, path;
	line = str_cut(&line, '\n');
	if (!deb822_word(&line, &path) || path.p[0] != '/' || path.n > 200)
		return NULL;
	if (!str_is(str_base(path), "env"))
		return arena_strdup(&c->arena, path);
	while (deb822_word(&line, &word))
		if (word.p[0] != '-' && !str_chr(word, '=') && word.n <= 200)
			return word.p[0] == '/' ? arena_strdup(&c->arena, word) : arena_printf(&c->arena, "/usr/bin/%.*s", STR_FMT(word));
	return NULL;
}

static bool runs(struct composition *c, const char *path)
{
	autofree char *real = xmalloc(TAR_PATH_MAX * 2);
	ssize_t n = tar_clean(str_of(path), real);
	if (n <= 0)
		return false;
	struct str at = str_n(real, ctree_real(str_n(real, (size_t)n), real));
	if (ctree_follow(&c->tree, at))
		return true;
	at = str_of(arena_printf(&c->arena, "usr/local/bin/%.*s", STR_FMT(str_base(at))));
	return ctree_follow(&c->tree, at) != 0;
}

static void programs(struct composition *c)
{
	struct interpreter v[INTERPRETERS];
	u32 n = 0, total;
	u32 *sorted = ctree_sorted(&c->tree, &total);
	for (u32 i = 0; i < total; i++) {
		const struct ctree_entry *e = &c->tree.v[sorted[i]];
		char head[256];
		if (e->type != TAR_FILE || !(e->mode & 0111) || e->size < 4 || str_starts(e->path, STR("usr/share/doc/")))
			continue;
		ssize_t got = file_pread(c->tree.spool, head, (size_t)MIN(e->size, (u64)sizeof head), e->at);
		const char *path = got > 3 && head[0] == '#' && head[1] == '!' ? interpreter_of(c, str_n(head, (size_t)got)) : NULL;
		u32 k = 0;
		if (!path || runs(c, path))
			continue;
		while (k < n && strcmp(v[k].path, path) != 0)
			k++;
		if (k == n && n < INTERPRETERS)
			v[n++] = (struct interpreter){ path, e->path, 0 };
		if (k < n)
			v[k].n++;
	}
	free(sorted);
	for (u32 k = 0; k < n; k++)
		problem_add(&c->notes, "%u script%s cannot run: %s is not in the image (first: /%.*s)", v[k].n, v[k].n > 1 ? "s" : "", v[k].path, STR_FMT(v[k].first));
}

void effect_notes(struct composition *c)
{
	for (u32 i = 0; i < c->n; i++) {
		const struct compose_package *p = &c->v[i];
		bool python = str_starts(p->name, STR("python3.")) && (str_ends(p->name, STR("-minimal")) || !str_chr(p->name, '-')); /* byte code, and a directory that is made */
		if (p->control.postinst.n && !python && !str_among(p->name, known))
			of_package(c, p);
	}
	programs(c);
}
