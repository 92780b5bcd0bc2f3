/* What levels package and file took out and kept, for people: by package, largest first; and why one file stays. */
#include "base/text.h"
#include "slim/slim.h"

#define ROWS 12u

static int by_gone(const void *a, const void *b)
{
	const struct slim_group *x = a, *y = b;
	if (x->gone != y->gone)
		return x->gone < y->gone ? 1 : -1;
	return x->owner != y->owner ? (x->owner > y->owner ? 1 : -1) : (x->unit > y->unit) - (x->unit < y->unit);
}

static int by_kept(const void *a, const void *b)
{
	const struct slim_group *x = a, *y = b;
	return x->kept != y->kept ? (x->kept < y->kept ? 1 : -1) : by_gone(a, b);
}

/* "/var/lib/x/y" belongs to /var/lib/x, "/app/a" to /app. */
static node_id top_of(const struct rootfs *r, node_id id)
{
	node_id chain[3] = { 0 };
	for (; id && id != ROOTFS_ROOT; id = rootfs_node(r, id)->parent) {
		chain[2] = chain[1];
		chain[1] = chain[0];
		chain[0] = id;
	}
	struct str top = chain[0] ? str_n(rootfs_node(r, chain[0])->name, rootfs_node(r, chain[0])->length) : STR("");
	bool deep = str_is(top, "usr") || str_is(top, "var");
	return deep && chain[2] ? chain[2] : deep && chain[1] ? chain[1] : chain[0];
}

struct slim_group *slim_groups(const struct slim *s, enum slim_order by, u32 *ret_n)
{
	const struct rootfs *r = s->trace.tree;
	u32 n_packages = s->packages->n, n = 0;
	struct slim_group *v = xcalloc((size_t)n_packages + r->nodes.n + 1, sizeof *v);
	for (node_id id = rootfs_next(r, ROOTFS_ROOT); id; id = rootfs_next(r, id)) {
		if (rootfs_type(r, id) == TAR_DIR)
			continue;
		u32 owner = id < s->packages->n_owner ? s->packages->owner[id] : 0;
		node_id top = owner ? 0 : top_of(r, id);
		struct slim_group *x = owner ? &v[owner] : &v[n_packages + top];
		x->owner = owner;
		x->unit = top;
		bool gone = plan_removes(&s->plan, id);
		*(gone ? &x->gone : &x->kept) += rootfs_size(r, id);
		*(gone ? &x->files_gone : &x->files_kept) += 1;
		x->why |= gone ? 1u << s->litter.kind[id] : 0;
	}
	for (u32 i = 0; i < n_packages + r->nodes.n; i++)
		if (v[i].files_gone || v[i].files_kept)
			v[n++] = v[i];
	if (n)
		qsort(v, n, sizeof *v, by == SLIM_BY_GONE ? by_gone : by_kept);
	*ret_n = n;
	return v;
}

static void name_row(FILE *f, const struct slim *s, const struct slim_group *x)
{
	struct buf path = BUF(0);
	const struct package *k = x->owner ? &s->packages->v[x->owner - 1] : NULL;
	text_put(f, k ? str_of(k->name) : rootfs_path(s->trace.tree, x->unit, &path), 50, false, false);
	if (k && x->files_kept)
		fprintf(f, ", in part");
	putc('\n', f);
	buf_free(&path);
}

static void gone_rows(FILE *f, const struct slim *s, struct slim_group *v, u32 n)
{
	u64 rest = 0;
	u32 more = 0, files = 0;
	fputs("\n   SAVED    FILES  WENT\n", f);
	for (u32 i = 0; i < n; i++) {
		if (!v[i].files_gone)
			continue;
		if (i >= ROWS) {
			rest += v[i].gone;
			files += v[i].files_gone;
			more++;
			continue;
		}
		fprintf(f, "%8s  %7s  ", TEXT_SIZE(v[i].gone), TEXT_COUNT(v[i].files_gone));
		name_row(f, s, &v[i]);
	}
	if (more)
		fprintf(f, "%8s  %7s  %u more packages and directories\n", TEXT_SIZE(rest), TEXT_COUNT(files), more);
}

static void kept_rows(FILE *f, const struct slim *s, struct slim_group *v, u32 n)
{
	u64 rest = 0;
	u32 more = 0, files = 0;
	fputs("\n    SIZE    FILES  STAYED\n", f);
	for (u32 i = 0; i < n; i++) {
		if (!v[i].files_kept)
			continue;
		if (i >= ROWS) {
			rest += v[i].kept;
			files += v[i].files_kept;
			more++;
			continue;
		}
		fprintf(f, "%8s  %7s  ", TEXT_SIZE(v[i].kept), TEXT_COUNT(v[i].files_kept));
		text_put(f, v[i].owner ? str_of(s->packages->v[v[i].owner - 1].name) : STR(""), 50, false, false);
		if (!v[i].owner) {
			struct buf path = BUF(0);
			text_put(f, rootfs_path(s->trace.tree, v[i].unit, &path), 50, false, false);
			buf_free(&path);
		}
		putc('\n', f);
	}
	if (more)
		fprintf(f, "%8s  %7s  %u more packages and directories\n", TEXT_SIZE(rest), TEXT_COUNT(files), more);
}

static void named(FILE *f, const struct slim *s, const char *what, const node_id *v, u32 n)
{
	struct buf path = BUF(0), line = BUF(0);
	for (u32 i = 0; i < n && i < 8; i++)
		buf_printf(&line, "%s%s", i ? " " : "", rootfs_path(s->trace.tree, v[i], &path).p);
	if (n > 8)
		buf_printf(&line, " and %u more", n - 8);
	if (n) {
		fprintf(f, "%-9s", what);
		text_put(f, buf_str(&line), 150, false, false);
		putc('\n', f);
	}
	buf_free(&path);
	buf_free(&line);
}

void slim_tell_choice(FILE *f, const struct slim *s)
{
	u32 n;
	struct slim_group *v = slim_groups(s, SLIM_BY_GONE, &n);
	if (n)
		gone_rows(f, s, v, n);
	free(v);
	v = slim_groups(s, SLIM_BY_KEPT, &n);
	if (n)
		kept_rows(f, s, v, n);
	free(v);
	putc('\n', f);
	named(f, s, "shells", s->choice.gone_shells, s->choice.n_shells);
	named(f, s, "managers", s->choice.gone_managers, s->choice.n_managers);
	named(f, s, "setuid", s->choice.gone_setuid, s->choice.n_setuid);
	const struct problems *d = &s->choice.graph->doubts;
	for (u32 i = 0; i < d->n && i < 10; i++) {
		fputs(i ? "         " : "kept     ", f);
		text_put(f, str_of(d->v[i]), 150, false, false);
		putc('\n', f);
	}
	if (d->n > 10 || d->more)
		fprintf(f, "         and %u more reasons (--report says which)\n", d->n - MIN(d->n, 10u) + d->more);
	for (u32 i = 0; i < s->added.doubts.n; i++) {
		fputs("note     ", f);
		text_put(f, str_of(s->added.doubts.v[i]), 150, false, false);
		putc('\n', f);
	}
}

void slim_explain(FILE *f, const struct slim *s, const char *path)
{
	const struct rootfs *r = s->trace.tree;
	const struct graph *g = s->choice.graph;
	struct buf b = BUF(0);
	node_id id = rootfs_find(r, str_of(path), false);
	if (!id) {
		text_put(f, str_of(path), 400, false, false);
		fputs(": the image has no such file\n", f);
		return;
	}
	text_put(f, rootfs_path(r, id, &b), 400, false, false);
	if (plan_removes(&s->plan, id))
		fprintf(f, "\n  goes: %s\n", litter_title[s->litter.kind[id]]);
	else if (!g || !g->use[id])
		fputs(g && !g->whole ? "\n  stays: what is needed cannot be known\n" : "\n  stays: something in it does\n", f);
	else
		putc('\n', f);
	for (u32 steps = 0; g && g->use[id] && !plan_removes(&s->plan, id) && steps < 100; steps++) {
		node_id from = g->because[id];
		fprintf(f, "  %s", graph_use_title[g->use[id]]);
		if (from && from != GRAPH_START) {
			putc(' ', f);
			text_put(f, rootfs_path(r, from, &b), 400, false, false);
		}
		putc('\n', f);
		if (!from || from == GRAPH_START || from == id)
			break;
		id = from;
	}
	buf_free(&b);
}

void tell_trial(FILE *f, const struct trial *t)
{
	fprintf(f, "run      under %s, as a %s: the same without what goes", t->runtime ? t->runtime : "", t->service ? "service" : "command");
	if (t->n_misses)
		fprintf(f, " (%u %s restored that it missed, in %u runs)", t->n_misses, t->n_misses == 1 ? "file" : "files", t->rounds);
	if (t->n_rows)
		fprintf(f, "; %u %s of the result the same", t->n_rows, t->n_rows == 1 ? "answer" : "answers");
	putc('\n', f);
	for (u32 i = 0; i < t->notes.n && i < 5; i++) {
		fputs("note     ", f);
		text_put(f, str_of(t->notes.v[i]), 150, false, false);
		putc('\n', f);
	}
}
