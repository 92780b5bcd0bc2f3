#include "lint/fix.h"
#include "lint/script.h"

#define CHECKS 2000         /* results that are parsed, a file */
#define WORK (24 * MiB)     /* bytes of them */

/* A fix that is wanted, and where its finding stands. */
struct offer {
	const struct fix *fix;
	u32 line;
};

struct edits {
	struct edit *v; /* sorted, not touching */
	u32 n, cap;
};

/* The facts that a result is compared by. */
struct facts {
	struct lint l;       /* file, graph, scripts; no findings */
	struct diagnostics none;
	u32 stages, broken;  /* broken: scripts that don't parse */
};

struct round {
	const struct lint_options *opt;
	struct str before;
	struct facts old;
	bool *free;          /* by instruction: a fix that was taken permits it to change */
	bool *permitted;     /* by instruction: the findings of the file as it was permit it to change */
	bool *next;          /* the same of the result */
	bool chained;        /* a fix wants to change what they don't permit: it comes of another fix */
	struct offer *offers;
	u32 n_offers, cap_offers;
	struct edits taken;  /* of the fixes that were found good */
	struct buf text;     /* what they make of `before` */
	u32 made, left_out;
	u32 *checks;         /* of the file, and bytes of them; what is over the limits is not looked at */
	u64 *work;
	bool over;
};

/* --- reading --- */
static int facts_open(struct str text, const struct lint_options *opt, struct facts *ret, struct error *err)
{
	struct facts f = { .l = { .opt = opt, .codes = opt->codes } };
	struct df_graph_options g = { .build_args = opt->build_args, .n_build_args = opt->n_build_args, .target = opt->target };
	if (df_parse(text, &f.l.file, err) < 0)
		return -1;
	df_graph_build(&f.l.file, &g, &f.l.graph);
	*ret = f;
	ret->l.out = &ret->none;
	ret->l.arena = &ret->none.arena;
	lint_scripts(&ret->l);
	for (u32 i = 0; i < f.l.file.n_instructions; i++)
		ret->stages += f.l.file.instructions[i].keyword == DF_FROM;
	for (u32 i = 0; i < ret->l.n_scripts; i++)
		ret->broken += ret->l.scripts[i].tree.n_errors > 0;
	return 0;
}

static void facts_close(struct facts *f)
{
	lint_close(&f->l);
	diagnostics_free(&f->none);
}

static struct str span_text(const struct df_file *f, struct df_span s) { return str_n(f->text.p + s.at, s.end - s.at); }

/* --- which fixes --- */
/* Edits are inside the file, behind its BOM, sorted and disjoint, and change something. */
static bool sound(const struct fix *fix, const struct df_file *f)
{
	u32 at = f->bom ? 3 : 0;
	bool changes = false;
	for (u32 i = 0; i < fix->n_edits; i++) {
		const struct edit *e = &fix->edits[i];
		if (e->at < at || e->end < e->at || e->end > f->text.n)
			return false;
		at = e->end;
		changes |= !str_eq(e->with, str_n(f->text.p + e->at, e->end - e->at));
	}
	return changes;
}

static int by_place(const void *a, const void *b)
{
	const struct edit *x = ((const struct offer *)a)->fix->edits, *y = ((const struct offer *)b)->fix->edits;
	return x->at != y->at ? (x->at > y->at) - (x->at < y->at) : (x->end > y->end) - (x->end < y->end);
}

/* Index of the first edit that ends at `at` or behind it. */
static u32 lower(const struct edits *e, u32 at)
{
	u32 a = 0, b = e->n;
	while (a < b) {
		u32 m = a + (b - a) / 2;
		if (e->v[m].end < at)
			a = m + 1;
		else
			b = m;
	}
	return a;
}

static bool touches(const struct edits *taken, const struct fix *fix)
{
	for (u32 i = 0; i < fix->n_edits; i++) {
		u32 k = lower(taken, fix->edits[i].at);
		if (k < taken->n && taken->v[k].at <= fix->edits[i].end)
			return true;
	}
	return false;
}

static void edits_add(struct edits *to, const struct fix *fix)
{
	for (u32 i = 0; i < fix->n_edits; i++) {
		u32 k = lower(to, fix->edits[i].at);
		while (k < to->n && to->v[k].at < fix->edits[i].at) /* of one fix, edits may stand side by side */
			k++;
		VEC_PUSH(to->v, to->n, to->cap, fix->edits[i]);
		memmove(to->v + k + 1, to->v + k, (to->n - 1 - k) * sizeof *to->v);
		to->v[k] = fix->edits[i];
	}
}

/* --- applying --- */
static struct str eol_of(const struct df_file *f) { return f->eol == DF_EOL_CRLF ? STR("\r\n") : STR("\n"); }

/* The file with the edits made. The presence of a final newline stays. */
static void apply(const struct df_file *f, const struct edits *e, struct buf *out)
{
	u32 at = 0;
	buf_clear(out);
	for (u32 i = 0; i < e->n; i++) {
		buf_add(out, str_n(f->text.p + at, e->v[i].at - at));
		buf_add(out, e->v[i].with);
		at = e->v[i].end;
	}
	buf_add(out, str_from(f->text, at));
	bool newline = out->n && out->p[out->n - 1] == '\n';
	if (f->final_newline && !newline && out->n)
		buf_add(out, eol_of(f));
	while (!f->final_newline && out->n && (out->p[out->n - 1] == '\n' || out->p[out->n - 1] == '\r'))
		out->p[--out->n] = '\0';
}

/* --- comparing: what no fix permits stays as it is --- */
static bool same_frame(const struct facts *a, const struct facts *b)
{
	const struct df_file *x = &a->l.file, *y = &b->l.file;
	if (y->refused || y->n_errors > x->n_errors || x->bom != y->bom || x->final_newline != y->final_newline || x->escape != y->escape)
		return false;
	if (x->eol != DF_EOL_MIXED && x->eol != y->eol)
		return false;
	if (a->stages != b->stages || b->broken > a->broken || x->n_directives != y->n_directives)
		return false;
	for (u32 i = 0; i < x->n_directives; i++)
		if (!str_eq(x->directives[i].name, y->directives[i].name) || !str_eq(x->directives[i].value, y->directives[i].value))
			return false;
	return true;
}

static bool same_comments(const struct df_file *x, const struct df_file *y)
{
	u32 k = 0;
	for (u32 i = 0; i < x->n_comments; i++) {
		struct str text = str_trim(span_text(x, x->comments[i].span));
		while (k < y->n_comments && !str_eq(text, str_trim(span_text(y, y->comments[k].span))))
			k++;
		if (k++ >= y->n_comments)
			return false;
	}
	return true;
}

/* Whether an edit changes bytes of the span, or adds to its ends without a line end between. */
static bool edit_changes(const struct edit *e, struct df_span s)
{
	if (e->at == s.end)
		return e->with.n && e->with.p[0] != '\n' && e->with.p[0] != '\r';
	if (e->end == s.at)
		return e->with.n && e->with.p[e->with.n - 1] != '\n';
	return e->at < s.end && e->end > s.at;
}

/* Every instruction that no edit changes is there, at the place it moved to, byte for byte; between two that may not change there is
 * nothing new, and of those that may each has become two at most. */
static bool same_instructions(const struct round *r, const struct edits *e, const struct df_file *x, const struct df_file *y, bool *next_permitted)
{
	u32 k = 0, next = 0, new = 0, permitted = 0; /* k: edits before, next: of y's instructions */
	s64 moved = 0;
	for (u32 i = 0; i < x->n_instructions; i++) {
		const struct df_instruction *in = &x->instructions[i];
		while (k < e->n && e->v[k].end <= in->span.at) {
			moved += (s64)e->v[k].with.n - (s64)(e->v[k].end - e->v[k].at);
			k++;
		}
		bool changed = k > 0 && edit_changes(&e->v[k - 1], in->span);
		for (u32 j = k; j < e->n && e->v[j].at <= in->span.end && !changed; j++)
			changed = edit_changes(&e->v[j], in->span);
		permitted += r->free[i];
		if (changed)
			continue;
		s64 at = in->span.at + moved;
		while (next < y->n_instructions && (s64)y->instructions[next].span.at < at)
			next++, new++;
		if (next == y->n_instructions || (s64)y->instructions[next].span.at != at || !str_eq(span_text(x, in->span), span_text(y, y->instructions[next].span)))
			return false;
		next_permitted[next++] = r->permitted[i];
		if (r->free[i]) {
			new++;
			continue;
		}
		if (new > 2 * permitted)
			return false;
		new = permitted = 0;
	}
	return new + (y->n_instructions - next) <= 2 * permitted;
}

static bool holds(struct round *r, const struct edits *e, struct str text)
{
	struct facts new;
	struct error ignored = { 0 };
	if (facts_open(text, r->opt, &new, &ignored) < 0)
		return false;
	bool *next = xmalloc(new.l.file.n_instructions + 1);
	memset(next, true, new.l.file.n_instructions); /* what is new comes of what was permitted to change */
	bool ok = same_frame(&r->old, &new) && same_comments(&r->old.l.file, &new.l.file) && same_instructions(r, e, &r->old.l.file, &new.l.file, next);
	if (ok) {
		free(r->next);
		r->next = next;
	} else {
		free(next);
	}
	facts_close(&new);
	return ok;
}

/* Marks the instructions that the finding's line and the edits' lines permit to change; false when one of them is not in `within`. */
static bool permit(const struct df_file *f, const struct fix *fix, u32 line, bool *mark, const bool *within)
{
	bool inside = true;
	for (u32 i = 0; i <= fix->n_edits; i++) {
		u32 from = line, to = line;
		if (i < fix->n_edits) {
			from = df_line_of(f, fix->edits[i].at);
			to = df_line_of(f, fix->edits[i].end);
		}
		u32 a = 0, b = f->n_instructions;
		while (a < b) {
			u32 m = a + (b - a) / 2;
			if (f->instructions[m].end_line < from)
				a = m + 1;
			else
				b = m;
		}
		for (; a < f->n_instructions && f->instructions[a].line <= to; a++) {
			if (mark)
				mark[a] = true;
			inside &= !within || within[a];
		}
	}
	return inside;
}

/* Takes those of `offers` that hold together with what was taken already; halves them until the ones at fault are alone. */
static void take(struct round *r, const struct offer *offers, u32 n)
{
	*r->work += r->before.n;
	if (++*r->checks > CHECKS || *r->work > WORK) {
		r->over = true;
		r->left_out += n;
		return;
	}
	struct edits e = { 0 };
	struct buf text = BUF(2 * DF_BYTES);
	bool *before = xmalloc(r->old.l.file.n_instructions + 1);
	memcpy(before, r->free, r->old.l.file.n_instructions);
	for (u32 i = 0; i < r->taken.n; i++)
		VEC_PUSH(e.v, e.n, e.cap, r->taken.v[i]);
	for (u32 i = 0; i < n; i++) {
		edits_add(&e, offers[i].fix);
		permit(&r->old.l.file, offers[i].fix, offers[i].line, r->free, NULL);
	}
	apply(&r->old.l.file, &e, &text);
	bool ok = !text.over && text.n <= DF_BYTES && holds(r, &e, buf_str(&text));
	if (ok) {
		struct edits t = r->taken;
		struct buf b = r->text;
		r->taken = e;
		r->text = text;
		e = t;
		text = b;
		r->made += n;
	} else {
		memcpy(r->free, before, r->old.l.file.n_instructions);
	}
	free(e.v);
	buf_free(&text);
	free(before);
	if (ok)
		return;
	if (n > 1) { /* depth: the logarithm of LINT_FINDINGS */
		take(r, offers, n / 2);
		take(r, offers + n / 2, n - n / 2);
	} else {
		r->left_out++;
	}
}

/* --- rounds --- */
static void collect(struct round *r, const struct diagnostics *d, enum fix_safety up_to)
{
	for (u32 i = 0; i < d->n; i++) {
		const struct fix *fix = d->v[i].fix;
		if (!fix || fix->safety > up_to || !fix->n_edits || !sound(fix, &r->old.l.file))
			continue;
		VEC_PUSH(r->offers, r->n_offers, r->cap_offers, ((struct offer){ fix, d->v[i].line }));
		r->chained |= !permit(&r->old.l.file, fix, d->v[i].line, NULL, r->permitted);
	}
	if (r->n_offers)
		qsort(r->offers, r->n_offers, sizeof *r->offers, by_place);
}

/* Takes what doesn't touch each other; where that was left out, what it stood in the way of. */
static void take_all(struct round *r)
{
	struct offer *pick = xcalloc(r->n_offers, sizeof *pick);
	while (r->n_offers) {
		struct edits all = { 0 };
		u32 kept = 0, n = 0;
		for (u32 i = 0; i < r->taken.n; i++)
			VEC_PUSH(all.v, all.n, all.cap, r->taken.v[i]);
		for (u32 i = 0; i < r->n_offers; i++) {
			struct offer o = r->offers[i];
			if (touches(&r->taken, o.fix))
				continue; /* its turn is the next round */
			if (touches(&all, o.fix)) {
				r->offers[kept++] = o;
			} else {
				edits_add(&all, o.fix);
				pick[n++] = o;
			}
		}
		r->n_offers = kept;
		free(all.v);
		if (n)
			take(r, pick, n);
	}
	free(pick);
}

static bool refused(const struct df_file *f)
{
	bool r = f->refused;
	for (u32 i = 0; i < f->n_errors && !r; i++)
		r = f->errors[i].order;
	return r;
}

static bool any_fix(const struct diagnostics *d, enum fix_safety up_to)
{
	for (u32 i = 0; i < d->n; i++)
		if (d->v[i].fix && d->v[i].fix->safety <= up_to)
			return true;
	return false;
}

/* One round: from r->before to r->text; without a change r->made is 0. */
static int make_round(struct round *r, enum fix_safety up_to, fix_finder *find, void *ctx, struct error *err)
{
	struct diagnostics d = { 0 };
	int result = find(ctx, r->before, r->opt, &d, err);
	if (result == 0 && any_fix(&d, up_to) && (result = facts_open(r->before, r->opt, &r->old, err)) == 0) {
		const struct df_file *f = &r->old.l.file;
		r->free = xcalloc(f->n_instructions + 1, 1);
		if (!r->permitted) {
			r->permitted = xcalloc(f->n_instructions + 1, 1);
			for (u32 i = 0; i < d.n; i++)
				if (d.v[i].fix && sound(d.v[i].fix, f))
					permit(f, d.v[i].fix, d.v[i].line, r->permitted, NULL);
		}
		if (!refused(f))
			collect(r, &d, up_to);
		take_all(r);
		facts_close(&r->old);
	}
	diagnostics_free(&d);
	free(r->free);
	free(r->permitted);
	free(r->offers);
	free(r->taken.v);
	return result;
}

static int find_with_rules(void *ctx, struct str text, const struct lint_options *opt, struct diagnostics *out, struct error *err)
{
	(void)ctx;
	bool refused;
	return lint_run(text, opt, out, &refused, err);
}

int fix_apply(struct str text, const struct lint_options *opt, enum fix_safety up_to, struct fix_result *ret, struct error *err)
{
	return fix_apply_found(text, opt, up_to, find_with_rules, NULL, ret, err);
}

int fix_apply_found(struct str text, const struct lint_options *opt, enum fix_safety up_to, fix_finder *find, void *ctx, struct fix_result *ret, struct error *err)
{
	struct fix_result res = { .text = BUF(2 * DF_BYTES) };
	buf_add(&res.text, text);
	u32 checks = 0;
	u64 work = 0;
	bool over = false, *permitted = NULL;
	for (u32 i = 0; i < FIX_ROUNDS && !over; i++) {
		struct round r = { .opt = opt, .before = buf_str(&res.text), .permitted = permitted, .checks = &checks, .work = &work };
		int result = make_round(&r, up_to, find, ctx, err);
		permitted = r.next;
		if (result < 0) {
			free(permitted);
			buf_free(&r.text);
			buf_free(&res.text);
			return -1;
		}
		res.made += r.made;
		res.left_out = r.left_out;
		over = r.over || (r.chained && up_to == FIX_SAFE);
		if (r.made == 0 && !over) {
			free(permitted);
			buf_free(&r.text);
			res.changed = !str_eq(buf_str(&res.text), text);
			*ret = res;
			return 0;
		}
		if (r.made) {
			buf_free(&res.text);
			res.text = r.text;
		}
	}
	/* Fixes that go in circles, and those that were not all tried, would change the file anew each time; a safe one may not lead to a change that no finding of the
	 * file announced. It stays as it was. */
	free(permitted);
	buf_clear(&res.text);
	buf_add(&res.text, text);
	res.left_out += res.made;
	res.made = 0;
	*ret = res;
	return 0;
}

void fix_result_free(struct fix_result *r)
{
	buf_free(&r->text);
	*r = (struct fix_result){ 0 };
}
