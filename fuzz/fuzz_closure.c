/* An image in lines: "C WORD…" what it starts, "V NAME=VALUE" its environment, "L PATH TARGET" a symbolic link, "E PATH LOADER RPATH RUNPATH SONAME NEEDED…" an ELF file ("-": none), "P PATH" a file of the
 * lines behind it that begin with a blank. The closure ends; whatever it reached has a reason that is reached, up to the configuration. So does the graph of needs
 * over the same image, which reaches no less of programs, and with each file the directories that it lies in. */
#include "layer/read.h"
#include "program/closure.h"
#include "program/graph.h"
#include "program/script.h"
#include "program/source.h"

#define WORDS 32u
struct elf_line {
	u32 entry;
	struct elf_facts f;
	struct str needed[WORDS];
};
static struct elf_line elves[64];
static u32 n_elves;

static bool elf(const struct rootfs *r, u32 node, struct arena *a, struct elf_facts *ret)
{
	(void)a;
	for (u32 i = 0; i < n_elves; i++)
		if (rootfs_facts(r, node) && rootfs_inode(r, rootfs_node(r, node)->inode)->entry == elves[i].entry) {
			*ret = elves[i].f;
			return true;
		}
	return false;
}

static u32 add(struct facts *f, struct str path, enum tar_type type, struct str link, struct str content)
{
	static const struct collector *const collectors[] = { &script_collector, &source_collector, NULL };
	struct buf clean = BUF(0);
	char copy[TAR_PATH_MAX + 1];
	u32 id = UINT32_MAX;
	path = str_head(path, 200);
	snprintf(copy, sizeof copy, "%.*s", STR_FMT(path));
	struct str p = str_of(copy);
	while (p.n && p.p[0] == '/')
		p = str_from(p, 1);
	struct tar_entry e = { .path = p, .type = type, .link = link, .mode = 0755, .size = content.n, .stored = content.n };
	if (p.n && !str_contains(p, STR("//")) && !str_contains(p, STR("..")) && facts_add(f, &e, p, &id, NULL) == 0 && content.n)
		layer_collect(f, id, collectors, &e, p, content);
	buf_free(&clean);
	return id;
}

static struct str word(struct str *rest)
{
	struct str w = str_cut(rest, ' ');
	return w.n == 1 && w.p[0] == '-' ? (struct str){ NULL, 0 } : w;
}

static void add_elf(struct facts *f, struct str rest)
{
	struct elf_line *e = &elves[n_elves];
	struct str path = word(&rest);
	if (n_elves == countof(elves))
		return;
	*e = (struct elf_line){ .f = { .class = ELF_64, .data = ELF_LITTLE, .machine = 62, .type = ELF_DYN } };
	struct str *to[] = { &e->f.interpreter, &e->f.rpath, &e->f.runpath, &e->f.soname };
	for (size_t i = 0; i < countof(to) && rest.p; i++)
		*to[i] = word(&rest);
	while (rest.p && e->f.n_needed < WORDS)
		e->needed[e->f.n_needed++] = str_cut(&rest, ' ');
	e->f.needed = e->needed;
	e->entry = add(f, path, TAR_FILE, STR(""), STR("x"));
	n_elves += e->entry != UINT32_MAX;
}

static u32 list(struct arena *a, struct str rest, const char **v)
{
	u32 n = 0;
	while (rest.p && n < WORDS)
		v[n++] = arena_strdup(a, str_cut(&rest, ' '));
	v[n] = NULL;
	return n;
}

static void needs(const struct image *img, const struct rootfs *r)
{
	const struct graph_options o = { .elf = elf };
	struct graph *g = graph_new(img, r, &o);
	graph_configuration(g);
	graph_run(g);
	for (node_id id = 1; id < g->n; id++) {
		if (!g->use[id])
			continue;
		if (rootfs_node(r, id)->state != NODE_LIVE || !graph_reached(g, rootfs_node(r, id)->parent) || !graph_reached(g, g->because[id]))
			abort();
		node_id at = id;
		for (u32 n = 0; at != GRAPH_START; at = g->because[at])
			if (n++ > g->n)
				abort();
	}
	graph_free(g);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct facts *f = facts_new();
	struct arena a = { 0 };
	const char *cmd[WORDS + 1] = { NULL }, *env[WORDS + 1] = { NULL };
	struct buf content = BUF(0);
	struct str path = { NULL, 0 };
	u32 n_env = 0;
	n_elves = 0;
	if (size > 20000)
		size = 20000;
	for (struct str rest = str_n(data, size); rest.p;) {
		struct str line = str_cut(&rest, '\n');
		if (path.p && line.n && line.p[0] == ' ') {
			buf_add(&content, str_from(line, 1));
			buf_putc(&content, '\n');
			continue;
		}
		if (path.p)
			add(f, path, TAR_FILE, STR(""), buf_str(&content));
		buf_clear(&content);
		path = (struct str){ NULL, 0 };
		char kind = line.n > 2 && line.p[1] == ' ' ? line.p[0] : 0;
		line = str_from(line, 2);
		if (kind == 'P') {
			path = line;
		} else if (kind == 'C') {
			list(&a, line, cmd);
		} else if (kind == 'V' && n_env < WORDS) {
			env[n_env++] = arena_strdup(&a, line);
			env[n_env] = NULL;
		} else if (kind == 'L') {
			struct str at = str_cut(&line, ' ');
			if (line.p)
				add(f, at, TAR_SYMLINK, (struct str){ arena_strdup(&a, line), line.n }, STR(""));
		} else if (kind == 'E') {
			add_elf(f, line);
		}
	}
	if (path.p)
		add(f, path, TAR_FILE, STR(""), buf_str(&content));
	const char *none[] = { NULL };
	struct image_layer layer = { .facts = f };
	struct image img = { .layers = &layer, .n_layers = 1, .config = { .cmd = cmd, .env = env, .entrypoint = none, .shell = none, .volumes = none, .workdir = "/" } };
	struct rootfs *r = rootfs_build(&img, NULL);
	const struct closure_options o = { .elf = elf };
	struct closure *c = closure_find(&img, r, &o);
	for (node_id id = 1; id < c->n; id++)
		if (c->because[id] && (id == ROOTFS_ROOT || rootfs_node(r, id)->state != NODE_LIVE || (c->because[id] != CLOSURE_START && !c->because[c->because[id]])))
			abort();
	closure_free(c);
	needs(&img, r);
	rootfs_free(r);
	facts_free(f);
	buf_free(&content);
	arena_free(&a);
	return 0;
}
