/* Which packages the image's entry point reaches: the closure's files, by who owns them. */
#include "package/binary.h"
#include "program/closure.h"

static const struct {
	char type[10];
	u32 languages;
} spoken[] = { { "pypi", CLOSURE_PYTHON }, { "npm", CLOSURE_NODE }, { "gem", CLOSURE_RUBY }, { "maven", CLOSURE_JAVA }, { "composer", CLOSURE_PHP }, { "nuget", CLOSURE_DOTNET } };

static u32 languages_of(const char *type)
{
	for (size_t i = 0; i < countof(spoken); i++)
		if (strcmp(spoken[i].type, type) == 0)
			return spoken[i].languages;
	return 0;
}

/* The languages whose interpreters are anywhere in the image. */
static u32 languages_in(const struct rootfs *r)
{
	u32 all = 0;
	for (node_id id = rootfs_next(r, ROOTFS_ROOT); id; id = rootfs_next(r, id)) {
		const struct node *n = rootfs_node(r, id);
		if ((n->type == TAR_FILE || n->type == TAR_SYMLINK) && n->length < 64)
			all |= closure_language(str_n(n->name, n->length));
	}
	return all;
}

/* Whether a file could be run or loaded by what is followed here. */
static bool runs(const struct rootfs *r, node_id id, struct arena *a)
{
	struct elf_facts f;
	return rootfs_type(r, id) == TAR_FILE && (closure_script(r, id).p || binary_elf(r, id, a, &f));
}

enum { REACHED = 1, RUNS = 2 };

static u8 *by_owner(const struct packages *p, const struct rootfs *r, const struct closure *c)
{
	u8 *v = xcalloc(p->n + 1, 1);
	struct arena a = { 0 };
	bool whole = closure_whole(c);
	for (node_id id = 1; id < MIN(p->n_owner, c->n); id++) {
		u32 owner = p->owner[id];
		if (!owner || rootfs_node(r, id)->state != NODE_LIVE)
			continue;
		if (c->because[id])
			v[owner - 1] |= REACHED;
		if (whole && !(v[owner - 1] & RUNS) && runs(r, id, &a))
			v[owner - 1] |= RUNS;
		arena_free(&a);
	}
	return v;
}

static enum package_reach reach_of(const struct package *k, u8 seen, const struct closure *c, u32 here)
{
	bool file = k->origin == ORIGIN_BINARY || k->origin == ORIGIN_INSTALLED;
	if (seen & REACHED || (file && k->database && k->database < c->n && c->because[k->database]))
		return REACH_YES;
	if (!c->starts || k->origin == ORIGIN_DOCUMENT)
		return REACH_UNKNOWN;
	u32 languages = languages_of(k->type);
	if (languages && k->origin == ORIGIN_INSTALLED)
		return languages & c->languages || (!closure_whole(c) && languages & here) ? REACH_UNKNOWN : REACH_NO;
	if (!closure_whole(c))
		return REACH_UNKNOWN;
	return k->origin == ORIGIN_BINARY || seen & RUNS ? REACH_NO : REACH_UNKNOWN;
}

void packages_reach(struct packages *p, const struct rootfs *r)
{
	const struct closure_options o = { .elf = binary_elf };
	struct closure *c = closure_find(r->image, r, &o);
	u32 here = closure_whole(c) ? 0 : languages_in(r);
	u8 *seen = by_owner(p, r, c);
	for (u32 i = 0; i < p->n; i++)
		p->v[i].reach = (u8)reach_of(&p->v[i], seen[i], c, here);
	free(seen);
	closure_free(c);
}
