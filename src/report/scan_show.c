#include "report/scan_show.h"
#include "report/examine.h"

bool scan_same_group(const struct scan_finding *a, const struct scan_finding *b)
{
	return a->kind == b->kind && strcmp(a->package, b->package) == 0 && strcmp(a->version, b->version) == 0 && (*a->package || strcmp(a->path, b->path) == 0) && a->presence == b->presence;
}

struct place {
	u32 at, group; /* group: the first, so the worst, of its like */
};

static int by_like(const void *a, const void *b, void *ctx)
{
	const struct scan_finding *v = ctx, *x = &v[((const struct place *)a)->at], *y = &v[((const struct place *)b)->at];
	int c = (int)x->kind - (int)y->kind;
	c = c ? c : strcmp(x->package, y->package);
	c = c ? c : strcmp(x->version, y->version);
	c = c || *x->package ? c : strcmp(x->path, y->path);
	c = c ? c : (int)x->presence - (int)y->presence;
	return c ? c : (((const struct place *)a)->at > ((const struct place *)b)->at) - (((const struct place *)a)->at < ((const struct place *)b)->at);
}

static int by_group(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	return x->group != y->group ? (x->group > y->group) - (x->group < y->group) : (x->at > y->at) - (x->at < y->at);
}

u32 scan_order(const struct scan *s, bool suppressed, u32 **order)
{
	struct place *v = xcalloc(s->n + 1, sizeof *v);
	u32 n = 0;
	for (u32 i = 0; i < s->n; i++)
		if (suppressed || !*s->v[i].suppressed)
			v[n++].at = i;
	if (n)
		qsort_r(v, n, sizeof *v, by_like, s->v);
	for (u32 i = 0; i < n; i++)
		v[i].group = i && scan_same_group(&s->v[v[i - 1].at], &s->v[v[i].at]) ? v[i - 1].group : v[i].at;
	if (n)
		qsort(v, n, sizeof *v, by_group);
	*order = xcalloc(n + 1, sizeof **order);
	for (u32 i = 0; i < n; i++)
		(*order)[i] = v[i].at;
	free(v);
	return n;
}

/* --- what to do first --- */
struct doing {
	struct scan_action a;
	const char *command; /* of the system's packages: they go together, a layer at a time */
	const char *key;     /* else the remedy */
	s32 layer;
	struct buf names; /* separated by blanks */
	u32 n_names;
};

static struct doing *doing_of(struct doing **v, u32 *n, u32 *cap, const char *command, s32 layer, const char *key)
{
	for (u32 i = 0; i < *n; i++) {
		struct doing *d = &(*v)[i];
		if (command ? d->command && strcmp(d->command, command) == 0 && d->layer == layer : !d->command && strcmp(d->key, key) == 0)
			return d;
	}
	struct doing d = { .command = command, .key = key, .layer = layer };
	VEC_PUSH(*v, *n, *cap, d);
	return &(*v)[*n - 1];
}

static int by_risk(const void *a, const void *b)
{
	const struct scan_action *x = a, *y = b;
	return x->risk != y->risk ? (x->risk < y->risk ? 1 : -1) : strcmp(x->text, y->text);
}

#define NAMES 8     /* packages that one line names */
#define ACTIONS 200 /* told apart; what is less risky than these is left to the list itself */

static const char *text_of(const struct subject *s, struct arena *a, const struct doing *d)
{
	if (!d->command)
		return d->key;
	struct buf instruction = BUF(200);
	bool base = s->image && d->layer >= 0 && (u32)d->layer < image_base_layers(s->image);
	if (s->image && d->layer >= 0 && (u32)d->layer < s->image->n_layers)
		image_instruction(s->image, (u32)d->layer, &instruction);
	const char *names = buf_str(&d->names).p, *more = d->n_names > NAMES ? arena_printf(a, " and %u more", d->n_names - NAMES) : "";
	const char *z = base ? arena_printf(a, "take a newer base image, or %s %s%s", d->command, names, more) :
		instruction.n ? arena_printf(a, "%s %s%s in layer %d: %.*s", d->command, names, more, d->layer, (int)MIN(instruction.n, (size_t)60), instruction.p) :
				arena_printf(a, "%s %s%s", d->command, names, more);
	buf_free(&instruction);
	return z;
}

u32 scan_actions(const struct subject *s, const struct scan *scan, struct arena *a, struct scan_action **ret)
{
	struct doing *v = NULL;
	u32 n = 0, cap = 0;
	autofree u8 *seen = xcalloc((s->packages ? s->packages->n : 0) + 1, 1);
	for (u32 i = 0; i < scan->n; i++) {
		const struct scan_finding *f = &scan->v[i];
		if (*f->suppressed || !*f->remedy || (f->kind == KIND_VULNERABILITY && !*f->fixed_version))
			continue;
		const struct package *k = f->kind == KIND_VULNERABILITY && f->package_index >= 0 && s->packages ? &s->packages->v[f->package_index] : NULL;
		const char *command = k ? remedy_command(s->packages, k->type) : NULL;
		if (n >= ACTIONS && !command)
			continue;
		struct doing *d = doing_of(&v, &n, &cap, command, f->layer, f->remedy);
		if (command && !seen[f->package_index]) {
			seen[f->package_index] = 1;
			if (d->n_names++ < NAMES)
				buf_printf(&d->names, "%s%s", d->names.n ? " " : "", f->package);
		}
		d->a.first = d->a.first ? d->a.first : f; /* they come by risk */
		d->a.risk += f->risk;
		d->a.count++;
		if (f->unrated)
			d->a.unrated++;
		else
			d->a.severity[f->severity]++;
		d->a.kev += *f->kev != '\0';
	}
	*ret = xcalloc(n + 1, sizeof **ret);
	for (u32 i = 0; i < n; i++) {
		v[i].a.text = text_of(s, a, &v[i]);
		(*ret)[i] = v[i].a;
		buf_free(&v[i].names);
	}
	if (n)
		qsort(*ret, n, sizeof **ret, by_risk);
	free(v);
	return n;
}

const char *scan_severity(const struct scan_finding *f) { return f->unrated ? "unknown" : severity_text[f->severity]; }

const char *scan_where(const struct scan_finding *f, char out[512])
{
	if (*f->package)
		snprintf(out, 512, "%s%s%s", f->package, *f->version ? " " : "", f->version);
	else if (f->line)
		snprintf(out, 512, "%s:%u", f->path, f->line);
	else
		snprintf(out, 512, "%s", f->path);
	return out;
}

const char *scan_title(const struct subject *s) { return s->image ? image_title(s->image) : s->packages && *s->packages->os_pretty ? s->packages->os_pretty : "SBOM"; }

const char *scan_system(const struct scan *scan, char out[128])
{
	if (*scan->os.pretty)
		snprintf(out, 128, "%s", scan->os.pretty);
	else
		snprintf(out, 128, "%s%s%s", scan->os.id, *scan->os.version ? " " : "", scan->os.version);
	return out;
}
