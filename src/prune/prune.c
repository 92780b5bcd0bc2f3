/* prune.c — filters, ages, and the decision. Pure: no place is asked, no clock. */
#include "prune/prune.h"
#include "base/str.h"
#include "base/text.h"
#include <time.h>

/* --- ages and filters --- */
static int bad_age(const char *text, struct error *err)
{
	return error_set(err, ERR_USAGE, "%.60s: no age or date; say 30d, 24h, 2w, 2024-01-02, 2024-01-02T03:04:05Z, or seconds since 1970", text);
}

/* "1h30m", "2w", "1.5h": what Go's durations are, with days, weeks and years. false: it is none. */
static bool duration(struct str s, double *ret)
{
	static const struct { const char *unit; double seconds; } units[] = { { "ns", 1e-9 }, { "us", 1e-6 }, { "ms", 1e-3 }, { "s", 1 }, { "m", 60 }, { "h", 3600 }, { "d", 86400 }, { "w", 604800 }, { "y", 31536000 } };
	*ret = 0;
	for (size_t i = 0; i < s.n;) {
		double v = 0, scale = 1;
		size_t digits = 0, from;
		bool point = false;
		for (; i < s.n && ((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] == '.' && !point)); i++) {
			if (s.p[i] == '.') {
				point = true;
				continue;
			}
			v = v * 10 + (s.p[i] - '0');
			scale *= point ? 10 : 1;
			digits++;
		}
		for (from = i; i < s.n && s.p[i] >= 'a' && s.p[i] <= 'z';)
			i++;
		size_t u = 0;
		while (u < countof(units) && !str_is(str_n(s.p + from, i - from), units[u].unit))
			u++;
		if (!digits || digits > 15 || u == countof(units))
			return false;
		*ret += v / scale * units[u].seconds;
	}
	return s.n > 0 && *ret < 1e11;
}

/* RFC 3339, or the beginning of it: a date, a date and a time; without a zone in the local one. */
static bool moment(struct str s, s64 *ret)
{
	char text[40];
	if (s.n < 10 || s.n >= sizeof text || memchr(s.p, '\0', s.n))
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	static const char *const forms[] = { "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d" };
	struct tm tm;
	const char *end = NULL;
	for (size_t i = 0; i < countof(forms) && !end; i++) {
		tm = (struct tm){ .tm_isdst = -1 };
		end = strptime(text, forms[i], &tm);
	}
	if (!end)
		return false;
	if (*end == '.')
		end += 1 + strspn(end + 1, "0123456789");
	if (!*end) {
		*ret = (s64)mktime(&tm);
		return true;
	}
	s64 zone = 0;
	if (strcmp(end, "Z") != 0) {
		if (strlen(end) != 6 || (*end != '+' && *end != '-') || end[3] != ':' || strspn(end + 1, "0123456789") != 2 || strspn(end + 4, "0123456789") != 2)
			return false;
		zone = ((end[1] - '0') * 10 + end[2] - '0') * 3600 + ((end[4] - '0') * 10 + end[5] - '0') * 60;
		zone = *end == '-' ? -zone : zone;
	}
	*ret = (s64)timegm(&tm) - zone;
	return true;
}

int prune_age(const char *text, s64 now, s64 *ret, struct error *err)
{
	struct str s = str_of(text);
	u64 seconds;
	double before;
	if (str_to_u64(s, &seconds) && seconds < 100000000000)
		*ret = (s64)seconds;
	else if (duration(s, &before))
		*ret = now - (s64)before;
	else if (!moment(s, ret))
		return bad_age(text, err);
	if (*ret <= 0) /* 0 would be "any" */
		*ret = 1;
	return 0;
}

static const char *const *with(struct arena *a, const char *const *list, const char *more)
{
	size_t n = 0;
	while (list && list[n])
		n++;
	const char **v = arena_array(a, const char *, n + 2);
	if (n)
		memcpy(v, list, n * sizeof *v);
	v[n] = more;
	return v;
}

int prune_filter(struct arena *a, const char *text, s64 now, struct prune_rules *rules, struct error *err)
{
	struct str value = str_of(text), key = str_cut(&value, '=');
	if (!value.p || !value.n)
		return error_set(err, ERR_USAGE, "--filter %.60s: it is KEY=VALUE: until=24h, label=KEY[=VALUE], label!=KEY[=VALUE], dangling=true", text);
	if (str_is(key, "until"))
		return prune_age(value.p, now, &rules->until, err) < 0 ? error_wrap(err, "--filter until") : 0;
	if (str_is(key, "label")) {
		rules->labels = with(a, rules->labels, arena_strdup(a, value));
	} else if (str_is(key, "label!")) {
		rules->not_labels = with(a, rules->not_labels, arena_strdup(a, value));
	} else if (str_is(key, "dangling")) {
		bool on = str_is(value, "true") || str_is(value, "1");
		if (!on && !str_is(value, "false") && !str_is(value, "0"))
			return error_set(err, ERR_USAGE, "--filter dangling=%.40s: true or false", value.p);
		rules->dangling_off = !on;
	} else {
		return error_set(err, ERR_USAGE, "--filter %.*s: no such filter; there are until, label, label! and dangling", STR_FMT(str_head(key, 40)));
	}
	return 0;
}

/* --- the decision --- */
static s64 touched(const struct prune_item *i) { return MAX(i->created, i->used); }

static bool may_be_named(const struct prune_item *i) { return i->kind == PRUNE_IMAGE || i->kind == PRUNE_VOLUME || i->kind == PRUNE_TAG || i->kind == PRUNE_MANIFEST; }

static bool is_named(const struct prune_item *i) { return may_be_named(i) && !i->dangling; }

/* The pattern that the item's name (with its registry or without), its id, or its tag falls under; NULL: none. */
static const char *matching(const struct prune_item *i, const char *const *patterns)
{
	struct str name = str_of(i->name ? i->name : ""), tag = str_base(name);
	str_cut(&tag, ':');
	for (; patterns && *patterns; patterns++) {
		struct str p = str_of(*patterns);
		if (str_glob(p, name) || (i->path && str_glob(p, str_of(i->path))) || (i->id && str_glob(p, str_of(i->id))) || (tag.n && str_glob(p, tag)))
			return *patterns;
	}
	return NULL;
}

/* Docker's: "key" is any value of it. */
static const char *labelled(const struct prune_item *i, const char *label)
{
	struct str want = str_of(label);
	for (const char *const *l = i->labels; l && *l; l++) {
		struct str have = str_of(*l), key = have;
		key = str_cut(&key, '=');
		if (str_eq(want, have) || str_eq(want, key))
			return *l;
	}
	return NULL;
}

static const char *label_stays(struct arena *a, const struct prune_item *i, const struct prune_rules *r)
{
	for (const char *const *l = r->labels; l && *l; l++)
		if (!labelled(i, *l))
			return arena_printf(a, "has no label %s", *l);
	for (const char *const *l = r->not_labels; l && *l; l++)
		if (labelled(i, *l))
			return arena_printf(a, "has the label %s", *l);
	return NULL;
}

/* "30 days", "36 hours", "5 minutes". */
static const char *span(struct arena *a, s64 seconds)
{
	static const struct { s64 seconds; const char *one; } units[] = { { 86400, "day" }, { 3600, "hour" }, { 60, "minute" }, { 1, "second" } };
	size_t u = 0;
	while (u + 1 < countof(units) && seconds < 2 * units[u].seconds && seconds != units[u].seconds)
		u++;
	s64 n = seconds / units[u].seconds;
	return arena_printf(a, "%lld %s%s", (long long)n, units[u].one, n == 1 ? "" : "s");
}

static const char *age_stays(struct arena *a, const struct prune_item *i, const struct prune_rules *r, s64 now)
{
	if (!r->until || (touched(i) > 0 && touched(i) < r->until))
		return NULL;
	if (touched(i) <= 0)
		return "its age is not known";
	return arena_printf(a, "%s less than %s ago", i->used > i->created ? "used" : "made", span(a, MAX(now - r->until, 1)));
}

/* Why a rule on names lets it stay; NULL: it may go. */
static const char *name_stays(const struct prune_item *i, const struct prune_rules *r)
{
	if (!is_named(i))
		return NULL;
	if (r->names)
		return matching(i, r->names) ? NULL : "matches no pattern";
	if ((i->kind != PRUNE_VOLUME && (r->all || r->dangling_off || r->keep)) || (i->kind == PRUNE_TAG && r->until))
		return NULL;
	return i->kind == PRUNE_MANIFEST ? "has a tag" : "has a name";
}

static const char *why_it_goes(struct arena *a, const struct prune_item *i, const struct prune_rules *r, s64 now)
{
	static const char *const simple[] = { [PRUNE_CONTAINER] = "stopped", [PRUNE_IMAGE] = "untagged", [PRUNE_VOLUME] = "anonymous, used by no container", [PRUNE_NETWORK] = "used by no container",
		[PRUNE_CACHE] = "not in use", [PRUNE_TAG] = "untagged", [PRUNE_MANIFEST] = "untagged", [PRUNE_BLOB] = "nothing needs it" };
	const char *base = is_named(i) ? i->kind == PRUNE_TAG ? "asked for" : "not in use" : simple[i->kind];
	if (is_named(i) && r->keep)
		base = arena_printf(a, "not of the newest %u", r->keep);
	else if (is_named(i) && r->names)
		base = arena_printf(a, "matches %s", matching(i, r->names));
	if (!r->until || i->kind == PRUNE_BLOB)
		return base;
	const char *age = arena_printf(a, "older than %s", span(a, MAX(now - r->until, 1)));
	return strcmp(base, "asked for") == 0 ? age : arena_printf(a, "%s, %s", base, age);
}

/* Newest first, in each group; equal times by name and id, so that nothing depends on the order of the list. */
static int newer(const void *x, const void *y)
{
	const struct prune_item *a = *(struct prune_item *const *)x, *b = *(struct prune_item *const *)y;
	if (a->group != b->group)
		return a->group < b->group ? -1 : 1;
	if (a->created != b->created)
		return a->created > b->created ? -1 : 1;
	int c = strcmp(b->name ? b->name : "", a->name ? a->name : "");
	return c ? c : strcmp(b->id ? b->id : "", a->id ? a->id : "");
}

static void keep_newest(struct arena *a, struct prune_item **v, u32 n, u32 keep)
{
	const char *why = arena_printf(a, keep == 1 ? "the newest is kept" : "the newest %u are kept", keep);
	if (n)
		qsort(v, n, sizeof *v, newer);
	for (u32 i = 0, in_group = 0; i < n; i++) {
		in_group = i && v[i]->group == v[i - 1]->group ? in_group + 1 : 0;
		if (in_group < keep && v[i]->goes) {
			v[i]->goes = false;
			v[i]->why = why;
		}
	}
}

/* What goes first when room is short: what has no name, then what was not touched for longest. */
static int first_to_go(const void *x, const void *y)
{
	const struct prune_item *a = *(struct prune_item *const *)x, *b = *(struct prune_item *const *)y;
	if (a->dangling != b->dangling)
		return a->dangling ? -1 : 1;
	if (touched(a) != touched(b))
		return touched(a) < touched(b) ? -1 : 1;
	int c = strcmp(a->name ? a->name : "", b->name ? b->name : "");
	return c ? c : strcmp(a->id ? a->id : "", b->id ? b->id : "");
}

static void parts_begin(struct prune_item *items, u32 n)
{
	for (u32 i = 0; i < n; i++)
		for (u32 p = 0; p < items[i].n_parts; p++)
			items[i].parts[p]->left = items[i].parts[p]->holders;
}

static u64 take_away(const struct prune_item *i)
{
	u64 freed = i->parts ? 0 : i->bytes;
	for (u32 p = 0; p < i->n_parts; p++)
		if (i->parts[p]->left && --i->parts[p]->left == 0)
			freed += i->parts[p]->bytes;
	return freed;
}

static void keep_storage(struct arena *a, struct prune_item *items, u32 n, const struct prune_rules *r)
{
	struct prune_item **v = arena_array(a, struct prune_item *, n + 1);
	u64 left = 0;
	u32 n_v = 0;
	for (u32 i = 0; i < n; i++)
		for (u32 p = 0; p < items[i].n_parts; p++)
			items[i].parts[p]->left = 0;
	for (u32 i = 0; i < n; i++) {
		if (items[i].kind != PRUNE_CACHE && !(r->keep_storage_images && items[i].kind == PRUNE_IMAGE))
			continue;
		left += items[i].parts ? 0 : items[i].bytes;
		for (u32 p = 0; p < items[i].n_parts; p++) {
			struct prune_part *part = items[i].parts[p];
			left += part->left ? 0 : part->bytes;
			part->left = 1;
		}
		if (items[i].goes)
			v[n_v++] = &items[i];
	}
	parts_begin(items, n);
	if (n_v)
		qsort(v, n_v, sizeof *v, first_to_go);
	const char *why = arena_printf(a, "of the %s that are kept", TEXT_SIZE(r->keep_storage));
	for (u32 i = 0; i < n_v; i++) {
		if (left > r->keep_storage) {
			left -= take_away(v[i]);
		} else {
			v[i]->goes = false;
			v[i]->why = why;
		}
	}
}

/* What something that stays stands on stays, too. */
static void stay_for_users(struct arena *a, struct prune_item *items, u32 n)
{
	static const char *const kinds[] = { [PRUNE_CONTAINER] = "container", [PRUNE_IMAGE] = "image", [PRUNE_VOLUME] = "volume", [PRUNE_NETWORK] = "network", [PRUNE_CACHE] = "later step",
		[PRUNE_TAG] = "tag", [PRUNE_MANIFEST] = "manifest", [PRUNE_BLOB] = "blob" };
	for (u32 i = 0; i < n; i++)
		for (const struct prune_item *const *u = items[i].users; u && *u && items[i].goes; u++)
			if (!(*u)->goes) {
				items[i].goes = false;
				items[i].why = arena_printf(a, "used by %s %s", kinds[(*u)->kind], (*u)->name ? (*u)->name : (*u)->id);
			}
}

static void decide_one(struct arena *a, struct prune_item *i, const struct prune_rules *r, s64 now)
{
	const char *pattern = NULL, *why = NULL;
	if (i->in_use)
		why = arena_printf(a, "used by %s", i->in_use);
	else if (i->name && (pattern = matching(i, r->protect)) != NULL)
		why = arena_printf(a, "protected by %s", pattern);
	else if (i->kind != PRUNE_BLOB && (why = name_stays(i, r)) == NULL && (why = label_stays(a, i, r)) == NULL)
		why = age_stays(a, i, r, now);
	i->goes = why == NULL;
	i->why = why ? why : why_it_goes(a, i, r, now);
}

void prune_decide(struct arena *a, struct prune_item *items, u32 n, const struct prune_rules *r, s64 now)
{
	struct prune_item **counted = arena_array(a, struct prune_item *, n + 1);
	u32 n_counted = 0;
	for (u32 i = 0; i < n; i++) {
		struct prune_item *it = &items[i];
		decide_one(a, it, r, now);
		/* What is in use or young counts as one of the newest, what is protected or of another name does not. */
		if (r->keep && (it->kind == PRUNE_IMAGE || it->kind == PRUNE_TAG) && is_named(it) && !name_stays(it, r) && !label_stays(a, it, r) && !matching(it, r->protect))
			counted[n_counted++] = it;
	}
	keep_newest(a, counted, n_counted, r->keep);
	if (r->keep_storage)
		keep_storage(a, items, n, r);
	stay_for_users(a, items, n);
	parts_begin(items, n);
	for (u32 i = 0; i < n; i++)
		if (items[i].goes && items[i].parts)
			items[i].bytes = take_away(&items[i]);
	for (u32 i = 0; i < n; i++) {
		if (items[i].goes || !items[i].parts)
			continue;
		items[i].bytes = 0;
		for (u32 p = 0; p < items[i].n_parts; p++)
			items[i].bytes += items[i].parts[p]->left == 1 ? items[i].parts[p]->bytes : 0;
	}
}

struct prune_sum prune_total(const struct prune_item *items, u32 n)
{
	struct prune_sum s = { 0 };
	for (u32 i = 0; i < n; i++) {
		s.go += items[i].goes;
		s.stay += !items[i].goes;
		s.bytes += items[i].goes ? items[i].bytes : 0;
	}
	return s;
}
