#include "base/text.h"
#include "command/command.h"
#include "command/place.h"
#include "package/binary.h"
#include "program/graph.h"
#include "report/subject.h"
#include "transport/repo.h"

enum { O_EXEC, O_PLATFORM, O_NO_CACHE, O_PLACE };
static const struct option options[] = {
	[O_EXEC] = { "exec", 0, OPT_LIST, "COMMAND", "A command line that must work, too: for a shell.", NULL },
	[O_PLATFORM] = { "platform", 0, OPT_VALUE, "OS/ARCH[/VARIANT]", "Choose from an image for several platforms. Default: this machine's.", NULL },
	[O_NO_CACHE] = { "no-cache", 0, OPT_FLAG, NULL, "Read every layer, and keep nothing in the store.", NULL },
	PLACE_OPTIONS(O_PLACE),
	{ NULL, 0, OPT_FLAG, NULL, NULL, NULL },
};

struct listing {
	const struct graph *g;
	const struct subject *s;
	u8 *counted; /* by inode */
	u64 bytes;   /* as a tar */
	struct buf path, because, line;
};

static int list(void *ctx, node_id id)
{
	struct listing *l = ctx;
	const struct rootfs *r = l->g->r;
	if (!graph_reached(l->g, id))
		return 0;
	inode_id inode = rootfs_node(r, id)->inode;
	u64 size = l->counted[inode] ? 0 : rootfs_size(r, id);
	l->counted[inode] = 1;
	l->bytes += 512 + (size + 511) / 512 * 512;
	struct str path = rootfs_path(r, id, &l->path), from = l->g->because[id] == GRAPH_START ? STR("-") : rootfs_path(r, l->g->because[id], &l->because);
	buf_clear(&l->line);
	buf_printf(&l->line, "%s\t", graph_use_text[l->g->use[id]]);
	text_safe(&l->line, path);
	buf_putc(&l->line, '\t');
	text_safe(&l->line, from);
	printf("%s\t%llu\n", l->line.p, (unsigned long long)size);
	return 0;
}

static void show(const struct subject *s, const struct graph *g)
{
	struct listing l = { .g = g, .s = s, .counted = xcalloc((size_t)s->rootfs->inodes.n + 1, 1) };
	rootfs_walk(s->rootfs, ROOTFS_ROOT, list, &l);
	for (u32 i = 0; i < g->doubts.n; i++)
		command_note("%s", g->doubts.v[i]);
	if (!g->whole)
		command_note("what is needed has no bounds: nothing may go");
	command_note("%.1f MB", (double)l.bytes / 1e6);
	free(l.counted);
	buf_free(&l.path);
	buf_free(&l.because);
	buf_free(&l.line);
}

static int run(const struct option_value *opt, char **args, int n_args)
{
	(void)n_args;
	struct error err = { 0 };
	struct subject s;
	struct load_options load = { .platform = opt[O_PLATFORM].value, .no_cache = opt[O_NO_CACHE].count > 0, .store = globals.store };
	struct repo_options registry;
	if (place_load(opt + O_PLACE, &registry, &load, &err) < 0 || subject_open(args[0], &load, SUBJECT_NEEDS, &s, &err) < 0)
		return command_fail(&err);
	const char **names = xcalloc((size_t)s.packages->n + 1, sizeof *names);
	for (u32 i = 0; i < s.packages->n; i++)
		names[i + 1] = s.packages->v[i].name;
	const struct graph_owners owners = { .owner = s.packages->owner, .names = names, .n_packages = s.packages->n };
	const struct graph_options go = { .elf = binary_elf, .owners = &owners };
	struct graph *g = graph_new(s.image, s.rootfs, &go);
	graph_configuration(g);
	for (u32 i = 0; i < opt[O_EXEC].count; i++)
		graph_shell(g, str_of(opt[O_EXEC].list[i]), GRAPH_START);
	graph_run(g);
	show(&s, g);
	graph_free(g);
	free(names);
	int status = command_done(command_problems(&s.problems));
	subject_close(&s);
	return status;
}

const struct command command_graph = {
	.name = "graph",
	.summary = "what an image needs by knowledge alone, file by file",
	.synopsis = "[OPTIONS] IMAGE",
	.description = "Prints use, path, who asked for it and size of each file, separated by tabs; on standard error what could not be known, and how large it all is. For whoever works on that knowledge.",
	.options = options,
	.examples = "pare graph app.tar # all of it\n"
		    "pare graph --exec 'app --version' app.tar # and what a command needs\n",
	.min_args = 1,
	.max_args = 1,
	.run = run,
	.hidden = true,
};
