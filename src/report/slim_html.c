#include "report/slim_html.h"
#include "report/html/document.h"

struct told {
	const struct slim *s;
	const struct trial *t;
	const char *written;
};

static const char *const level_name[] = { [SLIM_SAFE] = "safe", [SLIM_PACKAGE] = "package", [SLIM_FILE] = "file" };

/* --- maps --- */

/* An inode stays as long as one of its names does: then its piece stands at that one. */
static void after_pieces(const struct slim *s, const struct pieces *all, struct pieces *stay, struct pieces *went)
{
	const struct rootfs *r = s->trace.tree;
	autofree node_id *left = xcalloc((size_t)r->inodes.n + 1, sizeof *left);
	for (node_id id = rootfs_next(r, ROOTFS_ROOT); id; id = rootfs_next(r, id)) {
		inode_id inode = rootfs_node(r, id)->inode;
		if (!left[inode] && !plan_removes(&s->plan, id))
			left[inode] = id;
	}
	for (u32 i = 0; i < all->n; i++) {
		struct piece x = all->v[i];
		node_id name = left[rootfs_node(r, x.node)->inode];
		x.node = name ? name : x.node;
		if (name)
			VEC_PUSH(stay->v, stay->n, stay->cap, x);
		else
			VEC_PUSH(went->v, went->n, went->cap, x);
		all->v[i].gone = !name;
	}
}

static void maps(struct page *g, const struct slim *s)
{
	struct pieces all = { 0 }, stay = { 0 }, went = { 0 };
	pieces_visible(g->r, g->p, &all);
	after_pieces(s, &all, &stay, &went);
	jsonw_key(&g->w, "views");
	jsonw_obj(&g->w);
	html_view(g, "before", TILE_DIRECTORY, &all);
	html_view(g, "after", TILE_DIRECTORY, &stay);
	html_view(g, "stayed", TILE_PACKAGE, &stay);
	html_view(g, "went", TILE_PACKAGE, &went);
	jsonw_end(&g->w);
	pieces_free(&all);
	pieces_free(&stay);
	pieces_free(&went);
}

/* --- tables --- */

static void put_name(struct page *g, const struct slim *s, const struct slim_group *x)
{
	const struct package *k = x->owner ? &s->packages->v[x->owner - 1] : NULL;
	html_cut(&g->w, "name", k ? str_of(k->name) : rootfs_path(g->r, x->unit, &g->text), 200);
	html_cut(&g->w, "version", str_of(k && k->version ? k->version : ""), 100);
}

/* Why: the kinds of what went. */
static void put_why(struct page *g, u32 why)
{
	buf_clear(&g->text);
	for (u32 kind = LITTER_KINDS; kind-- > 1;)
		if (why & 1u << kind)
			buf_printf(&g->text, "%s%s", g->text.n ? ", " : "", litter_title[kind]);
	jsonw_ks(&g->w, "why", buf_str(&g->text));
}

/* What a package is kept for: the first use of its files, in the order of uses, that is no way or link. */
static u8 *uses(const struct slim *s)
{
	const struct graph *g = s->choice.graph;
	u8 *v = xcalloc(s->packages->n + 1u, 1);
	for (node_id id = rootfs_next(s->trace.tree, ROOTFS_ROOT); id && g; id = rootfs_next(s->trace.tree, id)) {
		u32 o = id < s->packages->n_owner ? s->packages->owner[id] : 0;
		u8 use = id < g->n ? g->use[id] : 0;
		if (o && use && rootfs_type(s->trace.tree, id) != TAR_DIR && (!v[o] || use < v[o]))
			v[o] = use;
	}
	return v;
}

static void table(struct page *g, const struct slim *s, enum slim_order by)
{
	struct jsonw *w = &g->w;
	u32 n, rows = 0, more = 0, more_files = 0;
	u64 more_bytes = 0;
	bool gone = by == SLIM_BY_GONE;
	struct slim_group *v = slim_groups(s, by, &n);
	u8 *use = uses(s);
	jsonw_key(w, gone ? "went" : "stayed");
	jsonw_obj(w);
	jsonw_key(w, "rows");
	jsonw_arr(w);
	for (u32 i = 0; i < n; i++) {
		const struct slim_group *x = &v[i];
		u32 files = gone ? x->files_gone : x->files_kept;
		u64 bytes = gone ? x->gone : x->kept;
		if (!files)
			continue;
		if (rows++ >= SLIM_HTML_ROWS) {
			more++;
			more_files += files;
			more_bytes += bytes;
			continue;
		}
		jsonw_obj(w);
		put_name(g, s, x);
		jsonw_ku(w, "bytes", bytes);
		jsonw_ku(w, "files", files);
		jsonw_ku(w, "of", x->gone + x->kept);
		if (gone)
			put_why(g, x->why);
		else
			jsonw_kz(w, "why", x->owner && use[x->owner] ? graph_use_text[use[x->owner]] : "");
		jsonw_end(w);
	}
	jsonw_end(w);
	jsonw_ku(w, "more", more);
	jsonw_ku(w, "more_files", more_files);
	jsonw_ku(w, "more_bytes", more_bytes);
	jsonw_end(w);
	free(v);
	free(use);
}

static void nodes(struct page *g, const char *key, const node_id *v, u32 n)
{
	jsonw_key(&g->w, key);
	jsonw_arr(&g->w);
	for (u32 i = 0; i < n && i < SLIM_HTML_ROWS; i++)
		html_cut(&g->w, NULL, rootfs_path(g->r, v[i], &g->text), HTML_PATH);
	jsonw_end(&g->w);
}

static void lines(struct jsonw *w, const char *key, const struct problems *p)
{
	jsonw_key(w, key);
	jsonw_arr(w);
	for (u32 i = 0; p && i < p->n && i < SLIM_HTML_ROWS; i++)
		html_cut(w, NULL, str_of(p->v[i]), HTML_PROBLEM);
	jsonw_end(w);
}

static void check(struct jsonw *w, const char *name, const char *before, const char *after, const char *why, bool pass)
{
	jsonw_obj(w);
	html_cut(w, "name", str_of(name), HTML_PROBLEM);
	html_cut(w, "before", str_of(before), HTML_PROBLEM);
	html_cut(w, "after", str_of(after), HTML_PROBLEM);
	html_cut(w, "why", str_of(why), HTML_PROBLEM);
	jsonw_kb(w, "pass", pass);
	jsonw_end(w);
}

static void checks(struct jsonw *w, const struct slim *s, const struct trial *t)
{
	jsonw_key(w, "checks");
	jsonw_arr(w);
	for (u32 i = 0; i < s->n_checks; i++)
		check(w, s->checks[i].name, s->checks[i].before, s->checks[i].after, "", s->checks[i].pass);
	for (u32 i = 0; t && i < t->n_rows && i < SLIM_HTML_ROWS * 10; i++)
		check(w, t->rows[i].name, t->rows[i].before, t->rows[i].after, t->rows[i].why, t->rows[i].pass);
	jsonw_end(w);
	jsonw_kz(w, "runtime", t ? t->runtime : NULL);
	jsonw_ku(w, "restored", t ? t->n_misses : 0);
	jsonw_ku(w, "rounds", t ? t->rounds : 0);
}

static void document(struct page *g, const void *ctx)
{
	const struct told *d = ctx;
	const struct slim *s = d->s;
	struct jsonw *w = &g->w;
	jsonw_obj(w);
	html_image(g);
	html_totals(g);
	jsonw_key(w, "slim");
	jsonw_obj(w);
	jsonw_kz(w, "level", level_name[s->opt.choose.level]);
	html_cut(w, "written", str_of(d->written ? d->written : ""), HTML_PATH);
	slim_json_side(w, s, "before", &s->before);
	slim_json_side(w, s, "after", &s->after);
	table(g, s, SLIM_BY_GONE);
	table(g, s, SLIM_BY_KEPT);
	nodes(g, "shells", s->choice.gone_shells, s->choice.n_shells);
	nodes(g, "managers", s->choice.gone_managers, s->choice.n_managers);
	nodes(g, "setuid", s->choice.gone_setuid, s->choice.n_setuid);
	lines(w, "doubts", s->choice.graph ? &s->choice.graph->doubts : NULL);
	lines(w, "notes", d->t ? &d->t->notes : NULL);
	checks(w, s, d->t);
	jsonw_end(w);
	maps(g, s);
	jsonw_key(w, "layers");
	jsonw_arr(w);
	for (u32 i = 0; i < s->img->n_layers && i < 512; i++) { /* for what is said of a tile */
		buf_clear(&g->text);
		image_instruction(s->img, i, &g->text);
		jsonw_obj(w);
		html_cut(w, "instruction", buf_str(&g->text), 200);
		jsonw_end(w);
	}
	jsonw_end(w);
	html_owners(g);
	html_incomplete(g, NULL);
	jsonw_end(w);
}

int report_slim_html(FILE *f, const struct slim *s, const struct trial *t, const char *written, struct error *err)
{
	return html_page(f, s->trace.tree, s->packages, document, &(struct told){ s, t, written }, err);
}
