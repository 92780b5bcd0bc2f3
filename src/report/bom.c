#include "report/bom.h"
#include "base/text.h"
#include "oci/reference.h"
#include <time.h>

static void set_time(struct bom *b)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	u64 second;
	s64 t = 0;
	if (epoch && str_to_u64(str_of(epoch), &second) && second < 253402300800ull) /* the year 10000 */
		t = (s64)second;
	else if (!text_parse_time(b->s->image->config.created, &t))
		t = 0;
	text_time(t, b->time);
}

/* pkg:oci/NAME@DIGEST?repository_url=HOST/PATH&tag=TAG (purl-spec). */
static void set_image(struct bom *b)
{
	const struct image *img = b->s->image;
	struct reference ref;
	const struct digest *d = img->digest.alg ? &img->digest : &img->config_digest;
	const char *title = image_title(img);
	b->name = title && *title ? title : "image";
	b->version = d->alg ? DIGEST_STR(d) : "";
	b->version = arena_bytes(&b->arena, str_of(b->version));
	b->purl = "";
	if (!img->digest.alg || !img->reference || reference_parse(&b->arena, str_of(img->reference), &ref, NULL) < 0)
		return;
	struct str path = str_of(ref.path), last = str_base(path);
	struct str hex = str_of(b->version), alg = str_cut(&hex, ':');
	b->purl = arena_printf(&b->arena, "pkg:oci/%.*s@%.*s%%3A%.*s?repository_url=%s/%s%s%s", STR_FMT(last), STR_FMT(alg), STR_FMT(hex), ref.domain, ref.path, ref.tag ? "&tag=" : "", ref.tag ? ref.tag : "");
}

static void hash_text(struct digester *d, const char *z) { digester_add(d, str_n(z ? z : "", z ? strlen(z) + 1 : 1)); }

static void hash_key(struct digester *d, const struct package *k)
{
	const char *const v[] = { k->type, k->name, k->version, k->arch, k->path, k->purl };
	for (size_t i = 0; i < countof(v); i++)
		hash_text(d, v[i]);
}

/* Of type, name, version, architecture and place. Packages that agree in all of them stand side by side and are counted. */
static void set_ids(struct bom *b)
{
	const struct packages *p = b->s->packages;
	struct digest last = { 0 };
	u32 same = 0;
	b->ids = arena_array(&b->arena, const char *, (size_t)p->n + 1);
	for (u32 i = 0; i < p->n; i++) {
		const struct package *k = &p->v[i];
		struct digester *d = digester_new(DIGEST_SHA256);
		struct buf id = BUF(0);
		hash_key(d, k);
		struct digest now = digester_finish(d);
		same = i && digest_eq(&now, &last) ? same + 1 : 0;
		last = now;
		buf_printf(&id, "%s-", k->type);
		buf_add(&id, str_head(str_of(k->name), 60));
		for (size_t j = 0; j < id.n; j++) {
			char c = id.p[j];
			if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-'))
				id.p[j] = '-';
		}
		buf_putc(&id, '-');
		for (size_t j = 0; j < 10; j++)
			buf_printf(&id, "%02x", now.bytes[j]);
		if (same)
			buf_printf(&id, "-%u", same);
		b->ids[i] = arena_bytes(&b->arena, buf_str(&id));
		buf_free(&id);
	}
}

/* First those that nobody needs, then whatever only a circle leads to. */
static void set_tops(struct bom *b)
{
	u32 n = b->s->packages->n, depth = 0;
	autofree u8 *needed = xcalloc((size_t)n + 1, 1), *seen = xcalloc((size_t)n + 1, 1), *top = xcalloc((size_t)n + 1, 1);
	autofree u32 *stack = xcalloc((size_t)n + 1, sizeof *stack);
	for (u32 i = 0; i < b->needs.n; i++)
		needed[b->needs.to[i]] = 1;
	for (u32 pass = 0; pass < 2; pass++)
		for (u32 i = 0; i < n; i++) {
			if (seen[i] || (pass == 0 && needed[i]))
				continue;
			top[i] = seen[i] = 1;
			stack[depth++] = i;
			while (depth) {
				u32 at = stack[--depth];
				for (u32 j = b->needs.start[at]; j < b->needs.start[at + 1]; j++)
					if (!seen[b->needs.to[j]]) {
						seen[b->needs.to[j]] = 1;
						stack[depth++] = b->needs.to[j];
					}
			}
		}
	b->tops = arena_array(&b->arena, u32, (size_t)n + 1);
	for (u32 i = 0; i < n; i++)
		if (top[i])
			b->tops[b->n_tops++] = i;
}

struct filing {
	struct bom *b;
	u32 *order, n, cap;
	struct digester *digester;
};

static void file_found(void *ctx, const struct subject *s, node_id id, struct str path)
{
	struct filing *f = ctx;
	if (rootfs_type(s->rootfs, id) == TAR_DIR)
		return;
	u64 size = rootfs_size(s->rootfs, id);
	digester_add(f->digester, path);
	digester_add(f->digester, str_n(&size, sizeof size));
	VEC_PUSH(f->order, f->n, f->cap, id);
}

/* By owner, and of each by path. */
static void set_files(struct bom *b, struct digester *d)
{
	static const struct byte_range everything = { .layer = -1 };
	const struct packages *p = b->s->packages;
	struct filing f = { .b = b, .digester = d };
	subject_list(b->s, &everything, file_found, &f);
	b->file_start = arena_array(&b->arena, u32, (size_t)p->n + 3);
	b->by_owner = arena_array(&b->arena, u32, (size_t)f.n + 1);
	for (u32 i = 0; i < f.n; i++)
		b->file_start[p->owner[f.order[i]] + 2]++;
	for (u32 i = 2; i < p->n + 3; i++)
		b->file_start[i] += b->file_start[i - 1];
	for (u32 i = 0; i < f.n; i++) /* each slot of file_start moves on to where the next begins */
		b->by_owner[b->file_start[p->owner[f.order[i]] + 1]++] = f.order[i];
	free(f.order);
}

static void hash_fact(void *ctx, const char *key, const char *value)
{
	hash_text(ctx, key);
	hash_text(ctx, value);
}

void bom_make(struct bom *b, const struct subject *s, const char *kind, bool files)
{
	const struct packages *p = s->packages;
	*b = (struct bom){ .s = s };
	set_time(b);
	set_image(b);
	set_ids(b);
	depends_resolve(p, s->rootfs, &b->needs);
	set_tops(b);
	struct digester *d = digester_new(DIGEST_SHA256);
	const char *const mine[] = { PARE_VERSION, kind, b->time, b->name, b->version };
	for (size_t i = 0; i < countof(mine); i++)
		hash_text(d, mine[i]);
	bom_image_facts(b, hash_fact, d);
	bom_image_lists(b, hash_fact, d);
	for (u32 i = 0; i < p->n; i++) {
		hash_key(d, &p->v[i]);
		hash_text(d, p->v[i].license);
		hash_text(d, p->v[i].summary);
		bom_package_facts(b, &p->v[i], hash_fact, d);
	}
	if (files)
		set_files(b, d);
	struct digest v = digester_finish(d);
	v.bytes[6] = (u8)((v.bytes[6] & 0x0f) | 0x50);
	v.bytes[8] = (u8)((v.bytes[8] & 0x3f) | 0x80);
	for (u32 i = 0, at = 0; i < 16; i++)
		at += (u32)snprintf(b->uuid + at, sizeof b->uuid - at, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", v.bytes[i]);
}

void bom_free(struct bom *b)
{
	depends_free(&b->needs);
	arena_free(&b->arena);
}

static void number(bom_fact *f, void *ctx, const char *key, u64 v)
{
	char text[24];
	snprintf(text, sizeof text, "%llu", (unsigned long long)v);
	f(ctx, key, text);
}

static void word(bom_fact *f, void *ctx, const char *key, const char *z)
{
	if (z && *z)
		f(ctx, key, z);
}

void bom_package_facts(const struct bom *b, const struct package *k, bom_fact *f, void *ctx)
{
	f(ctx, "type", k->type);
	word(f, ctx, "arch", k->arch);
	f(ctx, "source_name", k->source_name);
	word(f, ctx, "source_version", k->source_version);
	word(f, ctx, "path", k->path);
	if (package_placed(k))
		number(f, ctx, "layer", k->layer);
	f(ctx, "origin", package_origin_text[k->origin]);
	number(f, ctx, "bytes", k->bytes);
	number(f, ctx, "files", k->files);
	word(f, ctx, "module", k->module);
	word(f, ctx, "vendor", k->vendor);
	word(f, ctx, "depends", k->depends);
	word(f, ctx, "provides", k->provides);
	if (k->within)
		f(ctx, "within", b->s->packages->v[k->within - 1].purl);
}

void bom_image_facts(const struct bom *b, bom_fact *f, void *ctx)
{
	const struct image *img = b->s->image;
	const struct packages *p = b->s->packages;
	char platform[100];
	platform_text(&img->config.platform, platform);
	word(f, ctx, "reference", img->reference);
	word(f, ctx, "transport", img->transport);
	word(f, ctx, "digest", img->digest.alg ? DIGEST_STR(&img->digest) : NULL);
	word(f, ctx, "config_digest", img->config_digest.alg ? DIGEST_STR(&img->config_digest) : NULL);
	word(f, ctx, "platform", platform);
	word(f, ctx, "created", img->config.created);
	word(f, ctx, "os_id", p->os_id);
	word(f, ctx, "os_version", p->os_version);
	word(f, ctx, "os_codename", p->os_codename);
	word(f, ctx, "os_name", p->os_pretty);
	word(f, ctx, "os_branch", p->os_branch);
	word(f, ctx, "os_content_sets", p->os_content_sets);
	number(f, ctx, "executable_bytes", p->executable_bytes);
	number(f, ctx, "identified_bytes", p->identified_bytes);
}

static void list(const struct problems *p, const char *key, bom_fact *f, void *ctx)
{
	for (u32 i = 0; i < p->n; i++)
		f(ctx, key, p->v[i]);
	if (p->more) {
		char text[40];
		snprintf(text, sizeof text, "and %u more", p->more);
		f(ctx, key, text);
	}
}

void bom_image_lists(const struct bom *b, bom_fact *f, void *ctx)
{
	const struct subject *s = b->s;
	struct buf path = BUF(0);
	for (u32 i = 0; i < s->packages->n_unidentified; i++)
		f(ctx, "unidentified", rootfs_path(s->rootfs, s->packages->unidentified[i], &path).p);
	for (u32 i = 0; i < s->n_unidentified && !s->packages->n_unidentified; i++)
		f(ctx, "unidentified", s->unidentified[i]);
	list(&s->image->unverified, "unverified", f, ctx);
	list(&s->problems, "incomplete", f, ctx);
	buf_free(&path);
}
