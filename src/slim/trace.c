#include "slim/trace.h"

static u32 number(const struct trace *t, u32 layer, u32 entry) { return t->base[layer] + entry; }

static void grow(struct trace *t, node_id id)
{
	if (id < t->n_writer)
		return;
	u32 n = MAX(id + 1, t->n_writer * 2);
	t->writer = xrealloc(t->writer, n * sizeof *t->writer);
	for (u32 i = t->n_writer; i < n; i++)
		t->writer[i] = TRACE_NONE;
	t->n_writer = n;
}

static u32 maker(const struct trace *t, node_id id) { return id < t->n_writer ? t->writer[id] : TRACE_NONE; }

static void placed(void *ctx, u32 layer, u32 entry, node_id id)
{
	struct trace *t = ctx;
	u32 g = number(t, layer, entry), old = maker(t, id);
	grow(t, id);
	t->steps[g].node = id;
	if (old != TRACE_NONE && old != g && t->steps[old].hider == TRACE_NONE)
		t->steps[g].below = old;
	t->writer[id] = g;
}

static void linked(void *ctx, u32 layer, u32 entry, node_id target)
{
	struct trace *t = ctx;
	struct step *s = &t->steps[number(t, layer, entry)];
	s->provider = maker(t, target);
	if (s->provider != TRACE_NONE)
		s->carrier = t->steps[s->provider].carrier != TRACE_NONE ? t->steps[s->provider].carrier : s->provider;
}

static void hid(void *ctx, u32 layer, u32 entry, node_id id)
{
	struct trace *t = ctx;
	if (maker(t, id) == TRACE_NONE || t->steps[maker(t, id)].hider != TRACE_NONE)
		VEC_PUSH(t->lost, t->n_lost, t->cap_lost, ((struct lost){ id, number(t, layer, entry) }));
	for (u32 g = maker(t, id); g != TRACE_NONE && t->steps[g].hider == TRACE_NONE; g = t->steps[g].below)
		t->steps[g].hider = number(t, layer, entry);
}

static void through(void *ctx, u32 layer, u32 entry, node_id link)
{
	struct trace *t = ctx;
	struct way w = { number(t, layer, entry), maker(t, link) };
	if (w.link != TRACE_NONE)
		VEC_PUSH(t->ways, t->n_ways, t->cap_ways, w);
}

static int by_entry(const void *a, const void *b)
{
	const struct way *x = a, *y = b;
	return x->entry != y->entry ? (x->entry > y->entry ? 1 : -1) : (x->link > y->link) - (x->link < y->link);
}

static int by_node(const void *a, const void *b)
{
	const struct lost *x = a, *y = b;
	return x->node != y->node ? (x->node > y->node ? 1 : -1) : (x->hider > y->hider) - (x->hider < y->hider);
}

u32 trace_lost_after(const struct trace *t, node_id id, u32 g)
{
	u32 lo = 0, hi = t->n_lost;
	while (lo < hi) {
		u32 mid = lo + (hi - lo) / 2;
		const struct lost *x = &t->lost[mid];
		if (x->node < id || (x->node == id && x->hider <= g))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < t->n_lost && t->lost[lo].node == id ? t->lost[lo].hider : TRACE_NONE;
}

int trace_make(const struct image *img, struct trace *ret, struct error *err)
{
	struct trace t = { .img = img, .base = xcalloc(img->n_layers + 1, sizeof *t.base) };
	u64 total = 0;
	for (u32 i = 0; i < img->n_layers && total <= TRACE_ENTRIES_MAX; i++) {
		t.base[i] = (u32)total;
		total += img->layers[i].facts ? img->layers[i].facts->entries.n : 0;
	}
	if (total > TRACE_ENTRIES_MAX) {
		free(t.base);
		return error_set(err, ERR_INPUT, "over %u entries in all layers", TRACE_ENTRIES_MAX);
	}
	t.total = t.base[img->n_layers] = (u32)total;
	t.steps = xmalloc(MAX(total, 1u) * sizeof *t.steps);
	for (u32 g = 0; g < t.total; g++)
		t.steps[g] = (struct step){ .hider = TRACE_NONE, .provider = TRACE_NONE, .carrier = TRACE_NONE, .below = TRACE_NONE };
	struct rootfs_trace hooks = { &t, placed, linked, hid, through };
	struct rootfs_options opt = { .trace = &hooks };
	t.tree = rootfs_build(img, &opt);
	if (t.n_ways)
		qsort(t.ways, t.n_ways, sizeof *t.ways, by_entry);
	if (t.n_lost)
		qsort(t.lost, t.n_lost, sizeof *t.lost, by_node);
	*ret = t;
	if (t.tree->problems.n == 0)
		return 0;
	error_set(err, ERR_INPUT, "%s", t.tree->problems.v[0]);
	trace_free(ret);
	return -1;
}

void trace_free(struct trace *t)
{
	rootfs_free(t->tree);
	free(t->base);
	free(t->steps);
	free(t->writer);
	free(t->ways);
	free(t->lost);
	*t = (struct trace){ 0 };
}

u32 trace_layer(const struct trace *t, u32 g)
{
	u32 lo = 0, hi = t->img->n_layers; /* base[lo] <= g < base[hi] */
	while (hi - lo > 1) {
		u32 mid = lo + (hi - lo) / 2;
		if (t->base[mid] <= g)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

const struct fact_entry *trace_entry(const struct trace *t, u32 g)
{
	u32 l = trace_layer(t, g);
	return facts_entry(t->img->layers[l].facts, g - t->base[l]);
}

struct str trace_path(const struct trace *t, u32 g, struct buf *out)
{
	u32 l = trace_layer(t, g);
	const struct facts *f = t->img->layers[l].facts;
	const struct fact_entry *e = facts_entry(f, g - t->base[l]);
	buf_clear(out);
	buf_putc(out, '/');
	buf_puts(out, facts_dir(f, e));
	if (e->dir && *facts_dir(f, e))
		buf_putc(out, '/');
	buf_puts(out, facts_name(f, e));
	return buf_str(out);
}

u32 trace_maker(const struct trace *t, node_id id)
{
	u32 g = maker(t, id);
	return g != TRACE_NONE && t->steps[g].hider == TRACE_NONE ? g : TRACE_NONE;
}

bool trace_is_whiteout(const struct trace *t, u32 g)
{
	u32 l = trace_layer(t, g);
	const struct facts *f = t->img->layers[l].facts;
	const struct fact_entry *e = facts_entry(f, g - t->base[l]);
	return !t->steps[g].node && (strncmp(facts_name(f, e), ".wh.", 4) == 0 || strncmp(facts_dir(f, e), ".wh..wh.", 8) == 0);
}
