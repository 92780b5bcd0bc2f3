#include "package/changes.h"
#include "version/version.h"

const char *const package_change_text[PACKAGE_CHANGE_KINDS] = { "added", "removed", "upgraded", "downgraded", "resized" };

int package_version_cmp(const char *type, const char *a, const char *b) { return version_order(version_scheme_of_type(type), a, b); }

static void add(struct package_changes *ret, const struct package *a, const struct package *b)
{
	struct package_change c = { PACKAGE_RESIZED, a, b };
	if (!a || !b) {
		c.kind = b ? PACKAGE_ADDED : PACKAGE_REMOVED;
	} else if (strcmp(a->version, b->version) != 0) {
		c.kind = package_version_cmp(a->type, a->version, b->version) <= 0 ? PACKAGE_UPGRADED : PACKAGE_DOWNGRADED;
	} else if (a->bytes == b->bytes && a->files == b->files) {
		return;
	}
	ret->count[c.kind]++;
	VEC_PUSH(ret->v, ret->n, ret->cap, c);
}

static int name_cmp(const struct package *a, const struct package *b)
{
	int c = strcmp(a->type, b->type);
	return c ? c : strcmp(a->name, b->name);
}

static int arch_cmp(const void *x, const void *y)
{
	const struct package *a = *(const struct package *const *)x, *b = *(const struct package *const *)y;
	int c = strcmp(a->arch, b->arch);
	c = c ? c : strcmp(a->version, b->version);
	return c ? c : (a > b) - (a < b);
}

/* All packages of one type and name: equal versions first, what is left by architecture in order. */
static void compare_group(struct package_changes *ret, const struct package **a, u32 n_a, const struct package **b, u32 n_b)
{
	if (n_a)
		qsort(a, n_a, sizeof *a, arch_cmp);
	if (n_b)
		qsort(b, n_b, sizeof *b, arch_cmp);
	u32 left_a = 0, left_b = 0, i, j;
	for (i = 0, j = 0; i < n_a || j < n_b;) {
		int c = i == n_a ? 1 : j == n_b ? -1 : strcmp(a[i]->arch, b[j]->arch);
		c = c ? c : strcmp(a[i]->version, b[j]->version);
		if (c == 0)
			add(ret, a[i++], b[j++]);
		else if (c < 0)
			a[left_a++] = a[i++];
		else
			b[left_b++] = b[j++];
	}
	for (i = 0, j = 0; i < left_a || j < left_b;) {
		int c = i == left_a ? 1 : j == left_b ? -1 : strcmp(a[i]->arch, b[j]->arch);
		add(ret, c <= 0 ? a[i] : NULL, c >= 0 ? b[j] : NULL);
		i += c <= 0;
		j += c >= 0;
	}
}

static u64 weight(const struct package_change *c)
{
	u64 a = c->a ? c->a->bytes : 0, b = c->b ? c->b->bytes : 0;
	return c->kind == PACKAGE_RESIZED ? (a > b ? a - b : b - a) : MAX(a, b);
}

static int weight_cmp(const void *x, const void *y)
{
	const struct package_change *a = x, *b = y;
	u64 wa = weight(a), wb = weight(b);
	if (wa != wb)
		return wa < wb ? 1 : -1;
	const struct package *pa = a->b ? a->b : a->a, *pb = b->b ? b->b : b->a;
	int c = name_cmp(pa, pb);
	c = c ? c : strcmp(pa->version, pb->version);
	c = c ? c : strcmp(pa->arch, pb->arch);
	return c ? c : (int)a->kind - (int)b->kind;
}

void packages_compare(const struct packages *a, const struct packages *b, struct package_changes *ret)
{
	*ret = (struct package_changes){ 0 };
	autofree const struct package **va = xcalloc((size_t)a->n + 1, sizeof *va), **vb = xcalloc((size_t)b->n + 1, sizeof *vb);
	for (u32 i = 0, j = 0; i < a->n || j < b->n;) {
		int c = i == a->n ? 1 : j == b->n ? -1 : name_cmp(&a->v[i], &b->v[j]);
		const struct package *first = c <= 0 ? &a->v[i] : &b->v[j];
		u32 n_a = 0, n_b = 0;
		while (i < a->n && name_cmp(&a->v[i], first) == 0)
			va[n_a++] = &a->v[i++];
		while (j < b->n && name_cmp(&b->v[j], first) == 0)
			vb[n_b++] = &b->v[j++];
		compare_group(ret, va, n_a, vb, n_b);
	}
	if (ret->n)
		qsort(ret->v, ret->n, sizeof *ret->v, weight_cmp);
}

void package_changes_free(struct package_changes *c)
{
	free(c->v);
	*c = (struct package_changes){ 0 };
}
