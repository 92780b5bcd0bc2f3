#include "slim/slim.h"
#include "slim/config.h"

static int by_value(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;
	return (x > y) - (x < y);
}

/* Different (layer, kind) pairs: kinds of waste below 16, of litter above. */
static u32 pairs(const struct rootfs *r, const struct litter *l)
{
	u64 *v = NULL;
	u32 n = 0, cap = 0, different = 0;
	for (u32 i = 0; i < r->waste.n; i++) {
		const struct waste_item *w = SEG_AT(&r->waste, i);
		if (w->bytes)
			VEC_PUSH(v, n, cap, (u64)w->layer << 8 | w->reason);
	}
	for (node_id id = ROOTFS_ROOT + 1; id < l->n; id++)
		if (l->kind[id] && rootfs_size(r, id))
			VEC_PUSH(v, n, cap, (u64)rootfs_inode(r, rootfs_node(r, id)->inode)->layer << 8 | (16u + l->kind[id]));
	if (n)
		qsort(v, n, sizeof *v, by_value);
	for (u32 i = 0; i < n; i++)
		different += i == 0 || v[i] != v[i - 1];
	free(v);
	return different;
}

void slim_measure(struct slim_side *side, const struct image *img, const struct rootfs *r, const struct packages *pkgs, const struct litter *l)
{
	*side = (struct slim_side){ .size = img->size, .compressed = img->compressed_size, .layers = img->n_layers, .files = r->files, .packages = pkgs->n, .findings = pairs(r, l) };
	for (node_id id = rootfs_next(r, ROOTFS_ROOT); id; id = rootfs_next(r, id)) {
		u32 tool = choose_tool(r, id);
		side->setuid += (tool & TOOL_SETUID) != 0;
		side->shells += (tool & TOOL_SHELL) != 0;
	}
}

static void check(struct slim *s, const char *name, bool pass, const char *before, const char *after)
{
	struct slim_check *c = &s->checks[s->n_checks++];
	*c = (struct slim_check){ .name = name, .pass = pass };
	snprintf(c->before, sizeof c->before, "%s", before);
	snprintf(c->after, sizeof c->after, "%s", after);
}

static void check_count(struct slim *s, const char *name, u32 total, u32 wrong)
{
	char before[40], after[80];
	snprintf(before, sizeof before, "%u names", total);
	snprintf(after, sizeof after, wrong ? "%u names, %u of them different" : "%u names", total, wrong);
	check(s, name, wrong == 0, before, after);
}

/* A plan has neither what is added nor, where databases are written anew, its packages yet. */
static void with_additions(const struct slim *s, const struct rootfs *tree, struct slim_side *side)
{
	const struct additions *x = &s->added;
	for (u32 i = 0; i < x->n; i++) {
		side->size += x->v[i].content.n;
		side->files += !rootfs_find(tree, str_of(x->v[i].path), false);
	}
	side->layers += x->n != 0;
	side->packages = 0;
	for (u32 i = 0; i < s->packages->n; i++)
		side->packages += x->left[i];
}

bool slim_drops(const struct slim *s, u32 g) { return !s->plan.need[g] || relayer_drops(&s->relayer, g); }
u64 slim_gone(const struct slim *s, u32 g) { return relayer_drops(&s->relayer, g) ? trace_entry(&s->trace, g)->size : plan_gone(&s->plan, g); }

bool slim_verify(struct slim *s, const struct image *after, const struct rootfs *tree, const struct packages *pkgs, bool written)
{
	struct litter left;
	struct slim_side side;
	char a[40], b[40];
	u64 gone = 0, more = 0;
	for (u32 g = 0; g < s->trace.total; g++)
		gone += slim_gone(s, g);
	for (u32 i = 0; written && i < s->added.n; i++)
		more += s->added.v[i].content.n;
	prove(&s->plan, written && s->added.n ? &s->added : NULL, tree, &s->proof);
	litter_find(after, tree, pkgs, &s->opt.litter, &left);
	slim_measure(&side, after, tree, pkgs, &left);
	litter_free(&left);
	const struct proof *p = &s->proof;
	s->n_checks = 0;
	check_count(s, "tree", p->names, p->missing + p->extra);
	check_count(s, "metadata", p->names, p->metadata);
	check_count(s, "content", p->names, p->content + p->links);
	bool same = config_same(s->img->config_doc, after->config_doc) || !s->img->config_doc;
	check(s, "configuration", same, "as it is", same ? "as it was" : "changed");
	snprintf(a, sizeof a, "%llu bytes", (unsigned long long)s->before.size);
	snprintf(b, sizeof b, "%llu bytes", (unsigned long long)side.size);
	check(s, "size", s->before.size - gone + more == side.size && (!s->relayer.layers || s->relayer.bytes == side.size), a, b);
	bool pass = true;
	for (u32 i = 0; i < s->n_checks; i++)
		pass &= s->checks[i].pass;
	if (!written && s->added.left)
		with_additions(s, tree, &side);
	s->after = side;
	return pass;
}

/* What the layers were read for. */
enum collector_set slim_set(const struct slim *s) { return s->opt.choose.level == SLIM_SAFE ? COLLECT_OS : COLLECT_PACKAGES; }

/* What the plan would make, compared with what is there. */
static bool plan_holds(struct slim *s)
{
	struct simulated *sim = simulate(&s->plan);
	struct rootfs *tree = rootfs_build(simulated_image(sim), NULL);
	struct packages *pkgs = packages_read_set(tree, slim_set(s), false);
	bool ok = slim_verify(s, simulated_image(sim), tree, pkgs, false);
	packages_free(pkgs);
	rootfs_free(tree);
	simulated_free(sim);
	return ok;
}

int slim_plan(struct slim *s, struct error *err)
{
	struct plan_options o = { .whole = s->whole };
	relayer_free(&s->relayer);
	for (int i = 0; i < 3; i++) { /* then without exchanging names of hard links: the order of odd layers can forbid that; then without anything */
		o.no_changes = i >= 1;
		for (u32 l = 0; i == 2 && l < s->img->n_layers; l++)
			s->whole[l] = true;
		plan_free(&s->plan);
		plan_make(&s->trace, &s->litter, &o, &s->plan);
		if (plan_holds(s))
			return 0;
		if (!s->doubt[0])
			snprintf(s->doubt, sizeof s->doubt, "%s", s->proof.first);
	}
	return error_set(err, ERR_INPUT, "its layers do not add up to one tree: %s", s->proof.first);
}

int slim_relayer(struct slim *s, struct error *err)
{
	struct error why = { 0 };
	if (s->opt.form == RELAYER_NO)
		return 0;
	relayer_free(&s->relayer);
	if (!relayer_make(&s->plan, s->packages, &s->added, s->opt.form, &s->relayer, &why))
		return s->opt.form == RELAYER_ONE ? error_set(err, ERR_INPUT, "it cannot be made one layer: %s", why.text) : 0;
	for (u32 i = 0; i < s->base; i++)
		if (s->relayer.place[i] != PLACE_BELOW) {
			relayer_free(&s->relayer);
			return 0;
		}
	s->after.layers = s->relayer.layers;
	s->after.size = s->relayer.bytes;
	return 0;
}

static int prepare(struct slim *s, const struct load_options *load, const char *location, struct problems *problems, struct error *err)
{
	if (image_load(location, load, &s->img, err) < 0)
		return -1;
	if (s->img->problems.n) {
		problems_merge(problems, &s->img->problems, NULL);
		return 1;
	}
	if (trace_make(s->img, &s->trace, err) < 0)
		return -1;
	s->packages = packages_read_set(s->trace.tree, slim_set(s), false);
	litter_find(s->img, s->trace.tree, s->packages, &s->opt.litter, &s->litter);
	problems_merge(problems, &s->packages->problems, NULL);
	problems_merge(problems, &s->litter.problems, NULL);
	if (problems->n)
		return 1;
	s->whole = xcalloc(MAX(s->img->n_layers, 1u), sizeof *s->whole);
	if (s->opt.keep_base) {
		s->base = image_base_layers(s->img);
		if (!s->base)
			return error_set(err, ERR_INPUT, "%s: --keep-base: its history does not tell which layers are the base image's", location);
		for (u32 i = 0; i < s->base; i++)
			s->whole[i] = true;
	}
	slim_measure(&s->before, s->img, s->trace.tree, s->packages, &s->litter);
	return 0;
}

static int put_bom(struct slim *s, struct error *err)
{
	struct packages left;
	char *text = NULL;
	size_t n = 0;
	bool gone = false;
	for (node_id id = rootfs_next(s->trace.tree, ROOTFS_ROOT); id && !gone; id = rootfs_next(s->trace.tree, id))
		gone = s->litter.kind[id] == LITTER_UNNEEDED;
	packages_left(&s->choice, &s->added, &left);
	FILE *f = left.n && gone ? open_memstream(&text, &n) : NULL;
	if (f) {
		s->opt.bom(f, s->img, s->trace.tree, &left);
		if (fclose(f) != 0) {
			packages_left_free(&left);
			free(text);
			return error_errno(err, "the bill of materials");
		}
		additions_add(&s->added, SLIM_BOM, str_n(text, n), s->added.n ? s->added.v[0].mtime : 0);
		free(text);
	}
	packages_left_free(&left);
	return 0;
}

static int rewritten(struct slim *s, struct error *err)
{
	additions_free(&s->added);
	if (database_rewrite(&s->choice, &s->added, err) < 0)
		return -1;
	return s->opt.bom ? put_bom(s, err) : 0;
}

static int chosen(struct slim *s, const struct observed *seen, struct error *err)
{
	struct choose_options o = s->opt.choose;
	if (o.level == SLIM_SAFE)
		return 0;
	o.keep = s->opt.litter.keep;
	o.n_keep = s->opt.litter.n_keep;
	o.observed = seen;
	if (choose(s->img, s->trace.tree, s->packages, &o, &s->litter, &s->choice, err) < 0)
		return error_wrap(err, "%s", s->location);
	return rewritten(s, err);
}

int slim_keep_databases(struct slim *s, struct error *err)
{
	if (!s->added.in_use || s->choice.keep_databases)
		return 0;
	choose_keep_databases(&s->choice);
	return rewritten(s, err) < 0 || slim_plan(s, err) < 0 ? -1 : 1;
}

int slim_restore(struct slim *s, const char *const *paths, u32 n, bool same, struct error *err)
{
	if (!choose_restore(&s->choice, paths, n, same))
		return 0;
	return rewritten(s, err) < 0 || slim_plan(s, err) < 0 ? -1 : 1;
}

int slim_open(const char *location, const struct load_options *load, const struct slim_options *opt, struct slim *ret, struct problems *problems, struct error *err)
{
	*ret = (struct slim){ .location = location, .opt = *opt };
	int r = prepare(ret, load, location, problems, err);
	if (r != 0)
		slim_close(ret);
	return r;
}

int slim_decide(struct slim *s, const struct observed *seen, struct error *err) { return chosen(s, seen, err) < 0 ? -1 : slim_plan(s, err); }

void slim_close(struct slim *s)
{
	relayer_free(&s->relayer);
	plan_free(&s->plan);
	additions_free(&s->added);
	if (s->choice.graph)
		choice_free(&s->choice);
	litter_free(&s->litter);
	if (s->packages)
		packages_free(s->packages);
	if (s->trace.tree)
		trace_free(&s->trace);
	free(s->whole);
	image_close(s->img);
	*s = (struct slim){ 0 };
}
