#include "command/copying.h"
#include "command/trusted.h"
#include "base/file.h"

enum { O_ALL, O_PLATFORM, O_FORMAT, O_COMPRESSION, O_LEVEL, O_REFERRERS, O_REQUIRE, O_POLICY, O_PRESERVE, O_PARALLEL, O_DRY_RUN, O_DIGESTFILE, O_JSON, O_SRC_CREDS, O_DEST_CREDS, O_SRC_TLS, O_DEST_TLS, O_SRC_CERTS, O_DEST_CERTS, O_PLACE };
static const struct option options[] = {
	[O_ALL] = { "all", 'a', OPT_FLAG, NULL, "The index with every platform in it, not one platform's image.", NULL },
	[O_PLATFORM] = { "platform", 0, OPT_VALUE, "OS/ARCH[/VARIANT]", "The image for this platform. Default: this machine's.", NULL },
	[O_FORMAT] = { "format", 'f', OPT_VALUE, "FORMAT", "The media types of manifests: oci, or docker (manifests of version 2, schema 2; what it has no place for, like annotations, is dropped and said). Changes digests.", "oci docker" },
	[O_COMPRESSION] = { "compression", 0, OPT_VALUE, "KIND", "Compress all layers so: gzip, zstd or none. Layers that are so already stay as they are, unless a level is given. Changes digests; diff IDs stay. Default: as they are; gzip for what a place keeps plain.", "gzip zstd none" },
	[O_LEVEL] = { "compression-level", 0, OPT_VALUE, "N", "Effort of the compression: 1 to 12 for gzip, 1 to 19 for zstd, or best.", NULL },
	[O_REFERRERS] = { "referrers", 0, OPT_FLAG, NULL, "What refers to the image goes along, and what refers to that: signatures, SBOMs, attestations; also cosign's tags (sha256-HEX.sig, .att, .sbom).", NULL },
	[O_REQUIRE] = { "require-digest", 0, OPT_FLAG, NULL, "Refuse a SRC that is not named by its digest (NAME@sha256:…).", NULL },
	[O_POLICY] = TRUSTED_POLICY_OPTION,
	[O_PRESERVE] = { "preserve-digests", 0, OPT_FLAG, NULL, "Fail rather than change a digest.", NULL },
	[O_PARALLEL] = { "parallel", 0, OPT_VALUE, "N", "Transfers at once. Default: 4.", NULL },
	[O_DRY_RUN] = { "dry-run", 'n', OPT_FLAG, NULL, "Ask the target what it has, say what would be sent, write nothing.", NULL },
	[O_DIGESTFILE] = { "digestfile", 0, OPT_VALUE, "FILE", "Write the digest of what the target's name now stands for to FILE.", NULL },
	[O_JSON] = { "json", 0, OPT_FLAG, NULL, "What was done as JSON (docs/schema/copy.schema.json), instead of the digest alone.", NULL },
	[O_SRC_CREDS] = { "src-creds", 0, OPT_VALUE, "USER:PASSWORD", "As --creds, for SRC alone.", NULL },
	[O_DEST_CREDS] = { "dest-creds", 0, OPT_VALUE, "USER:PASSWORD", "As --creds, for DST alone.", NULL },
	[O_SRC_TLS] = { "src-tls-verify", 0, OPT_OPTIONAL, "BOOL", "As --tls-verify, for SRC alone.", "true false" },
	[O_DEST_TLS] = { "dest-tls-verify", 0, OPT_OPTIONAL, "BOOL", "As --tls-verify, for DST alone.", "true false" },
	[O_SRC_CERTS] = { "src-cert-dir", 0, OPT_VALUE, "DIR", "As --cert-dir, for SRC alone.", NULL },
	[O_DEST_CERTS] = { "dest-cert-dir", 0, OPT_VALUE, "DIR", "As --cert-dir, for DST alone.", NULL },
	PLACE_OPTIONS(O_PLACE),
	[O_PLACE + PLACE_COUNT] = { NULL, 0, OPT_FLAG, NULL, NULL, NULL },
};

static int side(const struct option_value *creds, const struct option_value *tls, const struct option_value *certs, const char *name, struct repo_options *r, struct error *err)
{
	if (creds->value && !strchr(creds->value, ':'))
		return error_set(err, ERR_USAGE, "--%s: it is USER:PASSWORD", name);
	if (creds->value)
		r->user = creds->value;
	if (tls->count)
		r->tls_verify_off = option_is(tls, "false");
	if (certs->value)
		r->certs = certs->value;
	return 0;
}

static int parse(const struct option_value *opt, struct copy_options *o, struct error *err)
{
	const struct copying c = { &opt[O_PLATFORM], &opt[O_ALL], &opt[O_FORMAT], &opt[O_COMPRESSION], &opt[O_LEVEL], &opt[O_REFERRERS], &opt[O_REQUIRE], &opt[O_PRESERVE], &opt[O_PARALLEL], &opt[O_DRY_RUN] };
	if (copying_options(&c, o, err) < 0 || place_options(opt + O_PLACE, &o->source, err) < 0)
		return -1;
	o->target = o->source;
	if (side(&opt[O_SRC_CREDS], &opt[O_SRC_TLS], &opt[O_SRC_CERTS], "src-creds", &o->source, err) < 0)
		return -1;
	return side(&opt[O_DEST_CREDS], &opt[O_DEST_TLS], &opt[O_DEST_CERTS], "dest-creds", &o->target, err);
}

static void write_digest(FILE *f, void *ctx) { fprintf(f, "%s\n", DIGEST_STR((const struct digest *)ctx)); }

static int run(const struct option_value *opt, char **args, int n_args)
{
	(void)n_args;
	struct error err = { 0 };
	struct arena a = { 0 };
	struct copy_options o = { 0 };
	struct copy_result r;
	struct trusted_policy policy = { 0 };
	double start = copying_now();
	int status;
	if (parse(opt, &o, &err) < 0 || place_target(args[1], opt[O_DIGESTFILE].count ? "--digestfile" : NULL, &err) < 0 || trusted_policy(&opt[O_POLICY], &policy, &err) < 0)
		return command_fail(&err);
	const char *from = place_found(&a, args[0], &o.source);
	if (trusted_guard(&policy, from, &o, &err) < 0 || copy_image(from, args[1], &o, &a, &r, &err) < 0 ||
	    (opt[O_DIGESTFILE].value && !o.dry_run && outfile_write(opt[O_DIGESTFILE].value, write_digest, &r.digest, &err) < 0)) {
		status = command_fail(&err);
		if (policy.refused && err.kind == ERR_INPUT)
			status = 1;
	} else {
		double seconds = copying_now() - start;
		copying_told(&r, &o, seconds);
		if (opt[O_JSON].count)
			copying_json(stdout, from, args[1], &r, &o, seconds);
		else if (r.digest.alg)
			puts(DIGEST_STR(&r.digest));
		status = command_done(0);
	}
	policy_free(policy.policy);
	arena_free(&a);
	return status;
}

const struct command command_copy = {
	.name = "copy",
	.summary = "an image, or all of its platforms, from one place to another",
	.synopsis = "[OPTIONS] SRC DST",
	.description = "Copies between registries (docker://REF), the store (pare:NAME), OCI layouts (oci:DIR[:TAG], oci-archive:FILE[:TAG]), docker-archive:FILE[:REF] and engines (docker-daemon:REF); "
		       "SRC may also be containers-storage:REF or rootfs:DIR, a path, or a name alone: the store's image when it has one, else the Docker engine's, else the registry's.\n\n"
		       "Documents and layers go over as they are, so that every digest stays: what was signed is still signed. Every byte is checked against its digest on its way. What the target has is "
		       "not sent, between repositories of one registry layers are mounted, transfers that break are continued, and nothing is visible under the target's name before all of it is "
		       "there.\n\n"
		       "Digests change only where a conversion is asked for (--format, --compression) or where a place keeps no digests; what changed is said. From a docker-archive, an engine or a "
		       "directory, layers are compressed and the manifest is made: the same input gives the same digest. (Docker with containerd's image store has what it pulled, and "
		       "gives that.) A docker-archive and an engine take one image.\n\n"
		       "Of an index the image for one platform is copied; --all copies the index with all that it names, never a part of it under its name.\n\n"
		       "Standard output is the digest that the target's name now stands for.",
	.options = options,
	.examples = "pare copy docker://alpine:3.20 oci:alpine:3.20 # from a registry into a layout\n"
		    "pare copy --all docker://quay.io/app/web:1 docker://registry.example/web:1 # every platform\n"
		    "pare copy app.tar docker://registry.example/app:2 # what docker save wrote\n"
		    "pare copy pare:app docker-daemon:app:latest # from the store into the engine\n"
		    "pare copy --compression zstd --format oci pare:app oci-archive:app.tar # recompressed\n"
		    "pare copy --referrers docker://a.example/app@sha256:… docker://b.example/app:1 # with its signatures",
	.min_args = 2,
	.max_args = 2,
	.run = run,
};
