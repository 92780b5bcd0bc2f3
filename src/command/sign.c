#include "command/command.h"
#include "command/place.h"
#include "command/trusted.h"
#include "base/text.h"
#include <time.h>

enum { O_KEY, O_ANNOTATION, O_IDENTITY, O_PASSWORD, O_TIMESTAMP, O_REQUIRE, O_GENERATE, O_PLACE, O_END = O_PLACE + PLACE_COUNT };

static const struct option options[] = {
	[O_KEY] = { "key", 'k', OPT_VALUE, "FILE", "The private key: PEM with PKCS#8 or SEC1, encrypted or not, or cosign's own encrypted form. ECDSA on P-256, P-384 or P-521, Ed25519, RSA from 2048 bits.", NULL },
	[O_ANNOTATION] = { "annotation", 'a', OPT_LIST, "K=V", "Sign this, too.", NULL },
	[O_IDENTITY] = { "identity", 0, OPT_VALUE, "NAME", "What the image is called in the signature. Default: its name in the registry or the store; a directory's has to be said.", NULL },
	[O_PASSWORD] = { "password-file", 0, OPT_VALUE, "FILE", "The key's password is this file's first line. Default: $COSIGN_PASSWORD.", NULL },
	[O_TIMESTAMP] = { "timestamp", 0, OPT_FLAG, NULL, "Sign the time, too (the annotation timestamp). Without it the same key, image and annotations are signed once and not again.", NULL },
	[O_REQUIRE] = { "require-digest", 0, OPT_FLAG, NULL, "Refuse an image that is named by a tag alone.", NULL },
	[O_GENERATE] = { "generate-key", 0, OPT_VALUE, "PREFIX", "Make a pair of keys (ECDSA on P-256) and sign nothing: PREFIX.key, which only its owner may read, encrypted where there is a password, and PREFIX.pub.", NULL },
	PLACE_OPTIONS(O_PLACE),
	[O_END] = { NULL, 0, OPT_FLAG, NULL, NULL, NULL },
};

static int generate(const struct option_value *opt, struct error *err)
{
	autofree char *password = NULL;
	if (trusted_password(&opt[O_PASSWORD], &password, err) < 0)
		return command_fail(err);
	const char *secret = password ? password : getenv("COSIGN_PASSWORD");
	if (key_generate(opt[O_GENERATE].value, secret && *secret ? secret : NULL, err) < 0)
		return command_fail(err);
	struct buf name = BUF(0);
	text_safe(&name, str_of(opt[O_GENERATE].value));
	printf("%s.key%s\n%s.pub\n", buf_str(&name).p, secret && *secret ? "  encrypted" : "  not encrypted: keep it where nobody else reads it", buf_str(&name).p);
	buf_free(&name);
	return command_done(0);
}

/* What the image is called: "docker.io/library/app:1". */
static const char *identity(struct arena *a, const struct option_value *opt, const struct trusted *t, struct error *err)
{
	struct reference ref;
	const char *name = repo_name(t->r), *transport = repo_transport(t->r);
	if (opt[O_IDENTITY].value)
		return opt[O_IDENTITY].value;
	if (strncmp(name, "pare:", 5) == 0)
		name += 5;
	if ((strcmp(transport, "docker") != 0 && strcmp(transport, "pare") != 0) || repo_nameless(t->r) || reference_parse(a, str_of(name), &ref, NULL) < 0) {
		error_set(err, ERR_USAGE, "%s: has no name of its own to be signed: say --identity NAME", repo_name(t->r));
		return NULL;
	}
	return ref.tag ? arena_printf(a, "%s/%s:%s", ref.domain, ref.path, ref.tag) : arena_printf(a, "%s/%s", ref.domain, ref.path);
}

static int sign(struct arena *a, const struct option_value *opt, const struct trusted *t, const struct key *k, struct error *err)
{
	const struct option_value *given = &opt[O_ANNOTATION];
	const char **notes = arena_array(a, const char *, (size_t)given->count + 2), *name = identity(a, opt, t, err);
	struct digest d;
	for (u32 i = 0; i < given->count; i++)
		notes[i] = given->list[i];
	if (opt[O_TIMESTAMP].count)
		notes[given->count] = arena_printf(a, "timestamp=%lld", (long long)time(NULL));
	if (!name || trust_sign(t->r, &t->d.digest, name, k, notes, &d, err) < 0)
		return command_fail(err);
	struct buf safe = BUF(0);
	text_safe(&safe, str_of(name));
	printf("signed      %s\nas          %s\nsignature   %s\n", DIGEST_STR(&t->d.digest), buf_str(&safe).p, DIGEST_STR(&d));
	buf_free(&safe);
	return command_done(0);
}

static int run(const struct option_value *opt, char **args, int n_args)
{
	struct error err = { 0 };
	struct repo_options place;
	struct trusted t = { 0 };
	struct key *k = NULL;
	struct arena a = { 0 };
	autofree char *password = NULL;
	int status;
	if (opt[O_GENERATE].value && n_args == 0)
		return generate(opt, &err);
	if (opt[O_GENERATE].value)
		error_set(&err, ERR_USAGE, "sign: --generate-key signs nothing: leave out the image");
	else if (n_args != 1 || !opt[O_KEY].value)
		error_set(&err, ERR_USAGE, "sign: an image and --key FILE are wanted");
	else if (opt[O_REQUIRE].count && !trusted_by_digest(args[0]))
		error_set(&err, ERR_USAGE, "%s: is not named by a digest (NAME@sha256:…), which --require-digest asks for", args[0]);
	if (err.kind || place_options(opt + O_PLACE, &place, &err) < 0 || trusted_password(&opt[O_PASSWORD], &password, &err) < 0)
		return command_fail(&err);
	place.write = true;
	if (key_private(opt[O_KEY].value, password, &k, &err) < 0 || trusted_open(args[0], &place, &t, &err) < 0)
		status = command_fail(&err);
	else
		status = sign(&a, opt, &t, k, &err);
	trusted_close(&t);
	key_free(k);
	arena_free(&a);
	return status;
}

const struct command command_sign = {
	.name = "sign",
	.summary = "sign an image with a key of yours",
	.synopsis = "[OPTIONS] IMAGE --key FILE",
	.description = "Signs the digest that IMAGE stands for (an image, or the index of one for several platforms) and puts the signature beside it: as a manifest that refers to the image, and under "
		       "the tag that cosign looks for (sha256-HEX.sig), with those that are there already. cosign, podman and skopeo verify it; nothing is sent to a transparency log.\n\n"
		       "IMAGE is docker://REF, oci:DIR[:TAG] or pare:REF; a bare name is the store's when it is there, else its registry's. Who names it by a digest (NAME@sha256:…) signs what was "
		       "looked at, and not what a tag came to mean in between.\n\n"
		       "A password is read from a file or from the environment, never from the command line. The same key signs the same words once.",
	.options = options,
	.examples = "pare sign --generate-key release # release.key and release.pub\n"
		    "pare sign registry.example/app@sha256:… --key release.key --annotation build=42 # sign what was tested\n"
		    "pare sign oci:build/image:v1 --key release.key --identity registry.example/app:v1 # before it is pushed; pare copy --referrers takes it along",
	.min_args = 0,
	.max_args = 1,
	.run = run,
};
