/* The room's own seams: an image is made of facts in memory, each file's content goes through its collector as a layer's would, and
 * packages_read() answers. rpm's three kinds of database are written here, by the formats' descriptions in src/package/rpm_*.c. */
#include "base/file.h"
#include "package/note.h"
#include "package/package.h"
#include <setjmp.h>
#include <sqlite3.h>
#include <unistd.h>
#include <cmocka.h>

#define LAYERS 3

struct world {
	struct image img;
	struct image_layer layers[LAYERS];
	struct facts *facts[LAYERS];
	struct rootfs *r;
	struct packages *p;
};

static void begin(struct world *w)
{
	*w = (struct world){ 0 };
	for (u32 i = 0; i < LAYERS; i++) {
		w->facts[i] = facts_new();
		w->layers[i] = (struct image_layer){ .index = i, .facts = w->facts[i] };
	}
	w->img.layers = w->layers;
	w->img.n_layers = LAYERS;
}

static u32 put(struct world *w, u32 layer, const char *path, enum tar_type type, const char *link, u64 size)
{
	struct tar_entry e = { .path = str_of(path), .type = type, .link = str_of(link ? link : ""), .mode = 0755, .size = size, .stored = size };
	u32 id;
	assert_int_equal(facts_add(w->facts[layer], &e, e.path, &id, NULL), 0);
	return id;
}

static void file(struct world *w, u32 layer, const char *path, u64 size) { put(w, layer, path, TAR_FILE, NULL, size); }

/* A file with content: whichever collector wants it takes its note. */
static void content(struct world *w, u32 layer, const char *path, struct str bytes)
{
	u32 id = put(w, layer, path, TAR_FILE, NULL, bytes.n);
	const char *slash = strrchr(path, '/');
	struct str dir = str_n(path, (size_t)(slash - path)), name = str_of(slash + 1);
	for (u32 i = 0; package_collectors[i]; i++) {
		const struct collector *c = package_collectors[i];
		struct buf note = BUF(0);
		if (!c->wants(dir, name))
			continue;
		assert_true(bytes.n <= c->limit);
		if (c->take)
			assert_int_equal(c->take(dir, name, bytes, &note, NULL), 0);
		facts_note(w->facts[layer], id, c->id, c->take ? buf_str(&note) : bytes);
		buf_free(&note);
	}
}

static void text(struct world *w, u32 layer, const char *path, const char *z) { content(w, layer, path, str_of(z)); }

static struct packages *look(struct world *w)
{
	w->r = rootfs_build(&w->img, NULL);
	w->p = packages_read(w->r);
	return w->p;
}

static void end(struct world *w)
{
	packages_free(w->p);
	rootfs_free(w->r);
	for (u32 i = 0; i < LAYERS; i++)
		facts_free(w->facts[i]);
}

static const struct package *get(const struct packages *p, const char *name)
{
	const struct package *found = NULL;
	for (u32 i = 0; i < p->n; i++) {
		if (strcmp(p->v[i].name, name) == 0) {
			assert_null(found);
			found = &p->v[i];
		}
	}
	return found;
}

static const char *owner(const struct world *w, const char *path)
{
	node_id id = rootfs_find(w->r, str_of(path), false);
	assert_int_not_equal(id, 0);
	return w->p->owner[id] ? w->p->v[w->p->owner[id] - 1].name : "";
}

static bool told(const struct packages *p, const char *what)
{
	for (u32 i = 0; i < p->problems.n; i++)
		if (strstr(p->problems.v[i], what))
			return true;
	return false;
}

/* --- dpkg --- */

static const char status_file[] = "Package: libc6\nEssential: no\nStatus: install ok installed\nSection: libs\nInstalled-Size: 10\nArchitecture: amd64\nMulti-Arch: same\n"
				  "Source: glibc (2.36-8)\nVersion: 2.36-9\nDepends: libgcc-s1,\n libcrypt1 (>= 1:4.4)\nPre-Depends: base\nDescription: GNU C Library\n more\n .\n Depends: none\n"
				  "Conffiles:\n /etc/ld.conf d4e7a7b88a71b5ffd9e2644e71a0cfab\n /etc/old.conf d4e7a7b88a71b5ffd9e2644e71a0cfab obsolete\n\n"
				  "Package: libc6\nStatus: install ok installed\nArchitecture: i386\nVersion: 2.36-9\n\n"
				  "package: bash\nessential: yes\nStatus: hold ok half-configured\nArchitecture: amd64\nVersion: 5.2-1\nSource: bash-src\n\n\n"
				  "Package: gone\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 1\n\n"
				  "Package: never\nStatus: unknown ok not-installed\n\n"
				  "Package: half\nStatus: install reinstreq half-installed\n\n"
				  "Package: tool\nStatus: install ok triggers-pending\nArchitecture: all\nVersion: 1:0.1\nSource: toolbox";

static void dpkg_status(void **state)
{
	(void)state;
	struct world w;
	begin(&w);
	text(&w, 0, "var/lib/dpkg/status", status_file);
	text(&w, 1, "var/lib/apt/extended_states",
	     "Package: tool\nArchitecture: amd64\nAuto-Installed: 1\n\nPackage: libc6\nArchitecture: i386\nAuto-Installed: 1\n\nPackage: bash\nArchitecture: amd64\nAuto-Installed: 0\n");
	struct packages *p = look(&w);
	assert_int_equal(p->problems.n, 0);
	assert_int_equal(p->n, 4);
	const struct package *bash = &p->v[0], *libc = &p->v[1], *libc32 = &p->v[2], *tool = &p->v[3];
	assert_string_equal(bash->name, "bash");
	assert_true(bash->essential);
	assert_false(bash->automatic);
	assert_string_equal(bash->source_name, "bash-src");
	assert_string_equal(bash->source_version, "5.2-1");
	assert_int_equal(bash->installed_size, 0);
	assert_string_equal(libc->type, "deb");
	assert_string_equal(libc->arch, "amd64");
	assert_string_equal(libc->version, "2.36-9");
	assert_string_equal(libc->source_name, "glibc");
	assert_string_equal(libc->source_version, "2.36-8");
	assert_string_equal(libc->depends, "base, libgcc-s1, libcrypt1 (>= 1:4.4)");
	assert_string_equal(libc->summary, "GNU C Library");
	assert_string_equal(libc->section, "libs");
	assert_int_equal(libc->installed_size, 10240);
	assert_false(libc->essential);
	assert_false(libc->automatic);
	assert_string_equal(libc32->arch, "i386");
	assert_string_equal(libc32->source_name, "libc6");
	assert_string_equal(libc32->summary, "");
	assert_true(libc32->automatic);
	assert_string_equal(tool->version, "1:0.1");
	assert_string_equal(tool->source_name, "toolbox");
	assert_true(tool->automatic);
	end(&w);
}

static void dpkg_owners(void **state)
{
	(void)state;
	struct world w;
	begin(&w);
	put(&w, 0, "bin", TAR_SYMLINK, "usr/bin", 0);
	put(&w, 0, "lib", TAR_SYMLINK, "/usr/lib", 0);
	file(&w, 0, "usr/bin/bash", 100);
	put(&w, 0, "usr/bin/rbash", TAR_SYMLINK, "bash", 0);
	file(&w, 0, "usr/lib/x86/libc.so", 40);
	file(&w, 0, "usr/lib/i386/libc.so", 41);
	file(&w, 0, "usr/bin/tool", 7);
	file(&w, 0, "usr/bin/tool.moved", 9);
	file(&w, 0, "usr/share/doc/x", 1);
	file(&w, 0, "etc/ld.conf", 3);
	file(&w, 0, "etc/old.conf", 4);
	file(&w, 0, "home/me", 1000);
	text(&w, 0, "var/lib/dpkg/status", status_file);
	text(&w, 0, "var/lib/dpkg/info/libc6:amd64.list", "/.\n/lib\n/lib/x86\n/lib/x86/libc.so\n");
	text(&w, 0, "var/lib/dpkg/info/libc6:i386.list", "/.\n/lib/i386/libc.so\n/usr/bin/absent\n");
	text(&w, 0, "var/lib/dpkg/info/bash.list", "/.\n/bin\n/bin/bash\n/bin/rbash\n/usr/bin/tool\n/usr/share/doc\n/usr/share/doc/x\n/lib/x86/libc.so");
	/* tool has no list; its sums must do, and its own /usr/bin/tool was moved aside by bash's. */
	text(&w, 0, "var/lib/dpkg/info/tool.md5sums", "d41d8cd98f00b204e9800998ecf8427e  usr/bin/tool\nd41d8cd98f00b204e9800998ecf8427e  usr/bin/later\nd41d8cd98f00b204e9800998ecf8427e  usr/bin/linked\n");
	text(&w, 0, "var/lib/dpkg/diversions", "/usr/bin/tool\n/usr/bin/tool.moved\nbash\n");
	file(&w, 1, "usr/bin/later", 500);
	put(&w, 1, "usr/bin/linked", TAR_HARDLINK, "usr/bin/later", 0);
	struct packages *p = look(&w);
	assert_int_equal(p->problems.n, 0);
	assert_int_equal(p->n, 4);
	assert_string_equal(owner(&w, "usr/bin/bash"), "bash");
	assert_string_equal(owner(&w, "bin/rbash"), "bash");
	assert_string_equal(owner(&w, "usr/bin/tool"), "bash");
	assert_string_equal(owner(&w, "usr/bin/tool.moved"), "tool");
	assert_string_equal(owner(&w, "usr/lib/x86/libc.so"), "libc6"); /* the first that claims it */
	assert_string_equal(owner(&w, "etc/ld.conf"), "libc6");
	assert_string_equal(owner(&w, "etc/old.conf"), "libc6");
	assert_string_equal(owner(&w, "home/me"), "");
	assert_string_equal(owner(&w, "usr/share/doc"), ""); /* directories are nobody's */
	/* bash: bash, rbash, tool, doc/x, and the link /bin that its list names */
	assert_int_equal(p->v[0].files, 5);
	assert_int_equal(p->v[0].bytes, 108);
	assert_int_equal(p->v[0].layer, 0);
	assert_string_equal(p->v[1].arch, "amd64");
	assert_int_equal(p->v[1].files, 4); /* libc.so, two configuration files, the link /lib */
	assert_int_equal(p->v[1].bytes, 47);
	assert_string_equal(p->v[2].arch, "i386");
	assert_int_equal(p->v[2].bytes, 41);
	assert_int_equal(p->v[3].files, 3);
	assert_int_equal(p->v[3].bytes, 509); /* later and linked are one file */
	assert_int_equal(p->v[3].layer, 1);
	assert_int_equal(p->bytes, 108 + 47 + 41 + 509);
	end(&w);
}

/* Only what is visible counts: the database of the upper layer, and of the files those that are left. */
static void dpkg_layers(void **state)
{
	(void)state;
	struct world w;
	begin(&w);
	text(&w, 0, "var/lib/dpkg/status", "Package: a\nStatus: install ok installed\nVersion: 1\n\nPackage: b\nStatus: install ok installed\nVersion: 1\n\n");
	text(&w, 0, "var/lib/dpkg/info/a.list", "/opt/a\n/opt/a2\n");
	file(&w, 0, "opt/a", 10);
	file(&w, 0, "opt/a2", 5);
	text(&w, 2, "var/lib/dpkg/status", "Package: a\nStatus: install ok installed\nVersion: 2\n\nPackage: empty\nStatus: install ok unpacked\nVersion: 2\n\n");
	file(&w, 1, "opt/a", 20);
	file(&w, 1, "opt/.wh.a2", 0);
	struct packages *p = look(&w);
	assert_int_equal(p->n, 2);
	assert_null(get(p, "b"));
	assert_string_equal(get(p, "a")->version, "2");
	assert_int_equal(get(p, "a")->bytes, 20);
	assert_int_equal(get(p, "a")->files, 1);
	assert_int_equal(get(p, "a")->layer, 1);
	assert_int_equal(get(p, "empty")->layer, 2); /* owns nothing: where the database says so */
	end(&w);
}

static void dpkg_single_files(void **state)
{
	(void)state;
	struct world w;
	begin(&w);
	file(&w, 0, "usr/lib/libc.so.6", 12);
	file(&w, 0, "usr/share/zoneinfo/UTC", 3);
	text(&w, 0, "var/lib/dpkg/status.d/bGliYzY=", "Package: libc6\nVersion: 2.28-10\nArchitecture: amd64\nSource: glibc\n");
	text(&w, 0, "var/lib/dpkg/status.d/bGliYzY=.md5sums", "d41d8cd98f00b204e9800998ecf8427e  ./usr/lib/libc.so.6\n");
	text(&w, 0, "var/lib/dpkg/status.d/tzdata", "Package: tzdata\nVersion: 2024a\nStatus: install ok installed\n");
	text(&w, 0, "var/lib/dpkg/status.d/tzdata.md5sums", "d41d8cd98f00b204e9800998ecf8427e  usr/share/zoneinfo/UTC\n");
	text(&w, 0, "var/lib/dpkg/status.d/removed", "Package: removed\nVersion: 2\nStatus: deinstall ok config-files\n");
	struct packages *p = look(&w);
	assert_int_equal(p->problems.n, 0);
	assert_int_equal(p->n, 2);
	assert_string_equal(owner(&w, "usr/lib/libc.so.6"), "libc6");
	assert_string_equal(owner(&w, "usr/share/zoneinfo/UTC"), "tzdata");
	assert_string_equal(get(p, "libc6")->source_name, "glibc");
	assert_string_equal(get(p, "libc6")->source_version, "2.28-10");
	end(&w);
}

static void dpkg_damage(void **state)
{
	(void)state;
	static const struct {
		const char *status, *problem;
		u32 packages;
	} cases[] = {
		{ "", NULL, 0 },
		{ "\n\n", NULL, 0 },
		{ "Package: a\nStatus: install ok installed\nVersion: 1\nnonsense\n", "/var/lib/dpkg/status: line 4 is no field", 1 },
		{ " continued\nPackage: a\nStatus: install ok installed\nVersion: 1\n", "line 1 continues nothing", 1 },
		{ "Status: install ok installed\nVersion: 1\n\nPackage: b\nStatus: install ok installed\nVersion: 2\n", "line 1 has no package name", 1 },
		{ "Package: a\nStatus: install ok installed\n", "line 1 has no version", 1 },
		{ "Package: a\nVersion: 1\n", "no status that dpkg knows", 1 },
		{ "Package: a\nPackage: b\nStatus: install ok installed\nVersion: 1\n", "names Package twice", 1 },
		{ "Package: ../../a b\nStatus: install ok installed\nVersion: 1\n", "no package name", 0 },
	};
	for (size_t i = 0; i < countof(cases); i++) {
		struct world w;
		begin(&w);
		text(&w, 0, "var/lib/dpkg/status", cases[i].status);
		struct packages *p = look(&w);
		assert_int_equal(p->n, cases[i].packages);
		assert_int_equal(p->problems.n, cases[i].problem ? 1 : 0);
		assert_true(!cases[i].problem || told(p, cases[i].problem));
		end(&w);
	}
	struct world w;
	begin(&w);
	content(&w, 0, "var/lib/dpkg/status", str_n("Package: a\nStatus: install ok installed\nVersion: 1\n\n\0\0\0\0", 57));
	text(&w, 0, "var/lib/dpkg/info/a.md5sums", "not a sum\n");
	text(&w, 0, "var/lib/dpkg/diversions", "/only\n");
	struct packages *p = look(&w);
	assert_true(told(p, "status: line 5 is no field"));
	assert_true(told(p, "a.md5sums: line 1 is no checksum"));
	assert_true(told(p, "diversions: ends inside"));
	end(&w);
	begin(&w); /* there, but its content never seen (too large, or a link to another name) */
	file(&w, 0, "var/lib/dpkg/status", 12);
	put(&w, 0, "lib/apk/db/installed", TAR_DIR, NULL, 0);
	p = look(&w);
	assert_true(told(p, "/var/lib/dpkg/status: its content was not taken"));
	assert_true(told(p, "/lib/apk/db/installed: is no regular file"));
	end(&w);
}

/* --- apk --- */

static void apk_installed(void **state)
{
	(void)state;
	struct world w;
	begin(&w);
	file(&w, 0, "bin/busybox", 800);
	put(&w, 0, "bin/sh", TAR_SYMLINK, "/bin/busybox", 0);
	file(&w, 0, "root.txt", 1);
	text(&w, 1, "lib/apk/db/installed",
	     "C:Q1abc=\nP:busybox\nV:1.36.1-r15\nA:x86_64\nS:10\nI:958464\nT:Size optimized\nU:https://x\nL:GPL-2.0-only\no:busy\nm:Me <me@x>\nt:1\nc:ff\nD:so:libc.musl-x86_64.so.1 !x\np:cmd:sh=1\n"
	     "F:bin\nM:0:0:1777\nR:busybox\na:0:0:755\nZ:Q1x=\nR:sh\nF:\nR:root.txt\n\nP:.deps\nV:0\nA:noarch\n\n");
	struct packages *p = look(&w);
	assert_int_equal(p->problems.n, 0);
	assert_int_equal(p->n, 2);
	const struct package *b = get(p, "busybox");
	assert_string_equal(b->type, "apk");
	assert_string_equal(b->version, "1.36.1-r15");
	assert_string_equal(b->arch, "x86_64");
	assert_string_equal(b->source_name, "busy");
	assert_string_equal(b->source_version, "1.36.1-r15");
	assert_string_equal(b->license, "GPL-2.0-only");
	assert_string_equal(b->summary, "Size optimized");
	assert_string_equal(b->depends, "so:libc.musl-x86_64.so.1 !x");
	assert_int_equal(b->installed_size, 958464);
	assert_int_equal(b->files, 3);
	assert_int_equal(b->bytes, 801);
	assert_int_equal(b->layer, 0);
	assert_string_equal(get(p, ".deps")->source_name, ".deps");
	assert_int_equal(get(p, ".deps")->layer, 1);
	assert_string_equal(owner(&w, "bin/sh"), "busybox");
	end(&w);
}

static void apk_damage(void **state)
{
	(void)state;
	static const struct {
		const char *db, *problem;
		u32 packages;
	} cases[] = {
		{ "", NULL, 0 },
		{ "P:a\nV:1", NULL, 1 },
		{ "P:a\nV:1\n\n\n\nP:b\nV:1\n\n", NULL, 2 },
		{ "P:a\n\nP:b\nV:2\n", "before line 2 has no version", 1 },
		{ "V:1\nF:etc\nR:passwd\n\nP:b\nV:2\n", "has no name", 1 },
		{ "P:a\nV:1\ngarbage\n", "line 3 is no field", 1 },
		{ "P:a\nV:1\nF:etc\nR:x\nP:b\nV:1\nR:y\n\nP:c\nV:1\n", "line 5 begins a package inside another", 2 },
		{ "\x80\xff\n", "line 1 is no field", 0 },
	};
	for (size_t i = 0; i < countof(cases); i++) {
		struct world w;
		begin(&w);
		text(&w, 0, "usr/lib/apk/db/installed", cases[i].db);
		struct packages *p = look(&w);
		assert_int_equal(p->n, cases[i].packages);
		assert_int_equal(p->problems.n, cases[i].problem ? 1 : 0);
		assert_true(!cases[i].problem || told(p, cases[i].problem));
		end(&w);
	}
}

/* The same database at two places, or the same file by two names, is told once. */
static void twice(void **state)
{
	(void)state;
	struct world w;
	begin(&w);
	file(&w, 0, "etc/a", 5);
	text(&w, 0, "lib/apk/db/installed", "P:b\nV:1\n\nP:a\nV:1\nF:etc\nR:a\n");
	text(&w, 0, "usr/lib/apk/db/installed", "P:a\nV:1\nF:etc\nR:a\n\nP:c\nV:1\n");
	struct packages *p = look(&w);
	assert_int_equal(p->n, 3);
	assert_string_equal(p->v[0].name, "a");
	assert_string_equal(owner(&w, "etc/a"), "a");
	assert_int_equal(p->v[0].bytes, 5);
	end(&w);
}

/* --- os-release --- */

static void os_release(void **state)
{
	(void)state;
	struct world w;
	begin(&w);
	put(&w, 0, "etc/os-release", TAR_SYMLINK, "../usr/lib/os-release", 0);
	text(&w, 0, "usr/lib/os-release", "# x\nID=\"old\"\n");
	text(&w, 1, "usr/lib/os-release", "NAME=x\nID=debian\r\nVERSION_ID=\"12\"\nPRETTY_NAME='Debian \"GNU\"/Linux'\nBROKEN\nID_LIKE=unix\n");
	struct packages *p = look(&w);
	assert_string_equal(p->os_id, "debian");
	assert_string_equal(p->os_version, "12");
	assert_string_equal(p->os_pretty, "Debian \"GNU\"/Linux");
	assert_int_equal(p->problems.n, 0);
	end(&w);
	begin(&w);
	text(&w, 0, "usr/lib/os-release", "ID=\"a\\\"b\\x\" # no\nVERSION_ID=1 2\n");
	p = look(&w);
	assert_string_equal(p->os_id, "a\"b\\x");
	assert_string_equal(p->os_version, "1");
	assert_string_equal(p->os_pretty, "");
	end(&w);
	begin(&w);
	p = look(&w);
	assert_string_equal(p->os_id, "");
	assert_int_equal(p->n, 0);
	assert_int_equal(p->problems.n, 0);
	end(&w);
}

/* --- rpm: a writer of headers --- */

static void be32(struct buf *b, u32 v) { buf_add(b, str_n((const char[]){ (char)(v >> 24), (char)(v >> 16), (char)(v >> 8), (char)v }, 4)); }
static void le32(struct buf *b, u32 v) { buf_add(b, str_n((const char[]){ (char)v, (char)(v >> 8), (char)(v >> 16), (char)(v >> 24) }, 4)); }
static void set_le32(char *p, u32 v) { memcpy(p, (const char[]){ (char)v, (char)(v >> 8), (char)(v >> 16), (char)(v >> 24) }, 4); }

struct head {
	struct buf index, data;
	u32 n;
};

static void tag(struct head *h, u32 id, u32 type, u32 count, struct str bytes)
{
	if (type == 4)
		while (h->data.n % 4)
			buf_putc(&h->data, 0);
	be32(&h->index, id);
	be32(&h->index, type);
	be32(&h->index, (u32)h->data.n);
	be32(&h->index, count);
	buf_add(&h->data, bytes);
	h->n++;
}

static void tag_text(struct head *h, u32 id, u32 type, const char *z) { tag(h, id, type, 1, str_n(z, strlen(z) + 1)); }

static void tag_u32(struct head *h, u32 id, u32 n, const u32 *v)
{
	struct buf b = BUF(0);
	for (u32 i = 0; i < n; i++)
		be32(&b, v[i]);
	tag(h, id, 4, n, buf_str(&b));
	buf_free(&b);
}

/* The header as a database holds it; frees h. */
static struct buf head_done(struct head *h)
{
	struct buf b = BUF(0);
	be32(&b, h->n);
	be32(&b, (u32)h->data.n);
	buf_add(&b, buf_str(&h->index));
	buf_add(&b, buf_str(&h->data));
	buf_free(&h->index);
	buf_free(&h->data);
	return b;
}

static struct buf small(const char *name, const char *version)
{
	struct head h = { 0 };
	tag_text(&h, 1000, 6, name);
	tag_text(&h, 1001, 6, version);
	tag_text(&h, 1002, 6, "1");
	tag_text(&h, 1022, 6, "noarch");
	return head_done(&h);
}

/* alpha 7:1.5-3, with seven files of which a ghost, one replaced by another package and one left out; `extra` bytes make it long. */
static struct buf large(size_t extra)
{
	struct head h = { 0 };
	struct buf filler = BUF(0);
	for (size_t i = 0; i < extra; i++)
		buf_putc(&filler, (char)(i * 7 + i / 256));
	tag(&h, 63, 7, 16, STR("0123456789abcdef"));
	tag_text(&h, 1000, 6, "alpha");
	tag_text(&h, 1001, 6, "1.5");
	tag_text(&h, 1002, 6, "3");
	tag_u32(&h, 1003, 1, (const u32[]){ 7 });
	tag(&h, 1004, 9, 2, STR("The first\nof all\0Das erste\0"));
	tag_u32(&h, 1009, 1, (const u32[]){ 4096 });
	tag_text(&h, 1014, 6, "MIT and BSD");
	tag_text(&h, 1016, 9, "System/Base");
	tag_text(&h, 1022, 6, "x86_64");
	tag(&h, 1029, 1, 7, str_n("\0\0\0\0\1\2\3", 7));
	tag_u32(&h, 1037, 7, (const u32[]){ 0, 1, 0, 64, 0, 0, 16 });
	tag_text(&h, 1044, 6, "alpha-suite-1.5-3.src.rpm");
	tag_u32(&h, 1048, 3, (const u32[]){ 0, 12, (1u << 24) | 10 });
	tag(&h, 1049, 8, 3, STR("/bin/sh\0beta\0rpmlib(PayloadIsXz)\0"));
	tag(&h, 1050, 8, 3, STR("\0" "2-1\0" "1\0"));
	tag_u32(&h, 1116, 7, (const u32[]){ 0, 0, 1, 1, 1, 1, 1 });
	tag(&h, 1117, 8, 7, STR("tool\0.rc\0one\0ghost\0replaced\0left-out\0shared\0"));
	tag(&h, 1118, 8, 2, STR("/usr/bin/\0/opt/alpha/\0"));
	tag(&h, 5000, 7, (u32)filler.n, buf_str(&filler));
	tag_text(&h, 1022, 6, "aarch64"); /* what rpm adds behind counts */
	buf_free(&filler);
	return head_done(&h);
}

/* --- rpm: writers of databases --- */

struct bytes {
	struct buf v[8];
	u32 n;
};

static void bytes_free(struct bytes *b)
{
	for (u32 i = 0; i < b->n; i++)
		buf_free(&b->v[i]);
}

static struct bytes three_packages(size_t extra)
{
	return (struct bytes){ .v = { small("zeta", "0"), large(extra), small("gpg-pubkey", "aa") }, .n = 3 };
}

static struct buf sqlite_of(const struct bytes *b, const char *create)
{
	sqlite3 *db;
	sqlite3_stmt *s;
	sqlite3_int64 n;
	struct buf out = BUF(0);
	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, create, NULL, NULL, NULL), SQLITE_OK);
	for (u32 i = 0; i < b->n; i++) {
		assert_int_equal(sqlite3_prepare_v2(db, "INSERT INTO Packages (blob) VALUES (?)", -1, &s, NULL), SQLITE_OK);
		sqlite3_bind_blob(s, 1, b->v[i].p, (int)b->v[i].n, SQLITE_STATIC);
		assert_int_equal(sqlite3_step(s), SQLITE_DONE);
		sqlite3_finalize(s);
	}
	unsigned char *p = sqlite3_serialize(db, "main", &n, 0);
	assert_non_null(p);
	buf_add(&out, str_n(p, (size_t)n));
	sqlite3_free(p);
	sqlite3_close(db);
	return out;
}
#define PACKAGES_TABLE "CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)"
static struct buf sqlite(const struct bytes *b) { return sqlite_of(b, PACKAGES_TABLE); }

static u32 adler(struct str s)
{
	u32 a = 1, b = 0;
	for (size_t i = 0; i < s.n; i++) {
		a = (a + (u8)s.p[i]) % 65521;
		b = (b + a) % 65521;
	}
	return b << 16 | a;
}

static struct buf ndb(const struct bytes *b)
{
	struct buf out = BUF(0);
	buf_puts(&out, "RpmP");
	le32(&out, 0);
	le32(&out, 1);
	le32(&out, 1);
	le32(&out, b->n + 1);
	while (out.n < 4096) {
		if (out.n % 16 == 0 && out.n >= 32)
			buf_puts(&out, "Slot");
		else
			buf_putc(&out, 0);
	}
	for (u32 i = 0; i < b->n; i++) {
		size_t at = out.n, slot = 32 + (size_t)16 * (i + (i > 0)); /* the second slot stays free */
		buf_puts(&out, "BlbS");
		le32(&out, i + 1);
		le32(&out, 1);
		le32(&out, (u32)b->v[i].n);
		buf_add(&out, buf_str(&b->v[i]));
		while (out.n % 16 != 4)
			buf_putc(&out, 0);
		le32(&out, adler(str_from(buf_str(&out), at)));
		le32(&out, (u32)b->v[i].n);
		buf_puts(&out, "BlbE");
		set_le32(out.p + slot + 4, i + 1);
		set_le32(out.p + slot + 8, (u32)(at / 16));
		set_le32(out.p + slot + 12, (u32)((out.n - at) / 16));
	}
	return out;
}

struct page {
	char *p;
	bool big;
};

static void page32(struct page g, size_t at, u32 v)
{
	for (u32 i = 0; i < 4; i++)
		g.p[at + i] = (char)(v >> (g.big ? 24 - 8 * i : 8 * i));
}

static void page16(struct page g, size_t at, u32 v)
{
	g.p[at] = (char)(g.big ? v >> 8 : v);
	g.p[at + 1] = (char)(g.big ? v : v >> 8);
}

#define BDB_PAGE 512u

static void bdb_item(struct page g, u32 *n, u32 *low, struct str bytes)
{
	*low -= (u32)bytes.n;
	memcpy(g.p + *low, bytes.p, bytes.n);
	page16(g, 26 + (size_t)2 * *n, *low);
	++*n;
}

/* Page 1 holds the pairs, short values in place; long ones have overflow pages from 3 on, and page 2 is free. */
static struct buf bdb(const struct bytes *b, bool big)
{
	struct buf out = BUF(0);
	u32 pages = 3, n = 0, low = BDB_PAGE;
	for (u32 i = 0; i < b->n; i++)
		pages += b->v[i].n > 120 ? (u32)((b->v[i].n + BDB_PAGE - 27) / (BDB_PAGE - 26)) : 0;
	buf_reserve(&out, (size_t)pages * BDB_PAGE);
	memset(out.p, 0, (size_t)pages * BDB_PAGE);
	out.n = (size_t)pages * BDB_PAGE;
	struct page meta = { out.p, big }, hash = { out.p + BDB_PAGE, big };
	page32(meta, 12, 0x061561);
	page32(meta, 16, 9);
	page32(meta, 20, BDB_PAGE);
	meta.p[25] = 8;
	page32(meta, 32, pages - 1);
	page32(hash, 8, 1);
	hash.p[25] = 13;
	bdb_item(hash, &n, &low, str_n("\1\0\0\0\0", 5)); /* the counter */
	bdb_item(hash, &n, &low, str_n("\1\5\0\0\0", 5));
	u32 next = 3;
	for (u32 i = 0; i < b->n; i++) {
		char key[5] = { 1 }, off[12] = { 3 };
		page32((struct page){ key, big }, 1, i + 1);
		bdb_item(hash, &n, &low, str_n(key, 5));
		struct str rest = buf_str(&b->v[i]);
		if (rest.n <= 120) {
			char value[121] = { 1 };
			memcpy(value + 1, rest.p, rest.n);
			bdb_item(hash, &n, &low, str_n(value, rest.n + 1));
			continue;
		}
		page32((struct page){ off, big }, 4, next);
		page32((struct page){ off, big }, 8, (u32)rest.n);
		bdb_item(hash, &n, &low, str_n(off, 12));
		for (; rest.n; next++) {
			struct page o = { out.p + (size_t)next * BDB_PAGE, big };
			struct str part = str_head(rest, BDB_PAGE - 26);
			rest = str_from(rest, part.n);
			page32(o, 8, next);
			page32(o, 16, rest.n ? next + 1 : 0);
			page16(o, 20, 1);
			page16(o, 22, (u32)part.n);
			o.p[25] = 7;
			memcpy(o.p + 26, part.p, part.n);
		}
	}
	page16(hash, 20, n);
	return out;
}

static void alpha_files(struct world *w)
{
	static const char *const names[] = { "usr/bin/tool", "usr/bin/.rc", "opt/alpha/one", "opt/alpha/ghost", "opt/alpha/replaced", "opt/alpha/left-out", "opt/alpha/shared" };
	for (u32 i = 0; i < countof(names); i++)
		file(w, 1, names[i], 1u << i);
}

static void is_alpha(const struct world *w)
{
	const struct packages *p = w->p;
	assert_int_equal(p->problems.n, 0);
	assert_int_equal(p->n, 2); /* keys are no packages */
	const struct package *a = get(p, "alpha"), *z = get(p, "zeta");
	assert_string_equal(z->version, "0-1");
	assert_string_equal(z->source_name, "zeta");
	assert_string_equal(z->source_version, "0-1");
	assert_int_equal(z->layer, 0);
	assert_string_equal(a->type, "rpm");
	assert_string_equal(a->version, "7:1.5-3");
	assert_string_equal(a->arch, "aarch64");
	assert_string_equal(a->source_name, "alpha-suite");
	assert_string_equal(a->source_version, "7:1.5-3");
	assert_string_equal(a->license, "MIT and BSD");
	assert_string_equal(a->summary, "The first");
	assert_string_equal(a->section, "System/Base");
	assert_string_equal(a->depends, "/bin/sh, beta >= 2-1");
	assert_int_equal(a->installed_size, 4096);
	assert_int_equal(a->files, 4);
	assert_int_equal(a->bytes, 1 + 2 + 4 + 64);
	assert_int_equal(a->layer, 1);
	assert_string_equal(owner(w, "opt/alpha/ghost"), "");
	assert_string_equal(owner(w, "opt/alpha/replaced"), "");
	assert_string_equal(owner(w, "opt/alpha/left-out"), "");
	assert_string_equal(owner(w, "usr/bin/.rc"), "alpha");
}

static void rpm_databases(void **state)
{
	(void)state;
	static const char *const where[] = { "usr/lib/sysimage/rpm/rpmdb.sqlite", "usr/lib/sysimage/rpm/Packages.db", "var/lib/rpm/Packages", "usr/share/rpm/Packages" };
	for (u32 i = 0; i < 4; i++) {
		struct bytes b = three_packages(3000);
		struct buf db = i == 0 ? sqlite(&b) : i == 1 ? ndb(&b) : bdb(&b, i == 3);
		struct world w;
		begin(&w);
		alpha_files(&w);
		content(&w, 0, where[i], buf_str(&db));
		look(&w);
		is_alpha(&w);
		end(&w);
		buf_free(&db);
		bytes_free(&b);
	}
}

/* One directory by two names is read once; of several databases in one directory rpm's choice counts. */
static void rpm_places(void **state)
{
	(void)state;
	struct bytes b = three_packages(10), old = { .v = { small("stale", "9") }, .n = 1 }, none = { .n = 0 };
	struct buf new = sqlite(&b), left = bdb(&old, false), empty = ndb(&none);
	struct world w;
	begin(&w);
	put(&w, 0, "var/lib/rpm", TAR_SYMLINK, "../../usr/lib/sysimage/rpm", 0);
	alpha_files(&w);
	content(&w, 0, "usr/lib/sysimage/rpm/rpmdb.sqlite", buf_str(&new));
	content(&w, 0, "usr/lib/sysimage/rpm/Packages", buf_str(&left));
	look(&w);
	is_alpha(&w);
	end(&w);
	begin(&w); /* one without packages is passed over */
	content(&w, 0, "var/lib/rpm/Packages.db", buf_str(&empty));
	content(&w, 0, "var/lib/rpm/Packages", buf_str(&left));
	assert_int_equal(look(&w)->n, 1);
	assert_non_null(get(w.p, "stale"));
	assert_int_equal(w.p->problems.n, 0);
	end(&w);
	buf_free(&new);
	buf_free(&left);
	buf_free(&empty);
	bytes_free(&b);
	bytes_free(&old);
}

static u32 problems_of(const char *path, struct str db, const char *what, u32 *packages)
{
	struct world w;
	begin(&w);
	content(&w, 0, path, db);
	struct packages *p = look(&w);
	if (what && !told(p, what)) {
		for (u32 i = 0; i < p->problems.n; i++)
			print_message("%s\n", p->problems.v[i]);
		fail_msg("no problem says: %s", what);
	}
	u32 n = p->problems.n;
	*packages = p->n;
	end(&w);
	return n;
}

static void rpm_damage(void **state)
{
	(void)state;
	u32 n;
	problems_of("var/lib/rpm/Packages", STR(""), "/var/lib/rpm/Packages: is empty", &n);
	problems_of("var/lib/rpm/Packages", STR("something else"), "is no SQLite, NDB or Berkeley DB", &n);
	struct bytes b = three_packages(3000);
	struct buf db = ndb(&b);
	db.p[4096 + 40] ^= 1; /* inside of zeta */
	problems_of("var/lib/rpm/Packages.db", buf_str(&db), "package 1: checksum does not match", &n);
	assert_int_equal(n, 1); /* what it says of itself is no header any more; alpha stays */
	db.p[4096 + 40] ^= 1;
	problems_of("var/lib/rpm/Packages.db", str_head(buf_str(&db), db.n - 600), "package 3 lies outside", &n);
	problems_of("var/lib/rpm/Packages.db", str_head(buf_str(&db), 2000), "cut off", &n);
	set_le32(db.p + 32 + 32 + 8, 1);
	problems_of("var/lib/rpm/Packages.db", buf_str(&db), "package 2 is not where its slot says", &n);
	assert_int_equal(n, 1);
	buf_free(&db);
	db = bdb(&b, false);
	problems_of("var/lib/rpm/Packages", str_head(buf_str(&db), db.n - BDB_PAGE), "cut off", &n);
	assert_int_equal(n, 1); /* zeta is whole */
	set_le32(db.p + 3 * BDB_PAGE + 16, 3); /* the chain leads to itself */
	problems_of("var/lib/rpm/Packages", buf_str(&db), "package 2: its overflow pages are damaged", &n);
	assert_int_equal(n, 1);
	db.p[24] = 1;
	problems_of("var/lib/rpm/Packages", buf_str(&db), "encryption", &n);
	buf_free(&db);
	db = sqlite(&b);
	problems_of("var/lib/rpm/rpmdb.sqlite", str_head(buf_str(&db), db.n - 4096), "SQLite: ", &n);
	buf_free(&db);
	buf_free(&b.v[1]);
	b.v[1] = small("broken", "");
	db = sqlite(&b);
	problems_of("var/lib/rpm/rpmdb.sqlite", buf_str(&db), "package 2: a header without a version", &n);
	assert_int_equal(n, 1);
	buf_free(&db);
	bytes_free(&b);
}

/* What a schema can hold beside tables, and headers that claim more than they have. */
static void rpm_hostile(void **state)
{
	(void)state;
	u32 n;
	struct bytes none = { .n = 0 }, b = three_packages(10);
	struct buf db = sqlite_of(&none, "CREATE TABLE t (a); INSERT INTO t VALUES (1);"
					 "CREATE VIEW Packages AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x AS hnum, zeroblob(9) AS blob FROM c");
	problems_of("var/lib/rpm/rpmdb.sqlite", buf_str(&db), "has no table Packages", &n);
	buf_free(&db);
	db = sqlite_of(&none, "CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, x, y AS (x||x||x||x), z AS (y||y||y||y), blob AS (z||z||z||z));"
			      "INSERT INTO Packages (x) VALUES (zeroblob(2000))");
	problems_of("var/lib/rpm/rpmdb.sqlite", buf_str(&db), "SQLite: ", &n);
	assert_int_equal(n, 0);
	buf_free(&db);
	/* A basename list that is longer than its directory indexes. */
	struct head h = { 0 };
	tag_text(&h, 1000, 6, "liar");
	tag_text(&h, 1001, 6, "1");
	tag_text(&h, 1002, 6, "1");
	tag_u32(&h, 1116, 1, (const u32[]){ 5 });
	tag(&h, 1117, 8, 1, STR("x\0"));
	tag(&h, 1118, 8, 1, STR("/\0"));
	tag(&h, 1049, 8, 0x7fffffff, STR("a\0"));
	tag(&h, 1044, 6, 1, str_n("a-1-1.src.rpm", 13)); /* its end is missing */
	buf_free(&b.v[1]);
	b.v[1] = head_done(&h);
	db = ndb(&b);
	problems_of("var/lib/rpm/Packages.db", buf_str(&db), "the list of files of liar is damaged", &n);
	problems_of("var/lib/rpm/Packages.db", buf_str(&db), "tag 1049", &n);
	assert_int_equal(n, 2);
	buf_free(&db);
	bytes_free(&b);
}

/* rpm's own way of writing: in WAL mode, the log emptied when it is done; a crash leaves the newest pages in the log alone. */
static void rpm_log(void **state)
{
	(void)state;
	char dir[] = "test_package-XXXXXX";
	struct bytes b = three_packages(10);
	struct buf path = BUF(0), log = BUF(0), db_file = BUF(0), sql = BUF(0), before = BUF(0);
	sqlite3 *db;
	u32 n;
	assert_non_null(mkdtemp(dir));
	buf_printf(&path, "%s/rpmdb.sqlite", dir);
	assert_int_equal(sqlite3_open(path.p, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "PRAGMA journal_mode = WAL;" PACKAGES_TABLE "; PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(file_read(path.p, 1 << 20, &before, NULL), 0);
	buf_puts(&sql, "INSERT INTO Packages (blob) VALUES (x'");
	for (size_t i = 0; i < b.v[0].n; i++)
		buf_printf(&sql, "%02x", (u8)b.v[0].p[i]);
	buf_puts(&sql, "')");
	assert_int_equal(sqlite3_exec(db, sql.p, NULL, NULL, NULL), SQLITE_OK);
	buf_puts(&path, "-wal");
	assert_int_equal(file_read(path.p, 1 << 20, &log, NULL), 0);
	assert_true(log.n > 32);
	/* A passive checkpoint leaves the log as it is, with nothing in it that the database lacks. */
	assert_int_equal(sqlite3_exec(db, "PRAGMA wal_checkpoint(PASSIVE)", NULL, NULL, NULL), SQLITE_OK);
	path.n -= 4;
	path.p[path.n] = '\0';
	assert_int_equal(file_read(path.p, 1 << 20, &db_file, NULL), 0);
	sqlite3_close(db);
	unlink(path.p);
	rmdir(dir);
	for (u32 i = 0; i < 3; i++) {
		struct world w;
		begin(&w);
		content(&w, 0, "var/lib/rpm/rpmdb.sqlite", buf_str(i == 1 ? &before : &db_file));
		content(&w, 0, "var/lib/rpm/rpmdb.sqlite-wal", i == 2 ? STR("") : buf_str(&log));
		struct packages *p = look(&w);
		assert_int_equal(p->n, i == 1 ? 0 : 1);
		assert_int_equal(p->problems.n, i == 1 ? 1 : 0);
		assert_true(i != 1 || told(p, "rpmdb.sqlite-wal: holds changes"));
		end(&w);
	}
	problems_of("var/lib/rpm/rpmdb.sqlite", buf_str(&before), NULL, &n);
	assert_int_equal(n, 0);
	buf_free(&path);
	buf_free(&log);
	buf_free(&db_file);
	buf_free(&sql);
	buf_free(&before);
	bytes_free(&b);
}

/* Cut off anywhere, or with any byte changed, a database is read to an end: and a cut one is never taken for a whole one. */
static void rpm_everywhere(void **state)
{
	(void)state;
	struct bytes b = three_packages(600);
	for (u32 kind = 0; kind < 4; kind++) {
		const char *path = kind == 0 ? "var/lib/rpm/rpmdb.sqlite" : kind == 1 ? "var/lib/rpm/Packages.db" : "var/lib/rpm/Packages";
		struct buf db = kind == 0 ? sqlite(&b) : kind == 1 ? ndb(&b) : bdb(&b, kind == 3);
		u32 n, step = kind == 0 ? 197 : 29;
		for (size_t i = 0; i < db.n; i += step)
			assert_int_not_equal(problems_of(path, str_head(buf_str(&db), i), NULL, &n), 0);
		for (size_t i = 0; i < db.n; i += step) {
			for (u32 k = 0; k < 3; k++) {
				char keep = db.p[i];
				db.p[i] = (char)(k == 0 ? ~keep : k == 1 ? 0x7f : keep + 1);
				problems_of(path, buf_str(&db), NULL, &n);
				assert_true(n <= 3);
				db.p[i] = keep;
			}
		}
		buf_free(&db);
	}
	bytes_free(&b);
}

/* --- notes --- */

static void notes(void **state)
{
	(void)state;
	struct note_writer w;
	struct buf out = BUF(0);
	note_begin(&w, &out);
	note_put(&w, NOTE_PACKAGE, STR(""));
	note_text(&w, NOTE_NAME, STR(" a\0b"));
	note_text(&w, NOTE_ARCH, STR("  "));
	note_number(&w, NOTE_SIZE, 0);
	note_number(&w, NOTE_SIZE, 300);
	note_number(&w, NOTE_SIZE, ((u64)1 << 62) - 1);
	note_path(&w, STR(""), STR("/usr/share/one"));
	note_path(&w, STR("/usr/share"), STR("two"));
	note_path(&w, STR("./usr/share/"), STR("twofold"));
	note_path(&w, STR(""), STR("/."));
	note_path(&w, STR(""), STR("x"));
	for (u32 i = 0; i < 10; i++)
		note_damage(&w, "no %u", i);
	assert_int_equal(note_end(&w, NULL), 0);
	static const char *const paths[] = { "usr/share/one", "usr/share/two", "usr/share/twofold", "x" };
	static const u64 sizes[] = { 0, 300, ((u64)1 << 62) - 1 };
	struct note_reader r = { .rest = buf_str(&out) };
	struct str s;
	u32 n_paths = 0, n_sizes = 0, n_damages = 0;
	u8 t;
	while (note_next(&r, &t, &s)) {
		u64 v;
		if (t == NOTE_PATH)
			assert_true(str_is(s, paths[n_paths++]));
		if (t == NOTE_NAME)
			assert_true(str_is(s, "a"));
		if (t == NOTE_SIZE) {
			assert_true(note_leb(&s, &v));
			assert_true(v == sizes[n_sizes++]);
		}
		n_damages += t == NOTE_DAMAGE;
		assert_int_not_equal(t, NOTE_ARCH);
	}
	assert_false(r.bad);
	assert_int_equal(n_paths, 4);
	assert_int_equal(n_sizes, 3);
	assert_int_equal(n_damages, NOTE_DAMAGES + 1);
	note_close(&r);
	for (size_t i = 1; i < out.n; i++) { /* cut anywhere: the whole items, then an end that is told or is one */
		u32 items = 0;
		r = (struct note_reader){ .rest = str_head(buf_str(&out), i) };
		while (note_next(&r, &t, &s))
			items++;
		assert_true(items < 20);
		note_close(&r);
	}
	buf_free(&out);
	struct buf narrow = BUF(40);
	struct error err = { 0 };
	note_begin(&w, &narrow);
	note_text(&w, NOTE_NAME, STR("012345678901234567890123456789"));
	note_text(&w, NOTE_VERSION, STR("012345678901234567890123456789"));
	assert_int_equal(note_end(&w, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
	buf_free(&narrow);
	struct world world; /* kept facts that are no note */
	begin(&world);
	facts_note(world.facts[0], put(&world, 0, "lib/apk/db/installed", TAR_FILE, NULL, 5), COLLECT_APK, STR("\2\3abc\1\0\15\1\7"));
	assert_true(told(look(&world), "/lib/apk/db/installed: its kept facts are damaged"));
	end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dpkg_status), cmocka_unit_test(dpkg_owners),	cmocka_unit_test(dpkg_layers), cmocka_unit_test(dpkg_single_files), cmocka_unit_test(dpkg_damage),
		cmocka_unit_test(apk_installed), cmocka_unit_test(apk_damage),	cmocka_unit_test(twice),       cmocka_unit_test(os_release),	    cmocka_unit_test(rpm_databases),
		cmocka_unit_test(rpm_places),	 cmocka_unit_test(rpm_damage),	cmocka_unit_test(rpm_hostile), cmocka_unit_test(rpm_log),	    cmocka_unit_test(rpm_everywhere),
		cmocka_unit_test(notes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
