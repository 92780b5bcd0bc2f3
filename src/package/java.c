/* java.c — Java archives: jar, war, ear and their kin are zips that hold classes, what they say of themselves (java.h), and other archives.
 *
 *      app.war ─► WEB-INF/lib/x.jar ─► META-INF/maven/org.x/x/pom.properties
 *                                  └─► META-INF/maven/org.y/y/pom.properties   shaded into it
 *
 * Every archive is looked into once, nested ones in memory, inside the budgets of zip.h and these. An unpacked application has its
 * META-INF/maven as files.
 */
#include "package/java.h"
#include "package/lang.h"
#include "base/zip.h"

#define JAVA_LIMIT (256 * MiB)        /* an archive in the image */
#define JAVA_NESTED 8                 /* archives in one another, the outermost counted */
#define JAVA_HELD ((u64)256 * MiB)    /* nested archives in memory at a time */
#define JAVA_POMS_MAX 4096u           /* in one archive */
#define MANIFEST_MAX (256 * KiB)      /* its main section is at the beginning */
#define PROPERTIES_MAX (64 * KiB)
#define POM_MAX (4 * MiB)

enum { JAVA_INNER = NOTE_PRIVATE }; /* where in the archive a package is: "WEB-INF/lib/x.jar", deeper ones behind a ':' */

static bool exploded(struct str dir, struct str name)
{
	if (!str_is(name, "pom.properties"))
		return false;
	struct str artifact = str_base(dir), up = str_head(dir, dir.n - MIN(dir.n, artifact.n + 1)), group = str_base(up);
	return artifact.n && group.n && str_ends(str_head(up, up.n - MIN(up.n, group.n + 1)), STR("META-INF/maven"));
}

static bool wants(struct str dir, struct str name) { return java_archive_name(name) || exploded(dir, name); }

struct nest {
	struct note_writer *w;
	struct zip_budget budget;
	u64 held;
	bool over;        /* it was told that a budget is used up */
	struct buf inner; /* of the archive that is looked into */
};

struct jar {
	struct arena arena;
	struct jar_manifest manifest;
	struct pom *poms;
	u32 n, cap, seen;
	struct str base; /* the file's name without its ending */
};

static void damage(struct nest *n, struct str entry, const char *why)
{
	if (n->over)
		return;
	n->over = n->budget.over;
	note_damage(n->w, "%.*s%s%.*s%s%s", STR_FMT(str_head(buf_str(&n->inner), 200)), n->inner.n && entry.n ? ":" : "", STR_FMT(str_head(entry, 200)), n->inner.n || entry.n ? ": " : "", why);
}

static void put_package(struct nest *n, const struct pom *pom)
{
	struct buf name = BUF(4 * KiB);
	note_put(n->w, NOTE_PACKAGE, STR(""));
	buf_add(&name, pom->group);
	buf_putc(&name, ':');
	buf_add(&name, pom->artifact);
	note_text(n->w, NOTE_NAME, buf_str(&name));
	note_text(n->w, NOTE_VERSION, pom->version);
	note_text(n->w, NOTE_LICENSE, pom->license);
	if (n->inner.n)
		note_put(n->w, JAVA_INNER, str_head(buf_str(&n->inner), NOTE_FIELD_MAX));
	buf_free(&name);
}

/* One artifact once: what pom.properties says counts before pom.xml, whose licence is taken over. */
static void add_pom(struct nest *n, struct jar *j, const struct pom *pom)
{
	if (j->seen++ == JAVA_POMS_MAX)
		damage(n, STR(""), "holds too many descriptors of Maven: the rest is left out");
	if (j->seen > JAVA_POMS_MAX)
		return;
	for (u32 i = 0; i < j->n; i++) {
		struct pom *k = &j->poms[i];
		if (!str_eq(k->group, pom->group) || !str_eq(k->artifact, pom->artifact) || (!k->xml && !pom->xml && !str_eq(k->version, pom->version)))
			continue;
		if (k->xml && (!pom->xml || !k->version.n)) {
			k->version = pom->version;
			k->xml = pom->xml;
		}
		if (!k->license.n)
			k->license = pom->license;
		return;
	}
	VEC_PUSH(j->poms, j->n, j->cap, *pom);
}

static void take_properties(struct nest *n, struct jar *j, struct str text)
{
	struct pom pom;
	java_properties(text, &pom);
	if (!pom.group.n || !pom.artifact.n || !pom.version.n)
		return;
	pom.group = str_of(arena_bytes(&j->arena, pom.group));
	pom.artifact = str_of(arena_bytes(&j->arena, pom.artifact));
	pom.version = str_of(arena_bytes(&j->arena, pom.version));
	add_pom(n, j, &pom);
}

/* META-INF/maven/GROUP/ARTIFACT/pom.xml: the path itself tells whose it is. */
static void take_pom(struct nest *n, struct jar *j, struct str path, struct str text)
{
	struct pom pom;
	struct str rest = str_from(path, sizeof "META-INF/maven/" - 1), group = str_cut(&rest, '/'), artifact = rest.p ? str_cut(&rest, '/') : STR("");
	java_pom(&j->arena, text, &pom);
	if (!rest.p || !str_is(rest, "pom.xml") || !lang_word(group) || !lang_word(artifact))
		return;
	pom.group = str_of(arena_bytes(&j->arena, group));
	pom.artifact = str_of(arena_bytes(&j->arena, artifact));
	add_pom(n, j, &pom);
}

/* The archive's own package and those that were put into it. */
static void put_packages(struct nest *n, struct jar *j)
{
	struct pom own;
	struct str name, version, license = j->manifest.v[MF_PLUGIN_LICENSE].n ? j->manifest.v[MF_PLUGIN_LICENSE] : j->manifest.v[MF_BUNDLE_LICENSE];
	u32 best = j->n, whole = 0, last = 0;
	java_file_name(j->base, &name, &version);
	for (u32 i = 0; i < j->n; i++) {
		if (!j->poms[i].version.n)
			continue;
		whole++;
		last = i;
		if (java_is_own(j->base, &j->poms[i]) && (best == j->n || j->poms[i].artifact.n > j->poms[best].artifact.n))
			best = i;
	}
	/* "app.jar" says nothing, and the only descriptor in it will be its own. */
	if (best == j->n && whole == 1 && !version.n)
		best = last;
	bool derived = best == j->n && java_identify(&j->arena, &j->manifest, j->base, &own);
	for (u32 i = 0; derived && i < j->n; i++)
		if (str_eq(j->poms[i].artifact, own.artifact) && str_eq(j->poms[i].version, own.version))
			derived = false;
	if (derived)
		put_package(n, &own);
	if (best < j->n) {
		if (!j->poms[best].license.n)
			j->poms[best].license = license;
		put_package(n, &j->poms[best]);
	}
	for (u32 i = 0; i < j->n; i++)
		if (i != best && j->poms[i].version.n)
			put_package(n, &j->poms[i]);
}

static void look(struct nest *n, struct str bytes, struct str name, int depth);

static void look_inside(struct nest *n, struct zip *z, const struct zip_entry *e, int depth)
{
	struct buf out = BUF(ZIP_NESTED_MAX + 1);
	struct error err = { 0 };
	struct str content;
	size_t was = n->inner.n;
	if (depth >= JAVA_NESTED) {
		damage(n, e->name, "archives nested too deep: it is not looked into");
	} else if (zip_read(z, e, MIN(ZIP_NESTED_MAX, JAVA_HELD - n->held), false, &out, &content, &err) < 0) {
		damage(n, e->name, err.text);
	} else if (zip_is(content)) {
		if (was)
			buf_putc(&n->inner, ':');
		buf_add(&n->inner, e->name);
		n->held += content.n;
		look(n, content, str_base(e->name), depth + 1);
		n->held -= content.n;
		n->inner.n = was;
	}
	buf_free(&out);
}

static void look_at(struct nest *n, struct jar *j, struct zip *z, const struct zip_entry *e, int depth)
{
	struct buf out = BUF(POM_MAX + 1);
	struct error err = { 0 };
	struct str text, base = str_base(e->name);
	int status = 0;
	if (str_is(e->name, "META-INF/MANIFEST.MF")) {
		if ((status = zip_read(z, e, MANIFEST_MAX, true, &out, &text, &err)) == 0)
			java_manifest(&j->arena, text, &j->manifest);
	} else if (str_is(base, "pom.properties")) {
		if ((status = zip_read(z, e, PROPERTIES_MAX, false, &out, &text, &err)) == 0)
			take_properties(n, j, text);
	} else if (str_is(base, "pom.xml") && str_starts(e->name, STR("META-INF/maven/"))) {
		if ((status = zip_read(z, e, POM_MAX, false, &out, &text, &err)) == 0)
			take_pom(n, j, e->name, text);
	} else if (java_archive_name(base)) {
		look_inside(n, z, e, depth);
	}
	if (status < 0)
		damage(n, e->name, err.text);
	buf_free(&out);
}

static void look(struct nest *n, struct str bytes, struct str name, int depth)
{
	struct error err = { 0 };
	struct zip *z = NULL;
	struct zip_entry e;
	const char *dot = memrchr(name.p, '.', name.n);
	struct jar j = { .base = str_head(name, (size_t)(dot - name.p)) }; /* java_archive_name() saw it */
	int more = -1;
	if (zip_open(bytes, &n->budget, &z, &err) == 0)
		while (!n->budget.over && (more = zip_next(z, &e, &err)) == 1)
			look_at(n, &j, z, &e, depth);
	if (more < 0)
		damage(n, STR(""), err.text);
	put_packages(n, &j);
	zip_close(z);
	free(j.poms);
	arena_free(&j.arena);
}

static int take(struct str dir, struct str name, struct str content, struct buf *note, struct error *err)
{
	struct note_writer w;
	struct nest n = { .w = &w, .inner = BUF(4 * KiB) };
	struct pom pom;
	note_begin(&w, note);
	if (exploded(dir, name)) {
		java_properties(content, &pom);
		if (pom.group.n && pom.artifact.n && pom.version.n)
			put_package(&n, &pom);
	} else if (zip_is(content)) {
		look(&n, content, name, 1);
	}
	buf_free(&n.inner);
	return note_end(&w, err);
}

const struct collector java_collector = { .id = COLLECT_JAVA, .version = 1, .name = "java", .limit = JAVA_LIMIT, .wants = wants, .take = take };

struct inner {
	struct packages *p;
	const char *outer;
};

static void tell(void *ctx, u32 package, u8 tag, struct str bytes)
{
	struct inner *in = ctx;
	if (tag == JAVA_INNER)
		in->p->v[package].path = arena_printf(&in->p->arena, "%s:%.*s", in->outer, STR_FMT(bytes));
}

static void read_java(const struct rootfs *r, struct packages *p)
{
	autofree node_id *files = NULL;
	struct buf path = BUF(0);
	u32 n = packages_noted(p, r, COLLECT_JAVA, &files);
	for (u32 i = 0; i < n; i++) {
		u32 first = p->n;
		if (!lang_load(p, r, files[i], COLLECT_JAVA, "maven"))
			continue;
		rootfs_path(r, files[i], &path);
		lang_private(p, r, files[i], COLLECT_JAVA, first, tell, &(struct inner){ p, path.p });
		/* The file is the outermost archive's own package, else of the first that it holds. */
		u32 own = first;
		while (own < p->n && *p->v[own].path)
			own++;
		lang_own(p, files[i], own < p->n ? own : first);
	}
	buf_free(&path);
}

const struct ecosystem java_ecosystem = { .type = "maven", .collector = &java_collector, .set = COLLECT_PACKAGES, .read = read_java };
