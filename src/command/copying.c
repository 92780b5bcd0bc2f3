#include "command/copying.h"
#include "base/jsonw.h"
#include "base/text.h"
#include <time.h>

static bool given(const struct option_value *v) { return v && v->count > 0; }

static int read_level(const struct option_value *v, struct copy_options *o, struct error *err)
{
	u64 level = 0;
	if (!v || !v->value)
		return 0;
	if (o->compression == COMP_NONE)
		return error_set(err, ERR_USAGE, "--compression-level %.40s: what is not compressed has no level", v->value);
	if (strcmp(v->value, "best") == 0)
		level = o->compression == COMP_ZSTD ? 19 : 12;
	else if (!str_to_u64(str_of(v->value), &level) || level < 1 || level > 100 || !deflate_can(o->compression, (int)level))
		return error_set(err, ERR_USAGE, "--compression-level %.40s: no level of %s", v->value, compression_name(o->compression));
	o->level = (int)level;
	return 0;
}

int copying_options(const struct copying *c, struct copy_options *ret, struct error *err)
{
	const char *kind = c->compression ? c->compression->value : NULL, *format = c->format ? c->format->value : NULL;
	ret->platform = c->platform ? c->platform->value : NULL;
	ret->all = given(c->all);
	ret->referrers = given(c->referrers);
	ret->require_digest = given(c->require_digest);
	ret->preserve = given(c->preserve);
	ret->dry_run = given(c->dry_run);
	ret->format = !format ? COPY_AS_IT_IS : strcmp(format, "docker") == 0 ? COPY_DOCKER : COPY_OCI;
	ret->recompress = kind != NULL || given(c->level);
	ret->compression = kind && strcmp(kind, "zstd") == 0 ? COMP_ZSTD : kind && strcmp(kind, "none") == 0 ? COMP_NONE : COMP_GZIP;
	if (ret->all && ret->platform)
		return error_set(err, ERR_USAGE, "--all and --platform: every platform, or one");
	if (read_level(c->level, ret, err) < 0)
		return -1;
	return c->parallel ? place_number(c->parallel, "parallel", 32, &ret->parallel, err) : 0;
}

double copying_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void plural(FILE *f, u32 n, const char *what) { fprintf(f, "%u %s%s", n, what, n == 1 ? "" : "s"); }

void copying_told(const struct copy_result *r, const struct copy_options *o, double seconds)
{
	FILE *f = stderr;
	if (globals.quiet)
		return;
	for (u32 i = 0; i < r->n_changes; i++) {
		const struct copy_change *c = &r->changes[i];
		fprintf(f, "pare: changed: %.19s -> %.19s: %s\n", c->before.alg ? DIGEST_STR(&c->before) : "-", c->after.alg ? DIGEST_STR(&c->after) : "-", c->what);
	}
	if (r->platforms > 1)
		fprintf(f, "pare: only %s of %u platforms: --all takes the index and every one\n", r->platform && r->platform[0] ? r->platform : "one", r->platforms);
	fputs(o->dry_run ? "would copy " : "copied ", f);
	plural(f, r->sent, "blob");
	fprintf(f, ", %s", TEXT_SIZE(r->bytes));
	if (r->there + r->mounted) {
		fprintf(f, "; there already: %u, %s", r->there + r->mounted, TEXT_SIZE(r->bytes_there));
		if (r->mounted)
			fprintf(f, " (%u mounted from another repository)", r->mounted);
	}
	if (r->manifests > 1) {
		fputs("; ", f);
		plural(f, r->manifests, "manifest");
		if (r->referrers)
			fprintf(f, ", %u of them referring to it", r->referrers);
	}
	fprintf(f, "; %.1f s\n", seconds);
}

static void digest(struct jsonw *w, const char *key, const struct digest *d) { jsonw_kz(w, key, d->alg ? DIGEST_STR(d) : NULL); }

void copying_json(FILE *f, const char *source, const char *target, const struct copy_result *r, const struct copy_options *o, double seconds)
{
	struct jsonw w;
	jsonw_init(&w, f, 2);
	jsonw_obj(&w);
	jsonw_kz(&w, "source", source);
	jsonw_kz(&w, "target", target);
	digest(&w, "digest", &r->digest);
	jsonw_kz(&w, "media_type", r->type);
	jsonw_kz(&w, "platform", r->platform);
	jsonw_ku(&w, "platforms", r->platforms);
	jsonw_kb(&w, "dry_run", o->dry_run);
	jsonw_ku(&w, "manifests", r->manifests);
	jsonw_ku(&w, "referrers", r->referrers);
	jsonw_ku(&w, "blobs", r->blobs);
	jsonw_ku(&w, "sent", r->sent);
	jsonw_ku(&w, "there", r->there);
	jsonw_ku(&w, "mounted", r->mounted);
	jsonw_ku(&w, "bytes_sent", r->bytes);
	jsonw_ku(&w, "bytes_there", r->bytes_there);
	jsonw_key(&w, "seconds");
	jsonw_double(&w, (double)(u64)(seconds * 1000) / 1000);
	jsonw_key(&w, "changes");
	jsonw_arr(&w);
	for (u32 i = 0; i < r->n_changes; i++) {
		jsonw_obj(&w);
		digest(&w, "before", &r->changes[i].before);
		digest(&w, "after", &r->changes[i].after);
		jsonw_kz(&w, "what", r->changes[i].what);
		jsonw_end(&w);
	}
	jsonw_end(&w);
	jsonw_end(&w);
}
