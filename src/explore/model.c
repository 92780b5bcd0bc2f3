#include "explore/model.h"

#define F_SHOWN 1
#define F_COLLAPSED 2
#define F_COUNTED 8 /* its bytes stand in the sums of the directories above: the first name of its inode */
#define F_DIR 4 /* a directory in either state, or something with names below it */

static bool cmp_names(const struct model *m, node_id a, node_id b)
{
	return strcmp(rootfs_node(m->full, a)->name, rootfs_node(m->full, b)->name) <= 0;
}

static bool before(const struct model *m, node_id a, node_id b)
{
	if (m->by_size && m->size[a] != m->size[b])
		return m->size[a] > m->size[b];
	return cmp_names(m, a, b);
}

/* Bottom-up merge sort: names of an image must not be able to choose a bad case, and no recursion. */
static void sort_ids(const struct model *m, node_id *v, u32 n, node_id *spare)
{
	for (u32 i = 1; i < n; i++) {
		if (!before(m, v[i - 1], v[i]))
			goto unsorted;
	}
	return;
unsorted:
	for (u32 w = 1; w < n; w *= 2) {
		for (u32 lo = 0; lo < n; lo += 2 * w) {
			u32 mid = MIN(lo + w, n), hi = MIN(mid + w, n), a = lo, b = mid, k = lo;
			while (a < mid || b < hi)
				spare[k++] = b >= hi || (a < mid && before(m, v[a], v[b])) ? v[a++] : v[b++];
		}
		memcpy(v, spare, n * sizeof *v);
	}
}

static void sort_all(struct model *m)
{
	node_id *spare = xmalloc((size_t)m->n * sizeof *spare);
	for (u32 i = 1; i < m->n; i++) {
		if (m->start[i + 1] - m->start[i] > 1)
			sort_ids(m, m->kids + m->start[i], m->start[i + 1] - m->start[i], spare);
	}
	free(spare);
}

void model_init(struct model *m, const struct image *img, const struct rootfs *full)
{
	*m = (struct model){ .image = img, .full = full };
	timeline_build(&m->timeline, img);
	m->n = MAX(full->nodes.n, (u32)2);
	m->was = xcalloc(m->n, sizeof *m->was);
	m->now = xcalloc(m->n, sizeof *m->now);
	m->diff = xcalloc(m->n, 1);
	m->flags = xcalloc(m->n, 1);
	m->size = xcalloc(m->n, sizeof *m->size);
	m->kids = xcalloc(m->n, sizeof *m->kids);
	m->start = xcalloc((size_t)m->n + 2, sizeof *m->start);
	m->row_of = xcalloc(m->n, sizeof *m->row_of);
	for (u32 i = ROOTFS_ROOT + 1; i < full->nodes.n; i++)
		m->start[rootfs_node(full, i)->parent + 2]++;
	for (u32 i = 2; i < m->n + 2; i++)
		m->start[i] += m->start[i - 1];
	for (u32 i = ROOTFS_ROOT + 1; i < full->nodes.n; i++)
		m->kids[m->start[rootfs_node(full, i)->parent + 1]++] = i;
	m->seen_at = xcalloc((size_t)img->n_layers + 1, sizeof *m->seen_at);
	for (u32 i = 0; i < img->n_layers; i++)
		m->seen_at[i + 1] = m->seen_at[i] + (img->layers[i].facts ? img->layers[i].facts->entries.n : 0);
	m->seen = xcalloc((size_t)m->seen_at[img->n_layers] / 64 + 1, sizeof *m->seen);
	sort_all(m);
	model_select_layer(m, 0);
}

void model_free(struct model *m)
{
	timeline_free(&m->timeline);
	match_free(&m->match);
	free(m->was), free(m->now), free(m->diff), free(m->flags), free(m->size), free(m->kids), free(m->start), free(m->row_of);
	free(m->seen), free(m->seen_at), free(m->rows);
	*m = (struct model){ 0 };
}

static const struct version *version(const struct model *m, u32 at) { return at ? &m->timeline.v[at - 1] : NULL; }

const struct version *model_version(const struct model *m, node_id id) { return version(m, m->now[id] ? m->now[id] : m->was[id]); }

const struct fact_entry *model_entry(const struct model *m, node_id id)
{
	const struct version *v = model_version(m, id);
	return v ? version_entry(m->image, v) : NULL;
}

bool model_is_dir(const struct model *m, node_id id) { return m->flags[id] & F_DIR; }
bool model_collapsed(const struct model *m, node_id id) { return m->flags[id] & F_COLLAPSED; }
static node_id parent(const struct model *m, node_id id) { return id > ROOTFS_ROOT ? rootfs_node(m->full, id)->parent : 0; }

/* The state after the layers below `layers`: the last version of each name, where all directories above it are there too. */
static void replay(const struct model *m, u32 layers, u32 *state)
{
	memset(state, 0, (size_t)m->n * sizeof *state);
	u32 end = layers ? m->timeline.end[layers - 1] : 0;
	for (u32 i = 0; i < end; i++) {
		const struct version *v = &m->timeline.v[i];
		if (v->node < m->n)
			state[v->node] = v->gone ? 0 : i + 1;
	}
	for (u32 i = ROOTFS_ROOT + 1; i < m->n; i++) {
		node_id p = parent(m, i);
		if (p != ROOTFS_ROOT && !state[p])
			state[i] = 0;
	}
}

static u8 type_of(const struct fact_entry *e) { return e ? e->type : TAR_DIR; }

static enum diff compare(const struct model *m, node_id id)
{
	if (!m->was[id] || !m->now[id])
		return m->now[id] ? DIFF_ADDED : m->was[id] ? DIFF_REMOVED : DIFF_SAME;
	const struct version *a = version(m, m->was[id]), *b = version(m, m->now[id]);
	if (a == b || (a->from == b->from && a->entry == b->entry))
		return DIFF_SAME;
	const struct fact_entry *ea = version_entry(m->image, a), *eb = version_entry(m->image, b);
	u8 ta = type_of(ea), tb = type_of(eb);
	if (ta != tb || tb == TAR_FILE || tb == TAR_HARDLINK)
		return DIFF_CHANGED; /* a file that is stored again takes its bytes again, whether they differ or not */
	u32 mode_a = ea ? ea->mode : 0755, mode_b = eb ? eb->mode : 0755, uid_a = ea ? ea->uid : 0, uid_b = eb ? eb->uid : 0;
	if (mode_a != mode_b || uid_a != uid_b || (ea ? ea->gid : 0) != (eb ? eb->gid : 0))
		return DIFF_CHANGED;
	const struct facts *fa = m->image->layers[a->from].facts, *fb = m->image->layers[b->from].facts;
	struct str xa = ea ? facts_xattrs(fa, ea) : STR(""), xb = eb ? facts_xattrs(fb, eb) : STR("");
	if (!str_eq(xa, xb))
		return DIFF_CHANGED;
	if (tb == TAR_SYMLINK)
		return strcmp(facts_string(fa, ea->link), facts_string(fb, eb->link)) ? DIFF_CHANGED : DIFF_SAME;
	return ea && eb && ea->rdev != eb->rdev ? DIFF_CHANGED : DIFF_SAME;
}

static u64 own_size(struct model *m, node_id id)
{
	const struct version *v = model_version(m, id);
	const struct fact_entry *e = v ? version_entry(m->image, v) : NULL;
	if (!e || e->type != TAR_FILE)
		return 0;
	u32 bit = m->seen_at[v->from] + v->entry;
	bool seen = m->seen[bit / 64] >> (bit % 64) & 1;
	if (m->now[id])
		m->seen[bit / 64] |= (u64)1 << (bit % 64);
	if (!seen || !m->now[id])
		m->flags[id] |= F_COUNTED;
	return e->size;
}

static void measure(struct model *m)
{
	memset(m->seen, 0, ((size_t)m->seen_at[m->image->n_layers] / 64 + 1) * sizeof *m->seen);
	memset(m->counts, 0, sizeof m->counts);
	for (u32 i = ROOTFS_ROOT + 1; i < m->n; i++) {
		m->flags[i] &= (u8)~(F_DIR | F_COUNTED);
		m->size[i] = own_size(m, i);
		m->diff[i] = (u8)compare(m, i);
		if (!m->now[i] && !m->was[i])
			continue;
		if (type_of(model_entry(m, i)) == TAR_DIR)
			m->flags[i] |= F_DIR;
		else
			m->counts[m->diff[i]]++;
	}
	m->size[ROOTFS_ROOT] = 0;
	for (u32 i = m->n - 1; i > ROOTFS_ROOT; i--) { /* a directory comes before what is in it */
		node_id p = parent(m, i);
		if (!m->now[i] && !m->was[i])
			continue;
		m->flags[p] |= F_DIR;
		if ((m->flags[i] & (F_COUNTED | F_DIR)) && (m->now[i] || (!m->now[p] && p != ROOTFS_ROOT)))
			m->size[p] += m->size[i];
		if (m->diff[i] != DIFF_SAME && m->diff[p] == DIFF_SAME)
			m->diff[p] = DIFF_CHANGED;
	}
}

/* Walks what is there, directories before their entries, in the sort order. */
struct walk {
	struct { u32 at, end, up; } *v; /* up: 1 + row of the directory */
	u32 n, cap;
};

static void walk_into(struct walk *w, const struct model *m, node_id dir, u32 up)
{
	if (w->n == w->cap) {
		w->cap = w->cap ? w->cap * 2 : 64;
		w->v = xrealloc(w->v, w->cap * sizeof *w->v);
	}
	w->v[w->n].at = m->start[dir];
	w->v[w->n].end = m->start[dir + 1];
	w->v[w->n++].up = up;
}

static void match_all(struct model *m)
{
	struct walk w = { 0 };
	char *path = xmalloc(MODEL_PATH);
	u32 *ends = NULL, cap_ends = 0;
	walk_into(&w, m, ROOTFS_ROOT, 0);
	while (w.n) {
		u32 d = w.n - 1;
		if (w.v[d].at == w.v[d].end) {
			w.n--;
			continue;
		}
		node_id id = m->kids[w.v[d].at++];
		if (!m->now[id] && !m->was[id])
			continue;
		if (d + 2 > cap_ends) {
			u32 cap = (d + 2) * 2;
			ends = xrealloc(ends, cap * sizeof *ends);
			if (!cap_ends)
				ends[0] = 0;
			cap_ends = cap;
		}
		const char *name = rootfs_node(m->full, id)->name;
		size_t at = ends[d], n = strlen(name);
		if (at + n + 2 > MODEL_PATH)
			n = MODEL_PATH - at >= 2 ? MODEL_PATH - at - 2 : 0;
		if (at + 2 <= MODEL_PATH) {
			path[at++] = '/';
			memcpy(path + at, name, n);
			at += n;
			path[at] = '\0';
		}
		ends[d + 1] = (u32)at;
		if (!(m->hidden >> m->diff[id] & 1) && match_path(&m->match, path, at))
			m->flags[id] |= F_SHOWN;
		if (m->start[id] != m->start[id + 1])
			walk_into(&w, m, id, 0);
	}
	free(ends);
	free(path);
	free(w.v);
}

static void show(struct model *m)
{
	for (u32 i = 0; i < m->n; i++)
		m->flags[i] &= (u8)~F_SHOWN;
	if (m->match.kind != MATCH_ALL) {
		match_all(m);
	} else {
		for (u32 i = ROOTFS_ROOT + 1; i < m->n; i++) {
			if ((m->now[i] || m->was[i]) && !(m->hidden >> m->diff[i] & 1))
				m->flags[i] |= F_SHOWN;
		}
	}
	for (u32 i = m->n - 1; i > ROOTFS_ROOT; i--) {
		if (m->flags[i] & F_SHOWN)
			m->flags[parent(m, i)] |= F_SHOWN;
	}
}

static void fill_rows(struct model *m)
{
	struct walk w = { 0 };
	m->n_rows = 0;
	memset(m->row_of, 0, (size_t)m->n * sizeof *m->row_of);
	walk_into(&w, m, ROOTFS_ROOT, 0);
	while (w.n) {
		u32 d = w.n - 1;
		while (w.v[d].at < w.v[d].end && !(m->flags[m->kids[w.v[d].at]] & F_SHOWN))
			w.v[d].at++;
		if (w.v[d].at == w.v[d].end) {
			w.n--;
			continue;
		}
		node_id id = m->kids[w.v[d].at++];
		u32 next = w.v[d].at;
		while (next < w.v[d].end && !(m->flags[m->kids[next]] & F_SHOWN))
			next++;
		w.v[d].at = next;
		struct row r = { .node = id, .up = w.v[d].up, .depth = d, .last = next == w.v[d].end };
		VEC_PUSH(m->rows, m->n_rows, m->cap_rows, r);
		m->row_of[id] = m->n_rows;
		if (!(m->flags[id] & F_COLLAPSED) && m->start[id] != m->start[id + 1])
			walk_into(&w, m, id, m->n_rows);
	}
	free(w.v);
	/* What was selected, else the nearest directory above it, else the row where it stood. */
	node_id s = m->sel_node;
	while (s > ROOTFS_ROOT && !m->row_of[s])
		s = parent(m, s);
	m->sel = s > ROOTFS_ROOT ? m->row_of[s] - 1 : m->n_rows ? MIN(m->sel, m->n_rows - 1) : 0;
	if (!m->sel_node && m->n_rows)
		m->sel_node = m->rows[m->sel].node;
}

static void update(struct model *m)
{
	show(m);
	fill_rows(m);
}

static void recompute(struct model *m)
{
	if (m->image->n_layers) {
		u32 was = m->layer == 0 || m->aggregated ? 1 : m->layer;
		replay(m, m->layer + 1, m->now);
		if (was == m->layer + 1)
			memcpy(m->was, m->now, (size_t)m->n * sizeof *m->was);
		else
			replay(m, was, m->was);
	}
	measure(m);
	if (m->by_size)
		sort_all(m);
	update(m);
}

void model_select_layer(struct model *m, u32 layer)
{
	m->layer = m->image->n_layers ? MIN(layer, m->image->n_layers - 1) : 0;
	recompute(m);
}

void model_aggregate(struct model *m, bool on)
{
	m->aggregated = on;
	recompute(m);
}

void model_toggle_hidden(struct model *m, enum diff d)
{
	m->hidden ^= (u8)(1 << d);
	update(m);
}

void model_sort(struct model *m, bool by_size)
{
	m->by_size = by_size;
	sort_all(m);
	update(m);
}

void model_toggle(struct model *m, node_id dir)
{
	if (dir && model_is_dir(m, dir)) {
		m->flags[dir] ^= F_COLLAPSED;
		update(m);
	}
}

void model_toggle_all(struct model *m)
{
	m->all_collapsed = !m->all_collapsed;
	for (u32 i = ROOTFS_ROOT + 1; i < m->n; i++)
		m->flags[i] = m->all_collapsed ? m->flags[i] | F_COLLAPSED : m->flags[i] & (u8)~F_COLLAPSED;
	update(m);
}

int model_filter(struct model *m, const char *text, struct error *err)
{
	struct match new;
	if (match_compile(&new, text, err) < 0)
		return -1;
	match_free(&m->match);
	m->match = new;
	update(m);
	return 0;
}

void model_reveal(struct model *m, node_id id)
{
	if (id <= ROOTFS_ROOT || id >= m->n || (!m->now[id] && !m->was[id]))
		return;
	for (node_id p = parent(m, id); p > ROOTFS_ROOT; p = parent(m, p))
		m->flags[p] &= (u8)~F_COLLAPSED;
	m->sel_node = id;
	update(m);
}

static void select_row(struct model *m, u32 row)
{
	m->sel = row;
	m->sel_node = m->n_rows ? m->rows[row].node : 0;
}

void model_move(struct model *m, s64 rows)
{
	if (m->n_rows) {
		s64 to = (s64)m->sel + rows;
		select_row(m, to < 0 ? 0 : to >= (s64)m->n_rows ? m->n_rows - 1 : (u32)to);
	}
}

void model_left(struct model *m)
{
	if (m->n_rows && m->rows[m->sel].up)
		select_row(m, m->rows[m->sel].up - 1);
}

void model_right(struct model *m)
{
	if (!m->n_rows || !model_is_dir(m, m->rows[m->sel].node))
		return;
	node_id id = m->rows[m->sel].node;
	if (m->flags[id] & F_COLLAPSED)
		model_toggle(m, id);
	if (m->sel + 1 < m->n_rows && m->rows[m->sel + 1].up == m->sel + 1)
		select_row(m, m->sel + 1);
}
