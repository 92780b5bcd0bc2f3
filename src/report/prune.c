#include "report/prune.h"
#include "base/jsonw.h"
#include "base/text.h"
#include "report/columns.h"

const char *const prune_kind_text[] = { [PRUNE_CONTAINER] = "container", [PRUNE_IMAGE] = "image", [PRUNE_VOLUME] = "volume", [PRUNE_NETWORK] = "network", [PRUNE_CACHE] = "cache",
	[PRUNE_TAG] = "tag", [PRUNE_MANIFEST] = "manifest", [PRUNE_BLOB] = "blobs" };

static int largest_first(const void *x, const void *y)
{
	const struct prune_item *a = *(const struct prune_item *const *)x, *b = *(const struct prune_item *const *)y;
	if (a->bytes != b->bytes)
		return a->bytes > b->bytes ? -1 : 1;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	int c = strcmp(a->name ? a->name : "", b->name ? b->name : "");
	return c ? c : strcmp(a->id ? a->id : "", b->id ? b->id : "");
}

/* "<none>" alone says nothing. */
static void name_cell(struct columns *c, const struct prune_item *i)
{
	const char *name = i->name && i->name[0] ? i->name : "<none>", *id = i->id ? i->id : "", *colon = strchr(id, ':');
	if (strcmp(name, "<none>") == 0)
		columns_addf(c, "<none> %.12s", colon && i->kind != PRUNE_TAG ? colon + 1 : id);
	else
		columns_add(c, name);
}

static void rows(FILE *f, const struct prune_item *items, u32 n, bool goes, s64 now)
{
	const struct prune_item **v = xcalloc((size_t)n + 1, sizeof *v);
	struct columns c = { .n = 5, .right = 1u << 2, .most = { [1] = 80, [4] = 90 } };
	u32 k = 0;
	for (u32 i = 0; i < n; i++)
		if (items[i].goes == goes)
			v[k++] = &items[i];
	if (k)
		qsort(v, k, sizeof *v, largest_first);
	static const char *const heading[] = { "NAME", "SIZE", "LAST USED", "WHY" };
	columns_add(&c, goes ? "GOES" : "STAYS");
	for (u32 i = 0; i < countof(heading); i++)
		columns_add(&c, heading[i]);
	for (u32 i = 0; i < k; i++) {
		columns_add(&c, prune_kind_text[v[i]->kind]);
		name_cell(&c, v[i]);
		columns_add(&c, TEXT_SIZE(v[i]->bytes));
		columns_add(&c, COLUMNS_AGO(MAX(v[i]->created, v[i]->used), now));
		columns_add(&c, v[i]->why);
	}
	if (k)
		columns_write(f, &c);
	columns_free(&c);
	free(v);
}

void prune_table(FILE *f, const struct prune_item *items, u32 n, bool all, s64 now)
{
	struct prune_sum sum = prune_total(items, n);
	rows(f, items, n, true, now);
	if (all && sum.stay) {
		if (sum.go)
			putc('\n', f);
		rows(f, items, n, false, now);
	}
	if (sum.go || (all && sum.stay))
		putc('\n', f);
	if (sum.go)
		fprintf(f, "%s to free: %s %s; %s stay%s.\n", TEXT_SIZE(sum.bytes), TEXT_COUNT(sum.go), sum.go == 1 ? "goes" : "go", TEXT_COUNT(sum.stay), sum.stay == 1 ? "s" : "");
	else
		fprintf(f, "Nothing goes; %s stay%s.\n", TEXT_COUNT(sum.stay), sum.stay == 1 ? "s" : "");
}

static void time_json(struct jsonw *w, const char *key, s64 t)
{
	char text[40];
	jsonw_kz(w, key, t > 0 ? text_time(t, text) : NULL);
}

void prune_json(FILE *f, const char *place, const struct prune_item *items, u32 n, const u64 *freed)
{
	struct prune_sum sum = prune_total(items, n);
	struct jsonw w;
	jsonw_init(&w, f, 2);
	jsonw_obj(&w);
	jsonw_kz(&w, "place", place);
	jsonw_kb(&w, "dry_run", !freed);
	jsonw_key(&w, "items");
	jsonw_arr(&w);
	for (u32 i = 0; i < n; i++) {
		jsonw_obj(&w);
		jsonw_kz(&w, "kind", prune_kind_text[items[i].kind]);
		jsonw_kz(&w, "id", items[i].id);
		jsonw_kz(&w, "name", items[i].name);
		time_json(&w, "created", items[i].created);
		time_json(&w, "used", items[i].used);
		jsonw_ku(&w, "bytes", items[i].bytes);
		jsonw_kb(&w, "goes", items[i].goes);
		jsonw_kz(&w, "why", items[i].why);
		jsonw_end(&w);
	}
	jsonw_end(&w);
	jsonw_ku(&w, "go", sum.go);
	jsonw_ku(&w, "stay", sum.stay);
	jsonw_ku(&w, "bytes", sum.bytes);
	jsonw_key(&w, "freed");
	if (freed)
		jsonw_u64(&w, *freed);
	else
		jsonw_null(&w);
	jsonw_end(&w);
}
