#include "program/native.h"
#include "program/closure.h"

/* Whether a script that is reached so is started, not merely read. */
static bool is_started(enum graph_use use)
{
	return use == USE_START || use == USE_ASKED || use == USE_SEEN || use == USE_COMMAND || use == USE_PLUGIN || use == USE_NAMED;
}

static void reached(struct graph *g, node_id file)
{
	struct elf_facts f;
	if (graph_elf_facts(g, file, &f))
		closure_load(graph_closure(g), file);
	else if (is_started(g->use[file]) && rootfs_entry(g->r, file)->mode & 0111 && str_starts(closure_script(g->r, file), STR("#!")))
		closure_script_run(graph_closure(g), file);
}

const struct graph_kind graph_native = { .name = "native", .reached = reached };
