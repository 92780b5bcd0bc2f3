#include "report/measure.h"
#include "base/buf.h"
#include "lint/bytes.h"
#include "report/bytes.h"

/* --- which layer an instruction made --- */
/* One blank for each run of white space, so that continuations and their indentation don't count. */
static void squeeze(struct buf *out, struct str s)
{
	bool blank = false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
			blank = true;
			continue;
		}
		if (blank && out->n)
			buf_putc(out, ' ');
		blank = false;
		buf_putc(out, c);
	}
}

static bool same_run(const struct df_instruction *i, struct str layer, struct buf *tmp)
{
	buf_clear(tmp);
	if (!str_starts(layer, STR("RUN ")))
		return false;
	layer = str_from(layer, 4);
	for (u32 k = 0; i->json && k < i->n_args; k++) {
		buf_puts(tmp, k ? " " : "");
		buf_add(tmp, i->args[k].s);
	}
	if (i->n_heredocs) { /* whatever stands around it, the first line of the script is there */
		struct str rest = i->heredocs[0].content, line = { 0 };
		while (rest.p && !line.n)
			line = str_trim(str_cut(&rest, '\n'));
		squeeze(tmp, line);
		return tmp->n && str_contains(layer, buf_str(tmp));
	}
	if (!i->json)
		squeeze(tmp, i->rest.s);
	struct str text = buf_str(tmp);
	if (!text.n || !str_ends(layer, text))
		return false;
	struct str shell = str_head(layer, layer.n - text.n); /* and its options, no other command */
	return !str_contains(shell, STR("&&")) && !str_chr(shell, ';') && !str_chr(shell, '|');
}

static struct str last_word(struct str s)
{
	s = str_trim(s);
	const char *at = s.n ? memrchr(s.p, ' ', s.n) : NULL;
	return at ? str_from(s, (size_t)(at - s.p) + 1) : s;
}

static struct str no_slash(struct str s)
{
	while (s.n > 1 && s.p[s.n - 1] == '/')
		s.n--;
	return s;
}

static bool same_copy(const struct df_instruction *i, struct str layer)
{
	if (!str_starts(layer, i->keyword == DF_ADD ? STR("ADD ") : STR("COPY ")) || !i->n_args)
		return false;
	struct str to = no_slash(last_word(layer)), dest = no_slash(i->args[i->n_args - 1].s);
	if (i->json && to.n > 1 && to.p[to.n - 1] == ']') { /* COPY ["a","b"] */
		to = str_head(to, to.n - 1);
		if (to.n > 2 && to.p[0] == '"')
			to = no_slash(str_n(to.p + 1, to.n - 2));
	}
	if (str_chr(dest, '$'))
		return true; /* by its place */
	while (str_starts(dest, STR("./")))
		dest = str_from(dest, 2);
	return str_eq(to, dest) || str_is(dest, ".") || str_is(to, ".") || (dest.n && dest.p[0] != '/' && str_ends(to, dest));
}

/* The instructions that make layers, of the target stage and those below it, last one first. */
static u32 sequence(const struct lint *l, const struct df_instruction **out)
{
	const struct df_graph *g = &l->graph;
	u32 n = 0;
	for (u32 s = g->target, steps = 0; s != DF_NONE && s < g->n_stages && steps <= g->n_stages; s = g->stages[s].base, steps++)
		for (u32 k = g->stages[s].end; k-- > g->stages[s].first;) {
			const struct df_instruction *i = &l->file.instructions[k];
			if (!i->bad && (i->keyword == DF_RUN || i->keyword == DF_COPY || i->keyword == DF_ADD))
				out[n++] = i;
		}
	return n;
}

static bool same(const struct df_instruction *i, struct str layer, struct buf *tmp) { return i->keyword == DF_RUN ? same_run(i, layer, tmp) : same_copy(i, layer); }

int measure_map(const struct lint *l, const struct image *img, struct measure *ret, struct error *err)
{
	struct measure m = { .n = l->file.n_instructions };
	m.layer = xmalloc((m.n + 1) * sizeof *m.layer);
	for (u32 i = 0; i < m.n; i++)
		m.layer[i] = -1;
	const struct df_instruction **seq = xcalloc(m.n + 1, sizeof *seq);
	u32 n = sequence(l, seq), at = img->n_layers;
	struct buf raw = BUF(0), text = BUF(0), tmp = BUF(0);
	/* From the top: an instruction takes the next layer that it fits. Layers that fit none in between are WORKDIRs, or instructions that were taken out
	 * of the file since; an instruction that fits no layer was put into it. */
	for (u32 k = 0; k < n; k++) {
		u32 found = at;
		while (found-- > 0) {
			buf_clear(&raw);
			buf_clear(&text);
			image_instruction(img, found, &raw);
			squeeze(&text, buf_str(&raw));
			if (same(seq[k], buf_str(&text), &tmp))
				break;
			if (found == 0 || at - found > 8) { /* further down is another story */
				found = UINT32_MAX;
				break;
			}
		}
		if (found == UINT32_MAX) {
			m.missing++;
			m.missing_line = m.missing_line ? m.missing_line : seq[k]->line;
			continue;
		}
		m.layer[seq[k]->index] = (s32)found;
		m.matched++;
		at = found;
	}
	buf_free(&raw);
	buf_free(&text);
	buf_free(&tmp);
	free(seq);
	if (n && !m.matched) {
		free(m.layer);
		return error_set(err, ERR_INPUT, "its history holds none of the file's instructions: it was built from another one, or its layers were squashed");
	}
	*ret = m;
	return 0;
}

void measure_free(struct measure *m)
{
	free(m->layer);
	*m = (struct measure){ 0 };
}

/* --- what a layer holds --- */
static bool pattern(struct str p) { return str_chr(p, '*') || str_chr(p, '?') || str_chr(p, '['); }

static bool at_or_below(struct str path, struct str where)
{
	if (!pattern(where))
		return str_starts(path, where) && (path.n == where.n || path.p[where.n] == '/' || where.p[where.n - 1] == '/');
	if (str_glob(where, path))
		return true;
	for (size_t i = 1; i < path.n; i++) /* a directory above it that the pattern names */
		if (path.p[i] == '/' && str_glob(where, str_head(path, i)))
			return true;
	return false;
}

/* Stored bytes of regular files of one layer at or below a path. */
static u64 stored_below(const struct subject *s, u32 layer, struct str where)
{
	const struct facts *f = s->image->layers[layer].facts;
	struct buf path = BUF(0);
	u64 sum = 0;
	for (u32 i = 0; f && i < f->entries.n; i++) {
		const struct fact_entry *e = facts_entry(f, i);
		if (e->type != TAR_FILE || !e->size)
			continue;
		if (where.n) {
			buf_clear(&path);
			buf_putc(&path, '/');
			const char *d = facts_dir(f, e);
			buf_puts(&path, d);
			buf_puts(&path, *d ? "/" : "");
			buf_puts(&path, facts_name(f, e));
			if (!at_or_below(buf_str(&path), where))
				continue;
		}
		sum += fact_stored(e);
	}
	buf_free(&path);
	return sum;
}

/* Bytes below a layer that it takes the last name of, for these reasons. */
static u64 taken_by(const struct subject *s, u32 layer, struct str where, bool gone)
{
	struct buf path = BUF(0);
	u64 sum = 0;
	for (u32 i = 0; i < s->rootfs->waste.n; i++) {
		const struct waste_item *w = SEG_AT(&s->rootfs->waste, i);
		bool deleted = w->reason == WASTE_DELETED || w->reason == WASTE_OPAQUE;
		if (w->by_layer != layer || !w->bytes || w->layer == layer || (gone ? !deleted : w->reason != WASTE_METADATA && w->reason != WASTE_DUPLICATE))
			continue;
		if (!where.n || at_or_below(rootfs_waste_path(s->rootfs, w, &path), where))
			sum += w->bytes;
	}
	buf_free(&path);
	return sum;
}

struct tools {
	const struct subject *s;
	u32 from, end; /* layers */
	u64 sum;
};

static int tool_file(void *ctx, node_id id)
{
	struct tools *t = ctx;
	const struct rootfs *r = t->s->rootfs;
	const struct node *n = rootfs_node(r, id);
	u32 owner = t->s->packages->owner[id];
	if (owner && n->layer >= t->from && n->layer < t->end && n->type == TAR_FILE && bytes_build_tool(&t->s->packages->v[owner - 1])) {
		const struct inode *inode = rootfs_inode(r, n->inode);
		t->sum += inode->size / MAX(inode->names, 1u); /* hard links share it */
	}
	return 0;
}

static u64 build_tools(const struct subject *s, u32 from, u32 end)
{
	struct tools t = { .s = s, .from = from, .end = end };
	if (s->packages)
		rootfs_walk(s->rootfs, ROOTFS_ROOT, tool_file, &t);
	return t.sum;
}

/* Where the same cache may be as well: by version, by user. */
static const char *const elsewhere[][2] = {
	{ "/usr/local/share/.cache/yarn", "/root/.cache/yarn" }, { "/root/.cache/composer", "/root/.composer/cache" }, { "/root/.cargo/registry", "/usr/local/cargo/registry" }, { "/root/go/pkg/mod", "/go/pkg/mod" },
	{ "/usr/local/bundle/cache", "/var/lib/gems/*/cache" }, { "/var/lib/gems/*/cache", "/usr/local/lib/ruby/gems/*/cache" }, { "/usr/share/ri", "/var/lib/gems/*/doc" }, { "/var/cache/dnf", "/var/cache/libdnf5" },
	{ "/var/cache/dnf", "/var/cache/yum" }, { "/opt/conda/pkgs", "/opt/miniconda/pkgs" }, { "/opt/conda/pkgs", "/root/miniconda3/pkgs" },
};

void measure_findings(const struct measure *m, const struct subject *s, struct diagnostics *d)
{
	u32 base = s->image->n_layers; /* the lowest layer of the file's own */
	for (u32 i = 0; i < m->n; i++)
		base = m->layer[i] >= 0 ? MIN(base, (u32)m->layer[i]) : base;
	for (u32 i = 0; i < d->n; i++) {
		struct diagnostic *x = &d->v[i];
		const struct lint_cost *c = lint_cost_of(x->rule);
		s32 layer = x->instruction < m->n ? m->layer[x->instruction] : -1;
		if (!c || (layer < 0 && c->kind != COST_BASE))
			continue;
		struct str in = x->bytes_in ? str_of(x->bytes_in) : (struct str){ 0 };
		if (in.n && in.p[0] != '/') /* relative to a directory that only the base image knows */
			in = in.p[0] == '.' && in.n > 1 && in.p[1] == '/' ? str_from(in, 1) : (struct str){ 0 };
		u64 bytes = 0;
		switch (c->kind) {
		case COST_DIR:
			if (!in.n)
				continue;
			bytes = stored_below(s, (u32)layer, in);
			for (size_t k = 0; !bytes && k < countof(elsewhere); k++)
				if (str_is(in, elsewhere[k][0]) && (bytes = stored_below(s, (u32)layer, str_of(elsewhere[k][1]))))
					x->bytes_in = elsewhere[k][1];
			break;
		case COST_GONE:
			bytes = taken_by(s, (u32)layer, (struct str){ 0 }, true);
			break;
		case COST_METADATA:
			bytes = taken_by(s, (u32)layer, in, false);
			break;
		case COST_BUILD:
			bytes = build_tools(s, (u32)layer, (u32)layer + 1);
			break;
		case COST_BASE:
			bytes = build_tools(s, 0, base);
			if (!bytes) /* tools that no package manager knows of */
				continue;
			break;
		case COST_LAYER:
			bytes = stored_below(s, (u32)layer, (struct str){ 0 });
			break;
		default:
			continue;
		}
		x->bytes = bytes;
		x->estimated = false;
	}
}
