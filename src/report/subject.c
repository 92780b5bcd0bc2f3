#include "report/subject.h"
#include "base/file.h"
#include "package/document.h"

/* Each set is a part of the next. A new collector: one line. */
#define OS(X)    \
	X(dpkg)  \
	X(apk)   \
	X(rpm)   \
	X(pacman) \
	X(osrelease)
#define INSIDE(X)    \
	X(copyright) \
	X(npm)       \
	X(python)    \
	X(gem)       \
	X(java)      \
	X(composer)  \
	X(nuget)     \
	X(conda)     \
	X(binary)    \
	X(script)    \
	X(document)
#define NEEDS(X)    \
	X(source)   \
	X(refer)
#define RISKS(X) \
	X(secret) \
	X(accounts)

#define DECLARE(name) extern const struct collector name##_collector;
#define LIST(name) &name##_collector,
OS(DECLARE) INSIDE(DECLARE) NEEDS(DECLARE) RISKS(DECLARE)
static const struct collector *const nothing[] = { NULL }, *const os[] = { OS(LIST) NULL }, *const inside[] = { OS(LIST) INSIDE(LIST) NULL },
				     *const all[] = { OS(LIST) INSIDE(LIST) RISKS(LIST) NULL }, *const needs[] = { OS(LIST) INSIDE(LIST) NEEDS(LIST) NULL },
				     *const needs_and_secrets[] = { OS(LIST) INSIDE(LIST) NEEDS(LIST) LIST(secret) NULL };
/* Of these, too, each is a part of the next. */
const struct collector *const *const slim_sets[] = { nothing, os, inside, needs, needs_and_secrets, NULL };
const struct collector *const *slim_collectors(bool secrets) { return secrets ? needs_and_secrets : needs; }
const struct collector *const *const collector_sets[] = { [COLLECT_NOTHING] = nothing, [COLLECT_OS] = os, [COLLECT_PACKAGES] = inside, [COLLECT_ALL] = all, NULL };

static enum collector_set set_of(int parts)
{
	return parts & SUBJECT_RISKS ? COLLECT_ALL : parts & (SUBJECT_INSIDE | SUBJECT_NEEDS) ? COLLECT_PACKAGES : parts & SUBJECT_PACKAGES ? COLLECT_OS : COLLECT_NOTHING;
}

struct comparing {
	const struct image *img;
};

/* Contents compared byte for byte, when nothing was hashed. */
static int same_bytes(void *ctx, u32 la, u32 ea, u32 lb, u32 eb, bool *same)
{
	const struct comparing *c = ctx;
	struct stream *s[2] = { NULL, NULL };
	struct str v[2] = { { 0 }, { 0 } };
	int r = -1;
	*same = false;
	if (image_open_file(c->img, la, ea, &s[0], NULL) < 0 || image_open_file(c->img, lb, eb, &s[1], NULL) < 0)
		goto done;
	for (;;) {
		for (int i = 0; i < 2; i++)
			if (v[i].n == 0 && stream_next(s[i], &v[i], NULL) < 0)
				goto done;
		size_t n = MIN(v[0].n, v[1].n);
		if (n == 0 || memcmp(v[0].p, v[1].p, n) != 0) {
			*same = v[0].n == v[1].n && n == 0;
			break;
		}
		v[0] = str_from(v[0], n);
		v[1] = str_from(v[1], n);
	}
	r = 0;
done:
	stream_close(s[0]);
	stream_close(s[1]);
	return r;
}

static int open_document(const char *location, struct subject *ret, struct error *err)
{
	struct document_about about;
	struct packages *p;
	if (packages_of_document(location, &p, &about, err) < 0)
		return -1;
	subject_of_document(location, p, &about, ret);
	return 0;
}

int subject_open(const char *location, const struct load_options *load, int parts, struct subject *ret, struct error *err)
{
	struct subject s = { 0 };
	struct load_options o = *load;
	enum collector_set set = set_of(parts);
	if (set >= COLLECT_PACKAGES && document_named(location))
		return open_document(location, ret, err);
	o.collectors = parts & SUBJECT_NEEDS ? needs : collector_sets[set];
	o.sets = parts & SUBJECT_NEEDS ? slim_sets : collector_sets;
	o.content_only = set >= COLLECT_PACKAGES && !(parts & SUBJECT_CLAIMS);
	if (image_load(location, &o, &s.image, err) < 0)
		return -1;
	/* Dive's trie is gone again before the tree is made: only one of them is in memory at a time. */
	if (parts & SUBJECT_DIVE)
		s.dive = dive_measure(s.image);
	struct comparing c = { s.image };
	struct rootfs_options ro = { .same = o.headers_only ? same_bytes : NULL, .same_ctx = &c };
	s.rootfs = rootfs_build(s.image, &ro);
	if (set != COLLECT_NOTHING)
		s.packages = packages_read_set(s.rootfs, set, (parts & SUBJECT_COUNT_ALL) != 0);
	problems_merge(&s.problems, &s.image->problems, NULL);
	problems_merge(&s.problems, &s.rootfs->problems, NULL);
	if (s.packages)
		problems_merge(&s.problems, &s.packages->problems, NULL);
	*ret = s;
	return 0;
}

void subject_of_packages(const char *location, struct packages *p, struct subject *ret)
{
	static const char *none[] = { NULL };
	struct arena a = { 0 };
	struct image *img = arena_new(&a, struct image);
	img->arena = a;
	img->reference = img->location = arena_strdup(&img->arena, str_of(location));
	img->transport = "sbom";
	img->manifest_media_type = "";
	img->config = (struct config){ .env = none, .entrypoint = none, .cmd = none, .shell = none, .volumes = none, .ports = none, .onbuild = none, .label_keys = none, .label_values = none };
	*ret = (struct subject){ .image = img, .rootfs = rootfs_build(img, NULL), .packages = p };
	problems_merge(&ret->problems, &p->problems, NULL);
}

void subject_of_document(const char *location, struct packages *p, const struct document_about *about, struct subject *ret)
{
	subject_of_packages(about->reference ? about->reference : location, p, ret);
	struct image *img = ret->image;
	p->n_owner = ret->rootfs->nodes.n;
	p->owner = xcalloc(p->n_owner, sizeof *p->owner);
	if (about->transport)
		img->transport = arena_strdup(&img->arena, str_of(about->transport));
	if (about->created)
		img->config.created = arena_strdup(&img->arena, str_of(about->created));
	if ((about->digest && digest_parse(str_of(about->digest), &img->digest, NULL) < 0) || (about->config_digest && digest_parse(str_of(about->config_digest), &img->config_digest, NULL) < 0) ||
	    (about->platform && platform_parse(str_of(about->platform), &img->config.platform, NULL) < 0))
		problem_add(&ret->problems, "what it says of the image cannot be: a digest or a platform");
	img->unverified = about->unverified;
	ret->n_unidentified = about->n_unidentified;
	ret->unidentified = arena_array(&p->arena, const char *, about->n_unidentified + 1);
	if (about->n_unidentified)
		memcpy(ret->unidentified, about->unidentified, about->n_unidentified * sizeof *ret->unidentified);
	free(about->unidentified);
}

void subject_close(struct subject *s)
{
	packages_free(s->packages);
	rootfs_free(s->rootfs);
	dive_free(s->dive);
	image_close(s->image);
	problems_free(&s->problems);
}

struct listing {
	const struct subject *s;
	const struct byte_range *range;
	void (*row)(void *ctx, const struct subject *s, node_id id, struct str path);
	void *ctx;
	struct buf path;
	u64 n;
};

static int list_one(void *ctx, node_id id)
{
	struct listing *l = ctx;
	const struct byte_range *range = l->range;
	if (range->layer >= 0 && rootfs_node(l->s->rootfs, id)->layer != (u32)range->layer)
		return 0;
	struct str path = rootfs_path(l->s->rootfs, id, &l->path);
	if (range->path && !str_glob(str_of(range->path), path))
		return 0;
	if (range->top && l->n++ >= range->top)
		return 1;
	l->row(l->ctx, l->s, id, path);
	return 0;
}

void subject_list(const struct subject *s, const struct byte_range *range, void (*row)(void *ctx, const struct subject *s, node_id id, struct str path), void *ctx)
{
	struct listing l = { .s = s, .range = range, .row = row, .ctx = ctx };
	rootfs_walk(s->rootfs, ROOTFS_ROOT, list_one, &l);
	buf_free(&l.path);
}
