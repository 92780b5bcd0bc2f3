#include "base/jsonw.h"
#include "base/text.h"
#include "slim/slim.h"

static const char *const hidden_title[] = { "overwritten later", "deleted later", "hidden by an opaque directory", "content stored again", "stored twice" };
static const char *const fate_name[] = { "kept", "rewritten", "dropped" };

/* 1 + enum waste_reason of entries that the tree doesn't show, 0 of all others. */
static u8 *hidden_reasons(const struct slim *s)
{
	const struct trace *t = &s->trace;
	u8 *v = xcalloc(MAX(t->total, 1u), 1);
	for (u32 g = 0; g < t->total; g++) {
		u32 by = t->steps[g].hider;
		if (by == TRACE_NONE) {
			v[g] = trace_is_whiteout(t, g) ? 1 + WASTE_DELETED : 0;
			continue;
		}
		bool mark = trace_is_whiteout(t, by);
		u32 l = trace_layer(t, by);
		bool opaque = mark && strcmp(facts_name(t->img->layers[l].facts, trace_entry(t, by)), ".wh..wh..opq") == 0;
		v[g] = (u8)(1 + (opaque ? WASTE_OPAQUE : mark ? WASTE_DELETED : WASTE_OVERWRITTEN));
	}
	for (u32 i = 0; i < t->tree->waste.n; i++) {
		const struct waste_item *w = SEG_AT(&t->tree->waste, i);
		v[t->base[w->layer] + w->entry] = (u8)(1 + w->reason);
	}
	return v;
}

static u8 litter_of(const struct slim *s, u32 g)
{
	node_id id = s->trace.steps[g].node;
	return id && s->trace.steps[g].hider == TRACE_NONE ? s->litter.kind[id] : 0;
}

static int by_bytes(const void *a, const void *b)
{
	const struct slim_row *x = a, *y = b;
	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? 1 : -1;
	return x->layer != y->layer ? (x->layer > y->layer ? 1 : -1) : strcmp(x->name, y->name);
}

enum { KINDS = 8 + LITTER_KINDS }; /* waste reasons, then litter */

static struct slim_row *rows(const struct slim *s, u32 *ret_n)
{
	u32 layers = s->img->n_layers, n = 0;
	struct slim_row *v = xcalloc((size_t)MAX(layers, 1u) * KINDS, sizeof *v);
	u8 *hidden = hidden_reasons(s);
	for (u32 l = 0; l < layers; l++) {
		for (u32 g = s->trace.base[l]; g < s->trace.base[l + 1]; g++) {
			u64 bytes = slim_gone(s, g);
			u8 kind = litter_of(s, g);
			if (!slim_drops(s, g) || (trace_is_whiteout(&s->trace, g) && !bytes))
				continue;
			u32 at = l * KINDS + (kind ? 8u + kind : hidden[g] ? hidden[g] - 1u : 0);
			v[at].name = kind ? litter_name[kind] : waste_reason_text[hidden[g] ? hidden[g] - 1 : 0];
			v[at].title = kind ? litter_title[kind] : hidden_title[hidden[g] ? hidden[g] - 1 : 0];
			v[at].layer = l;
			v[at].bytes += bytes;
			v[at].files += trace_entry(&s->trace, g)->type != TAR_DIR;
		}
	}
	for (u32 i = 0; i < layers * KINDS; i++)
		if (v[i].bytes)
			v[n++] = v[i];
	if (n)
		qsort(v, n, sizeof *v, by_bytes);
	free(hidden);
	*ret_n = n;
	return v;
}

static u32 kept_names(const struct slim *s)
{
	u32 n = 0;
	for (node_id id = ROOTFS_ROOT + 1; id < s->litter.n; id++)
		n += s->litter.was[id] && rootfs_type(s->trace.tree, id) != TAR_DIR && !plan_removes(&s->plan, id);
	return n;
}

static enum layer_fate fate_of(const struct slim *s, u32 i)
{
	enum layer_fate fate = s->plan.layers[i].fate;
	return s->relayer.layers && fate == LAYER_KEPT && s->relayer.place[i] == PLACE_NEW ? LAYER_REWRITTEN : fate;
}

static void fates(FILE *f, const struct slim *s)
{
	u32 n[3] = { 0 }, k = 0;
	for (u32 i = 0; i < s->img->n_layers; i++)
		n[fate_of(s, i)]++;
	fprintf(f, "layers   %u kept as they are, %u %s", n[LAYER_KEPT], n[LAYER_REWRITTEN], s->relayer.layers ? "made into" : "rewritten");
	for (u32 i = 0; s->relayer.layers && i < RELAYER_CLASSES; i++)
		if (s->relayer.v[i].facts)
			fprintf(f, "%s %s", k++ ? "," : "", s->relayer.v[i].name);
	fprintf(f, ", %u dropped", n[LAYER_DROPPED]);
	if (s->base)
		fprintf(f, " (the %u of the base image untouched)", s->base);
	putc('\n', f);
}

static void numbers(FILE *f, const struct slim *s)
{
	const struct slim_side *a = &s->before, *b = &s->after;
	const struct { const char *what; u32 before, after; } v[] = { { "packages", a->packages, b->packages }, { "shells", a->shells, b->shells }, { "setuid programs", a->setuid, b->setuid } };
	for (size_t i = 0; i < countof(v); i++) {
		fprintf(f, "%s%s %u", i ? ", " : "", v[i].what, v[i].before);
		if (v[i].before != v[i].after)
			fprintf(f, " → %u", v[i].after);
	}
	putc('\n', f);
}

static void one_number(FILE *f, const char *before, const char *what, u32 a, u32 b)
{
	if (!a && !b)
		return;
	fprintf(f, "%s%u", before, a);
	if (a != b)
		fprintf(f, " → %u", b);
	fprintf(f, "%s%s", *what ? " " : "", what);
}

static void risks(FILE *f, const char *name, const struct slim_risks *x)
{
	const char *sep = " (";
	if (!x->known)
		return;
	fprintf(f, "%s %u", name, x->before.total);
	if (x->before.total != x->after.total)
		fprintf(f, " → %u", x->after.total);
	for (u32 i = SEVERITIES; i-- > 0;) {
		one_number(f, sep, severity_text[i], x->before.severity[i], x->after.severity[i]);
		sep = x->before.severity[i] ? ", " : sep;
	}
	one_number(f, sep, "unknown", x->before.unrated, x->after.unrated);
	one_number(f, "; ", "with a fix", x->before.fixable, x->after.fixable);
	fputs(x->before.total ? ")\n" : "\n", f);
}

void slim_table(FILE *f, const struct slim *s, const char *location, const char *written)
{
	u32 n;
	struct slim_row *v = rows(s, &n);
	struct buf text = BUF(0);
	u64 saved = s->before.size - MIN(s->after.size, s->before.size);
	text_put(f, str_of(s->img->reference ? s->img->reference : location), 200, false, false);
	putc('\n', f);
	bool by_layer = s->opt.choose.level == SLIM_SAFE;
	if (!by_layer)
		slim_tell_choice(f, s);
	if (n && by_layer)
		fputs("\n   SAVED  LAYER    FILES  WHAT                           INSTRUCTION\n", f);
	for (u32 i = 0; i < n && by_layer; i++) {
		buf_clear(&text);
		image_instruction(s->img, v[i].layer, &text);
		fprintf(f, "%8s  %5u  %7s  %-29s  ", TEXT_SIZE(v[i].bytes), v[i].layer, TEXT_COUNT(v[i].files), v[i].title);
		text_put(f, buf_str(&text), 80, false, false);
		putc('\n', f);
	}
	if (!n && by_layer)
		fputs("\nNothing in it can go: it stays as it is.\n", f);
	fprintf(f, "%sbefore   %s in %s files, %u layers\n", by_layer ? "\n" : "", TEXT_SIZE(s->before.size), TEXT_COUNT(s->before.files), s->before.layers);
	fprintf(f, "after    %s in %s files, %u layers: %s less (%.1f %%)\n", TEXT_SIZE(s->after.size), TEXT_COUNT(s->after.files), s->after.layers, TEXT_SIZE(saved),
		s->before.size ? 100.0 * (double)saved / (double)s->before.size : 0.0);
	numbers(f, s);
	risks(f, "vulnerabilities", &s->vulnerabilities);
	if (!s->vulnerabilities.known && !by_layer)
		fputs("vulnerabilities were not looked for: there is no advisory database (pare db update)\n", f);
	risks(f, "secrets", &s->secrets);
	fates(f, s);
	if (kept_names(s))
		fprintf(f, "kept     %s %s that something speaks for (--report says what)\n", TEXT_COUNT(kept_names(s)), kept_names(s) == 1 ? "file" : "files");
	bool whole = s->doubt[0] && s->plan.saved == 0;
	if (whole)
		fputs("note     its layers are made in a way that leaves no proven way to take anything out\n", f);
	fprintf(f, "%s ", written ? "verified" : "planned ");
	for (u32 i = 0; i < s->n_checks; i++)
		fprintf(f, "%s%s%s", i ? ", " : "", s->checks[i].name, s->checks[i].pass ? "" : " (DIFFERENT)");
	fputs(written ? ": read back and compared\n" : ": compared with what would be left; nothing was written\n", f);
	if (written) {
		fputs("written  ", f);
		text_put(f, str_of(written), 400, false, false);
		putc('\n', f);
	}
	buf_free(&text);
	free(v);
}

static void json_risk(struct jsonw *w, const char *name, const struct slim_risk *x)
{
	jsonw_key(w, name);
	jsonw_obj(w);
	jsonw_ku(w, "total", x->total);
	for (u32 i = SEVERITIES; i-- > 0;)
		jsonw_ku(w, severity_text[i], x->severity[i]);
	jsonw_ku(w, "unknown", x->unrated);
	jsonw_ku(w, "fixable", x->fixable);
	jsonw_end(w);
}

static void json_risks(struct jsonw *w, const struct slim *s, bool after)
{
	if (s->vulnerabilities.known)
		json_risk(w, "vulnerabilities", after ? &s->vulnerabilities.after : &s->vulnerabilities.before);
	if (s->secrets.known)
		json_risk(w, "secrets", after ? &s->secrets.after : &s->secrets.before);
}

void slim_json_side(struct jsonw *w, const struct slim *s, const char *name, const struct slim_side *x)
{
	jsonw_key(w, name);
	jsonw_obj(w);
	jsonw_ku(w, "size", x->size);
	jsonw_ku(w, "compressed_size", x->compressed);
	jsonw_ku(w, "layers", x->layers);
	jsonw_ku(w, "files", x->files);
	jsonw_ku(w, "packages", x->packages);
	jsonw_ku(w, "setuid", x->setuid);
	jsonw_ku(w, "shells", x->shells);
	jsonw_ku(w, "findings", x->findings);
	json_risks(w, s, x == &s->after);
	jsonw_end(w);
}

static void one_kept(struct jsonw *w, struct str path, const char *reason, const char *because, u32 layer, u64 bytes)
{
	jsonw_obj(w);
	jsonw_ks(w, "path", path);
	jsonw_kz(w, "reason", reason);
	jsonw_kz(w, "because", because);
	jsonw_ku(w, "layer", layer);
	jsonw_ku(w, "bytes", bytes);
	jsonw_end(w);
}

static void one_use(struct jsonw *w, const struct slim *s, node_id id, u32 layer, u64 bytes)
{
	const struct graph *g = s->choice.graph;
	struct buf path = BUF(0), from = BUF(0);
	node_id because = g->because[id];
	one_kept(w, rootfs_path(s->trace.tree, id, &path), graph_use_text[g->use[id]], because && because != GRAPH_START ? rootfs_path(s->trace.tree, because, &from).p : "", layer, bytes);
	buf_free(&path);
	buf_free(&from);
}

static void kept(struct jsonw *w, const struct slim *s, const u8 *hidden)
{
	const struct trace *t = &s->trace;
	struct buf path = BUF(0);
	jsonw_key(w, "kept");
	jsonw_arr(w);
	for (u32 g = 0; g < t->total; g++) {
		node_id id = t->steps[g].node;
		const struct fact_entry *e = trace_entry(t, g);
		bool visible = id && t->steps[g].hider == TRACE_NONE;
		if (slim_drops(s, g) || e->type == TAR_DIR || (!visible && !(hidden[g] && e->size)))
			continue;
		if (!visible)
			one_kept(w, trace_path(t, g, &path), waste_reason_text[hidden[g] - 1], need_because[s->plan.need[g]], trace_layer(t, g), e->size);
		else if (s->litter.kind[id])
			one_kept(w, rootfs_path(t->tree, id, &path), litter_name[s->litter.kind[id]], need_because[s->plan.need[g]], trace_layer(t, g), e->size);
		else if (s->choice.graph && s->choice.graph->use[id])
			one_use(w, s, id, trace_layer(t, g), e->size);
		else if (s->litter.was[id])
			one_kept(w, rootfs_path(t->tree, id, &path), litter_name[s->litter.was[id]], litter_because[s->litter.why[id]], trace_layer(t, g), e->size);
	}
	jsonw_end(w);
	buf_free(&path);
}

static void removed(struct jsonw *w, const struct slim *s, const u8 *hidden)
{
	const struct trace *t = &s->trace;
	struct buf path = BUF(0);
	jsonw_key(w, "removed");
	jsonw_arr(w);
	for (u32 g = 0; g < t->total; g++) {
		u64 bytes = slim_gone(s, g);
		if (!slim_drops(s, g) || (trace_is_whiteout(t, g) && !bytes))
			continue;
		u8 kind = litter_of(s, g);
		node_id id = t->steps[g].node;
		u32 owner = kind && id < s->packages->n_owner ? s->packages->owner[id] : 0;
		jsonw_obj(w);
		jsonw_ks(w, "path", kind ? rootfs_path(t->tree, t->steps[g].node, &path) : trace_path(t, g, &path));
		jsonw_ku(w, "bytes", bytes);
		jsonw_kz(w, "package", owner ? s->packages->v[owner - 1].name : NULL);
		jsonw_ku(w, "layer", trace_layer(t, g));
		jsonw_kz(w, "reason", kind ? litter_name[kind] : waste_reason_text[hidden[g] ? hidden[g] - 1 : 0]);
		jsonw_end(w);
	}
	jsonw_end(w);
	buf_free(&path);
}

/* Databases of packages that were written anew, and the bill of materials; what could not be known; which packages went. */
static void added(struct jsonw *w, const struct slim *s)
{
	jsonw_key(w, "added");
	jsonw_arr(w);
	for (u32 i = 0; i < s->added.n; i++) {
		char path[TAR_PATH_MAX + 2];
		snprintf(path, sizeof path, "/%s", s->added.v[i].path);
		jsonw_obj(w);
		jsonw_kz(w, "path", path);
		jsonw_ku(w, "bytes", s->added.v[i].content.n);
		jsonw_end(w);
	}
	jsonw_end(w);
	jsonw_key(w, "doubts");
	jsonw_arr(w);
	for (u32 i = 0; s->choice.graph && i < s->choice.graph->doubts.n; i++)
		jsonw_str(w, str_of(s->choice.graph->doubts.v[i]));
	for (u32 i = 0; i < s->added.doubts.n; i++)
		jsonw_str(w, str_of(s->added.doubts.v[i]));
	jsonw_end(w);
	jsonw_key(w, "packages_gone");
	jsonw_arr(w);
	for (u32 i = 0; i < s->added.n_gone; i++)
		jsonw_str(w, str_of(s->added.gone[i]));
	jsonw_end(w);
}

static void layers(struct jsonw *w, const struct slim *s)
{
	jsonw_key(w, "layers");
	jsonw_arr(w);
	for (u32 i = 0; i < s->img->n_layers; i++) {
		const struct plan_layer *p = &s->plan.layers[i];
		jsonw_obj(w);
		jsonw_ku(w, "index", i);
		jsonw_kz(w, "diff_id", DIGEST_STR(&s->img->layers[i].diff_id));
		jsonw_kz(w, "fate", fate_name[fate_of(s, i)]);
		jsonw_ku(w, "before", s->img->layers[i].size);
		jsonw_ku(w, "after", p->fate == LAYER_KEPT ? s->img->layers[i].size : p->fate == LAYER_DROPPED ? 0 : p->size);
		jsonw_ku(w, "bytes", p->fate == LAYER_KEPT ? 0 : p->saved);
		jsonw_end(w);
	}
	jsonw_end(w);
}

/* Layers that are new, between those that are kept: what is in them, and of which of the original. */
static void new_layers(struct jsonw *w, const struct slim *s)
{
	jsonw_key(w, "new_layers");
	jsonw_arr(w);
	for (u32 c = 0; s->relayer.layers && c < RELAYER_CLASSES; c++) {
		const struct relayer_layer *v = &s->relayer.v[c];
		u64 bytes = 0;
		if (!v->facts)
			continue;
		for (u32 i = 0; i < v->n; i++)
			bytes += facts_entry(v->facts, i)->size;
		jsonw_obj(w);
		jsonw_kz(w, "name", v->name);
		jsonw_ku(w, "entries", v->n);
		jsonw_ku(w, "bytes", bytes);
		jsonw_key(w, "of");
		jsonw_arr(w);
		for (u32 l = 0; l < s->img->n_layers; l++)
			if (v->of[l])
				jsonw_u64(w, l);
		jsonw_end(w);
		jsonw_end(w);
	}
	jsonw_end(w);
}

void slim_json(FILE *f, const struct slim *s, const struct trial *t, const char *location, const char *written)
{
	struct jsonw w;
	u8 *hidden = hidden_reasons(s);
	jsonw_init(&w, f, 1);
	jsonw_obj(&w);
	jsonw_kz(&w, "image", s->img->reference ? s->img->reference : location);
	jsonw_kz(&w, "written", written);
	slim_json_side(&w, s, "before", &s->before);
	slim_json_side(&w, s, "after", &s->after);
	layers(&w, s);
	new_layers(&w, s);
	kept(&w, s, hidden);
	removed(&w, s, hidden);
	added(&w, s);
	jsonw_key(&w, "verification");
	jsonw_arr(&w);
	for (u32 i = 0; i < s->n_checks; i++) {
		jsonw_obj(&w);
		jsonw_kz(&w, "name", s->checks[i].name);
		jsonw_kz(&w, "before", s->checks[i].before);
		jsonw_kz(&w, "after", s->checks[i].after);
		jsonw_kb(&w, "pass", s->checks[i].pass);
		jsonw_end(&w);
	}
	for (u32 i = 0; t && i < t->n_rows; i++) {
		const struct trial_row *x = &t->rows[i];
		jsonw_obj(&w);
		jsonw_kz(&w, "name", x->name);
		jsonw_kz(&w, "why", x->why);
		jsonw_kz(&w, "before", x->before);
		jsonw_kz(&w, "after", x->after);
		jsonw_kb(&w, "pass", x->pass);
		jsonw_end(&w);
	}
	jsonw_end(&w);
	jsonw_end(&w);
	free(hidden);
}
