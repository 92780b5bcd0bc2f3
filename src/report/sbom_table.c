/* `pare sbom` for people: ecosystem by ecosystem, how many there are and what they weigh, then each package with where it is from. */
#include "base/text.h"
#include "report/sbom.h"

#define NAME_WIDTH 48u
#define VERSION_WIDTH 32u
#define LICENSE_WIDTH 40u

static const struct {
	const char *type, *title;
} titles[] = {
	{ "deb", "Debian packages" },	 { "apk", "Alpine packages" },	    { "rpm", "RPM packages" },	      { "alpm", "Arch packages" },   { "npm", "Node.js packages" }, { "pypi", "Python packages" },
	{ "gem", "Ruby gems" },		 { "maven", "Java artifacts" },	    { "golang", "Go modules" },	      { "cargo", "Rust crates" },    { "composer", "PHP packages" }, { "nuget", ".NET packages" },
	{ "conda", "Conda packages" },	 { "bitnami", "Bitnami components" }, { "generic", "Programs" },
};

static const char *title_of(const char *type)
{
	for (size_t i = 0; i < countof(titles); i++)
		if (strcmp(titles[i].type, type) == 0)
			return titles[i].title;
	return type;
}

struct cell {
	struct buf safe, fit;
};

static size_t put(FILE *f, struct cell *c, const char *z, size_t most)
{
	buf_clear(&c->safe);
	buf_clear(&c->fit);
	text_safe(&c->safe, str_of(z));
	text_fit(&c->fit, buf_str(&c->safe), most, false);
	if (f)
		fwrite(buf_str(&c->fit).p, 1, c->fit.n, f);
	return text_width(buf_str(&c->fit));
}

static void padded(FILE *f, struct cell *c, const char *z, size_t width)
{
	for (size_t n = put(f, c, z, width); n < width + 2; n++)
		putc(' ', f);
}

static const char *what(const struct package *k) { return k->origin == ORIGIN_BINARY ? "out of the program" : k->origin == ORIGIN_DOCUMENT ? "from an SBOM" : ""; }

static void group(FILE *f, const struct package *v, u32 n)
{
	struct cell c = { 0 };
	size_t name = 7, version = 7;
	u64 bytes = 0;
	bool paths = false;
	for (u32 i = 0; i < n; i++) {
		name = MAX(name, put(NULL, &c, v[i].name, NAME_WIDTH));
		version = MAX(version, put(NULL, &c, v[i].version, VERSION_WIDTH));
		bytes += v[i].bytes;
		paths |= v[i].origin != ORIGIN_DATABASE;
	}
	fprintf(f, "\n%s: %s", title_of(v->type), TEXT_COUNT(n));
	if (bytes)
		fprintf(f, ", %s", TEXT_SIZE(bytes));
	fputs("\n    SIZE  LAYER  ", f);
	padded(f, &c, "PACKAGE", name);
	padded(f, &c, "VERSION", version);
	fputs(paths ? "PATH\n" : "LICENSE\n", f);
	for (u32 i = 0; i < n; i++) {
		char layer[16] = "-";
		if (package_placed(&v[i]))
			snprintf(layer, sizeof layer, "%u", v[i].layer);
		fprintf(f, "%8s  %5s  ", v[i].bytes ? TEXT_SIZE(v[i].bytes) : "-", layer);
		padded(f, &c, v[i].name, name);
		padded(f, &c, *v[i].version ? v[i].version : "-", version);
		put(f, &c, !paths ? v[i].license : *v[i].path ? v[i].path : what(&v[i]), paths ? SIZE_MAX : LICENSE_WIDTH);
		putc('\n', f);
	}
	buf_free(&c.safe);
	buf_free(&c.fit);
}

static void write_table(FILE *f, const struct subject *s, const struct sbom_options *opt)
{
	const struct packages *p = s->packages;
	struct cell c = { 0 };
	(void)opt;
	put(f, &c, image_title(s->image), 200);
	if (*p->os_pretty || *p->os_id)
		fputs("  ", f), put(f, &c, *p->os_pretty ? p->os_pretty : p->os_id, 80);
	fprintf(f, "\n%s %s", TEXT_COUNT(p->n), p->n == 1 ? "package" : "packages");
	if (p->bytes)
		fprintf(f, " own %s of %s", TEXT_SIZE(p->bytes), TEXT_SIZE(s->rootfs->visible));
	if (p->executable_bytes)
		fprintf(f, "; of %s of programs and libraries %s are identified", TEXT_SIZE(p->executable_bytes), TEXT_SIZE(p->identified_bytes));
	putc('\n', f);
	for (u32 i = 0, j; i < p->n; i = j) {
		for (j = i; j < p->n && strcmp(p->v[i].type, p->v[j].type) == 0;)
			j++;
		group(f, &p->v[i], j - i);
	}
	buf_free(&c.safe);
	buf_free(&c.fit);
}

const struct sbom_writer sbom_table = { "table", write_table, true };
