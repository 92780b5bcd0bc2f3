/* The proof by running: who runs what, what is compared with what, and what is told of it. */
#include "slim/trial.h"
#include "base/text.h"

#define LEARN_MAX 2 /* more runs of the original before a difference is believed */

struct slot { /* one thing that is compared: what the original gave, each time */
	const char *name;
	struct answer before;
	struct answer_mask *mask; /* from the second time on */
	u32 runs;
};
struct launch { /* of one way to start it */
	const char *const *argv; /* NULL: its own */
	struct slot *slots;      /* start, health, probes, those of --verify */
	bool noted, deaf; /* deaf: its stop signal does not end it */
};
enum { SLOT_START, SLOT_HEALTH, SLOT_PROBES };
struct trials {
	struct launch *launches;
	u32 n_launches, n_slots;
	struct probe *probes; /* both kinds, one behind the other */
};

static struct trials *inside(const struct trial *t) { return t->keep; }

static const char *slot_name(struct trial *t, const struct launch *l, u32 slot)
{
	const struct trial_options *o = &t->opt;
	const char *name = slot == SLOT_START ? "start" : slot == SLOT_HEALTH ? "health" : inside(t)->probes[slot - SLOT_PROBES].text;
	if (slot >= SLOT_PROBES + o->n_probes)
		name = arena_printf(&t->a, "verify: %s", name);
	return l->argv ? arena_printf(&t->a, "%s: %s", l->argv[0], name) : name;
}

int trial_open(const struct run_tree *original, const struct trial_options *opt, struct trial **ret, struct error *err)
{
	(void)err;
	struct trial *t = xcalloc(1, sizeof *t);
	struct trials *in = xcalloc(1, sizeof *in);
	*t = (struct trial){ .opt = *opt, .original = original, .keep = in };
	in->n_slots = SLOT_PROBES + opt->n_probes + opt->n_verify;
	in->n_launches = opt->n_starts + 1;
	in->launches = xcalloc(in->n_launches, sizeof *in->launches);
	in->probes = xcalloc(MAX(opt->n_probes + opt->n_verify, 1), sizeof *in->probes);
	for (u32 i = 0; i < opt->n_probes + opt->n_verify; i++)
		in->probes[i] = i < opt->n_probes ? opt->probes[i] : opt->verify[i - opt->n_probes];
	for (u32 i = 0; i < in->n_launches; i++) {
		struct launch *l = &in->launches[i];
		l->argv = i ? opt->starts[i - 1] : NULL;
		l->slots = xcalloc(in->n_slots, sizeof *l->slots);
		for (u32 k = 0; k < in->n_slots; k++)
			l->slots[k].name = slot_name(t, l, k);
	}
	*ret = t;
	return 0;
}

void trial_close(struct trial *t)
{
	if (!t)
		return;
	struct trials *in = inside(t);
	for (u32 i = 0; i < in->n_launches; i++) {
		for (u32 k = 0; k < in->n_slots; k++) {
			struct slot *s = &in->launches[i].slots[k];
			if (s->runs)
				answer_free(&s->before);
			answer_mask_free(s->mask);
		}
		free(in->launches[i].slots);
	}
	free(in->launches);
	free(in->probes);
	free(in);
	free(t->rows);
	free(t->misses);
	free(t->differences);
	free(t->stops);
	problems_free(&t->notes);
	if (t->written)
		observed_free(t->written);
	arena_free(&t->a);
	free(t);
}

/* --- one run --- */

struct how { /* it runs */
	const struct run_tree *tree;
	const char *const *hide;
	u32 n_hide;
	struct observed *observed;
	const struct run_spec *spec;
	bool training, verify;
};

static int run(struct trial *t, const struct how *how, const struct launch *l, struct session *ret, struct error *err)
{
	const struct trial_options *o = &t->opt;
	struct run_box_options bo = { .runtime = o->runtime, .store = o->store, .config = o->config, .network = o->network, .limits = o->limits, .hide = how->hide, .n_hide = how->n_hide };
	struct run_spec spec = how->spec ? *how->spec : o->spec ? *o->spec : (struct run_spec){ .listener = -1 };
	struct tracer_options trace = { .calls = o->calls && how->training };
	struct run_box *b;
	if (l->argv)
		spec.argv = l->argv;
	struct session_options so = {
		.probes = inside(t)->probes, .n_probes = o->n_probes + (how->verify ? o->n_verify : 0), .spec = &spec, .health = o->health, .ports = o->ports, .n_ports = o->n_ports, .observed = how->observed, .trace = &trace, .deaf = l->deaf,
	};
	if (how->training) {
		so.duration = o->duration;
		so.by_hand = o->by_hand;
		so.ready = o->ready;
		so.ctx = o->ctx;
		so.written = true;
	}
	if (run_box_open(how->tree, o->ids, &bo, &b, err) < 0)
		return -1;
	if (!t->runtime)
		t->runtime = arena_strdup(&t->a, str_of(run_runtime(b)));
	int r = session_run(b, o->config, &so, ret, err);
	run_box_close(b);
	if (r == 0 && ret->stop_seconds)
		VEC_PUSH(t->stops, t->n_stops, t->cap_stops, ret->stop_seconds);
	return r;
}

/* What a run gave in a slot; false: it was not asked, or has no health check. */
static bool given_in(const struct session *s, u32 slot, struct answer *ret)
{
	if (slot == SLOT_START) {
		*ret = s->start;
	} else if (slot == SLOT_HEALTH) {
		if (!s->has_health)
			return false;
		*ret = (struct answer){ .status = s->healthy ? 0 : 1 };
	} else {
		if (slot - SLOT_PROBES >= s->n_answers)
			return false;
		*ret = s->answers[slot - SLOT_PROBES];
	}
	return true;
}

/* One more run of the original. */
static void learn(struct trial *t, struct launch *l, const struct session *s)
{
	for (u32 k = 0; k < inside(t)->n_slots; k++) {
		struct slot *slot = &l->slots[k];
		struct answer a;
		if (!given_in(s, k, &a))
			continue;
		if (!slot->runs)
			answer_copy(&slot->before, &a);
		else if (!slot->mask)
			slot->mask = answer_mask_new(&slot->before, &a);
		else
			answer_mask_add(slot->mask, &a);
		slot->runs++;
	}
}

static int run_original(struct trial *t, struct launch *l, bool verify, struct error *err)
{
	struct session s;
	if (run(t, &(struct how){ .tree = t->original, .verify = verify }, l, &s, err) < 0)
		return -1;
	learn(t, l, &s);
	session_free(&s);
	return 0;
}

/* --- training --- */

/* The last lines of a log, in one. */
static void last_lines(const struct answer *a, char out[400])
{
	struct buf safe = BUF(0);
	struct str text = str_trim(buf_str(a->err.n ? &a->err : &a->out));
	size_t from = text.n > 280 ? text.n - 280 : 0;
	while (from && from < text.n && text.p[from - 1] != '\n' && text.n - from > 200)
		from++;
	text_safe(&safe, str_from(text, from));
	snprintf(out, 400, "%.*s", (int)MIN(safe.n, (size_t)390), safe.n ? safe.p : "");
	buf_free(&safe);
}

/* What the original cannot do here, and will not be proven for that reason. */
static void note(struct trial *t, struct launch *l, const struct session *s)
{
	const struct trial_options *o = &t->opt;
	char last[400];
	bool asked = false;
	if (l->noted)
		return;
	l->noted = true;
	for (u32 i = 0; i < o->n_probes; i++)
		asked |= o->probes[i].kind == PROBE_HTTP;
	last_lines(&s->start, last);
	if (!s->service && (asked || o->config->ports[0]))
		problem_add(&t->notes, "in a bare container its command ends at once, with exit status %d%s%s; it may need environment, volumes or another service: give them with --compose", s->start.status, last[0] ? ": " : "", last);
	else if (!s->service && s->start.status)
		problem_add(&t->notes, "its own command ends with exit status %d%s%s", s->start.status, last[0] ? ": " : "", last);
	if (s->waits)
		problem_add(&t->notes, "it runs, but nobody listens on a port that it exposes%s%s", last[0] ? ": " : "", last);
	if (s->over)
		problem_add(&t->notes, "its run was ended by a budget: %s", s->over);
	if (s->has_health && !s->healthy)
		problem_add(&t->notes, "its health check never says that it is healthy");
	for (u32 i = 0; i < s->n_answers && s->service; i++)
		if (s->answers[i].failed)
			problem_add(&t->notes, "%s: the original gives no answer: %s", l->slots[SLOT_PROBES + i].name, s->answers[i].error);
}

int trial_train(struct trial *t, struct observed *seen, struct error *err)
{
	struct trials *in = inside(t);
	for (u32 i = 0; i < in->n_launches; i++) {
		struct launch *l = &in->launches[i];
		struct session s;
		if (run(t, &(struct how){ .tree = t->original, .observed = seen, .training = true }, l, &s, err) < 0)
			return -1;
		learn(t, l, &s);
		note(t, l, &s);
		l->deaf = s.deaf;
		t->service |= s.service;
		if (!t->written) {
			t->written = s.written;
			s.written = NULL;
		} else if (s.written) {
			observed_merge(t->written, s.written);
		}
		session_free(&s);
		if (run_original(t, l, true, err) < 0)
			return -1;
	}
	if (t->written)
		observed_settle(t->written);
	return 0;
}

/* --- comparing --- */

static void compare_slot(const struct slot *slot, const struct answer *after, struct trial_row *row)
{
	*row = (struct trial_row){ .name = slot->name };
	answer_brief(&slot->before, row->before);
	answer_brief(after, row->after);
	answer_masked(slot->mask, row->masked);
	row->pass = answer_same(slot->mask, &slot->before, after, row->why);
}

/* Rows of one run, into v (n_slots long); returns how many; *same: all pass. */
static u32 compare(struct trial *t, struct launch *l, const struct session *s, struct trial_row *v, bool *same)
{
	u32 n = 0;
	*same = true;
	for (u32 k = 0; k < inside(t)->n_slots; k++) {
		struct slot *slot = &l->slots[k];
		struct answer a;
		if (!slot->runs || (k != SLOT_HEALTH && !given_in(s, k, &a)))
			continue;
		if (k == SLOT_HEALTH && !given_in(s, k, &a))
			a = (struct answer){ .status = 1 }; /* it did not come that far */
		compare_slot(slot, &a, &v[n]);
		if (k == SLOT_HEALTH) {
			snprintf(v[n].before, sizeof v[n].before, "%s", slot->before.status ? "not healthy" : "healthy");
			snprintf(v[n].after, sizeof v[n].after, "%s", a.status ? "not healthy" : "healthy");
		}
		*same &= v[n++].pass;
	}
	return n;
}

/* Runs the other side, and again with the original when something differs, before that is believed. Of the last run: rows, and what it gave in *s. */
static int run_and_compare(struct trial *t, const struct how *how, struct launch *l, struct trial_row *v, u32 *n, bool *same, u32 again, struct session *s, struct error *err)
{
	for (u32 i = 0;; i++) {
		if (run(t, how, l, s, err) < 0)
			return -1;
		*n = compare(t, l, s, v, same);
		if (*same || i >= again)
			return 0;
		session_free(s);
		if (run_original(t, l, how->verify, err) < 0)
			return -1;
	}
}

/* --- the deny run --- */

static int by_text(const void *a, const void *b) { return strcmp(a, *(const char *const *)b); }
static int in_order(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

/* Whether the path, or a directory that it lies in, is among those hidden. */
static bool is_hidden(const char *const *hide, u32 n, const char *path)
{
	char way[4097];
	size_t len = strlen(path);
	if (!n || len >= sizeof way)
		return false;
	memcpy(way, path, len + 1);
	for (;;) {
		if (bsearch(way, hide, n, sizeof *hide, by_text))
			return true;
		char *slash = strrchr(way, '/');
		if (!slash || slash == way)
			return false;
		*slash = '\0';
	}
}

static void miss(struct trial *t, struct observed *missed, const char *path, u8 what, const char *by, bool start)
{
	struct trial_miss m = { arena_strdup(&t->a, str_of(path)), arena_strdup(&t->a, str_of(by)), t->rounds };
	observed_add(missed, str_of(path), what, str_of(by), start);
	VEC_PUSH(t->misses, t->n_misses, t->cap_misses, m);
}

static u32 find_misses(struct trial *t, const char *const *hide, u32 n, struct observed *seen, struct observed *missed)
{
	u32 found = 0;
	observed_settle(seen);
	for (u32 i = 0; i < seen->n_paths; i++) {
		const struct observed_path *p = &seen->paths[i];
		if (!(p->what & SEEN_MISSING) || !is_hidden(hide, n, p->path))
			continue;
		miss(t, missed, p->path, (u8)(p->what & ~(SEEN_MISSING | SEEN_MADE | SEEN_DELETED)) | SEEN_LOOKED_AT, p->by, p->start);
		found++;
	}
	return found;
}

/* Something differs, and nobody looked for what is gone: then it was looked for in a list of names. */
static void find_listed(struct trial *t, const char *const *hide, u32 n, struct observed *seen, struct observed *missed)
{
	for (u32 i = 0; i < n; i++) {
		const char *slash = strrchr(hide[i], '/');
		struct str dir = slash && slash > hide[i] ? str_n(hide[i], (size_t)(slash - hide[i])) : STR("/");
		const struct observed_path *p = observed_find(seen, dir);
		if (p && (p->what & SEEN_LISTED))
			miss(t, missed, hide[i], SEEN_LOOKED_AT, p->by, p->start);
	}
}

int trial_deny(struct trial *t, const char *const *paths, u32 n, struct observed *missed, bool *same, struct error *err)
{
	struct trials *in = inside(t);
	struct trial_row *rows = xcalloc(in->n_slots, sizeof *rows);
	const char **hide = xcalloc(MAX(n, 1), sizeof *hide);
	int r = 0;
	*same = true;
	t->rounds++;
	for (u32 i = 0; i < n; i++)
		hide[i] = paths[i];
	qsort(hide, n, sizeof *hide, in_order);
	for (u32 i = 0; i < in->n_launches && r == 0; i++) {
		struct observed *seen = observed_new(&(struct digest){ 0 });
		struct session s = { 0 };
		bool alike = true;
		u32 k = 0;
		r = run_and_compare(t, &(struct how){ .tree = t->original, .hide = hide, .n_hide = n, .observed = seen }, &in->launches[i], rows, &k, &alike, 1, &s, err);
		if (r == 0) {
			session_free(&s);
			if (!find_misses(t, hide, n, seen, missed) && !alike)
				find_listed(t, hide, n, seen, missed);
		}
		for (u32 j = 0; r == 0 && j < k; j++)
			if (!rows[j].pass) {
				snprintf(rows[j].masked, sizeof rows[j].masked, "round %u", t->rounds);
				VEC_PUSH(t->differences, t->n_differences, t->cap_differences, rows[j]);
			}
		*same &= alike;
		observed_free(seen);
	}
	observed_settle(missed);
	free(hide);
	free(rows);
	return r;
}

/* --- the result --- */

int trial_compare(struct trial *t, const struct run_tree *result, bool *same, struct error *err)
{
	struct trials *in = inside(t);
	struct trial_row *rows = xcalloc(in->n_slots, sizeof *rows);
	int r = 0;
	*same = true;
	t->n_rows = 0;
	for (u32 i = 0; i < in->n_launches && r == 0; i++) {
		struct launch *l = &in->launches[i];
		struct session s = { 0 };
		bool alike = true;
		u32 n = 0;
		r = run_original(t, l, true, err);
		if (r == 0)
			r = run_and_compare(t, &(struct how){ .tree = result, .verify = true }, l, rows, &n, &alike, LEARN_MAX, &s, err);
		if (r == 0)
			session_free(&s);
		for (u32 k = 0; r == 0 && k < n; k++)
			VEC_PUSH(t->rows, t->n_rows, t->cap_rows, rows[k]);
		*same &= alike;
	}
	free(rows);
	return r;
}

int trial_under(struct trial *t, const struct run_tree *tree, const char *name, const struct run_spec *spec, bool *same, struct error *err)
{
	struct trials *in = inside(t);
	struct trial_row *rows = xcalloc(in->n_slots, sizeof *rows), row = { .name = arena_strdup(&t->a, str_of(name)), .pass = true };
	u32 all = 0, good = 0;
	int r = 0;
	for (u32 i = 0; i < in->n_launches && r == 0; i++) {
		struct session s = { 0 };
		bool alike = true;
		u32 n = 0;
		r = run_and_compare(t, &(struct how){ .tree = tree, .spec = spec, .verify = true }, &in->launches[i], rows, &n, &alike, 1, &s, err);
		if (r == 0)
			session_free(&s);
		for (u32 k = 0; r == 0 && k < n; k++, all++) {
			good += rows[k].pass;
			if (!rows[k].pass && row.pass)
				snprintf(row.why, sizeof row.why, "%.80s: %.200s", rows[k].name, rows[k].why);
			row.pass &= rows[k].pass;
		}
	}
	snprintf(row.before, sizeof row.before, "%u answers", all);
	snprintf(row.after, sizeof row.after, "%u the same", good);
	*same = row.pass;
	if (r == 0)
		VEC_PUSH(t->rows, t->n_rows, t->cap_rows, row);
	free(rows);
	return r;
}

/* --- told --- */

static void row_json(struct jsonw *w, const struct trial_row *r)
{
	jsonw_obj(w);
	jsonw_kz(w, "name", r->name);
	jsonw_kz(w, "before", r->before);
	jsonw_kz(w, "after", r->after);
	jsonw_kb(w, "pass", r->pass);
	jsonw_kz(w, "why", r->why[0] ? r->why : NULL);
	jsonw_kz(w, "masked", r->masked[0] ? r->masked : NULL);
	jsonw_end(w);
}

static void round_json(struct jsonw *w, const struct trial *t, u32 round)
{
	char name[16];
	snprintf(name, sizeof name, "round %u", round);
	jsonw_obj(w);
	jsonw_key(w, "misses");
	jsonw_arr(w);
	for (u32 i = 0; i < t->n_misses; i++) {
		if (t->misses[i].round != round)
			continue;
		jsonw_obj(w);
		jsonw_kz(w, "path", t->misses[i].path);
		jsonw_kz(w, "by", t->misses[i].by[0] ? t->misses[i].by : NULL);
		jsonw_end(w);
	}
	jsonw_end(w);
	jsonw_key(w, "differences");
	jsonw_arr(w);
	for (u32 i = 0; i < t->n_differences; i++) {
		if (strcmp(t->differences[i].masked, name) != 0)
			continue;
		jsonw_obj(w);
		jsonw_kz(w, "name", t->differences[i].name);
		jsonw_kz(w, "why", t->differences[i].why);
		jsonw_end(w);
	}
	jsonw_end(w);
	jsonw_end(w);
}

void trial_json(struct jsonw *w, const struct trial *t)
{
	jsonw_obj(w);
	jsonw_kz(w, "runtime", t->runtime);
	jsonw_kz(w, "kind", t->service ? "service" : "command");
	jsonw_key(w, "notes");
	jsonw_arr(w);
	for (u32 i = 0; i < t->notes.n; i++)
		jsonw_str(w, str_of(t->notes.v[i]));
	jsonw_end(w);
	jsonw_key(w, "deny");
	jsonw_arr(w);
	for (u32 i = 1; i <= t->rounds; i++)
		round_json(w, t, i);
	jsonw_end(w);
	jsonw_key(w, "stops");
	jsonw_arr(w);
	for (u32 i = 0; i < t->n_stops; i++)
		jsonw_u64(w, t->stops[i]);
	jsonw_end(w);
	jsonw_key(w, "checks");
	jsonw_arr(w);
	for (u32 i = 0; i < t->n_rows; i++)
		row_json(w, &t->rows[i]);
	jsonw_end(w);
	jsonw_end(w);
}
