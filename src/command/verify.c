#include "base/jsonw.h"
#include "base/text.h"
#include "command/command.h"
#include "command/place.h"
#include "command/trusted.h"

enum { O_KEY, O_POLICY, O_ANNOTATION, O_REQUIRE, O_FORMAT, O_PLACE, O_END = O_PLACE + PLACE_COUNT };

static const struct option options[] = {
	[O_KEY] = { "key", 'k', OPT_LIST, "FILE", "A public key (PEM): a signature holds under any of them.", NULL },
	[O_POLICY] = TRUSTED_POLICY_OPTION,
	[O_ANNOTATION] = { "annotation", 'a', OPT_LIST, "K=V", "Count only signatures that say this, too.", NULL },
	[O_REQUIRE] = { "require-digest", 0, OPT_FLAG, NULL, "Refuse an image that is named by a tag alone.", NULL },
	[O_FORMAT] = { "format", 'f', OPT_VALUE, "FORMAT", "table (the default), or json: docs/schema/verify describes it.", "table json" },
	PLACE_OPTIONS(O_PLACE),
	[O_END] = { NULL, 0, OPT_FLAG, NULL, NULL, NULL },
};

struct verdict {
	struct trusted t;
	struct trusted_policy policy;
	struct arena a;
	struct key **keys;
	u32 n_keys;
	struct signature *v;
	u32 n, good;
	struct error refused; /* what the policy says */
};

static void demand(struct verdict *r, const struct option_value *wanted)
{
	for (u32 i = 0; i < r->n; i++)
		for (u32 w = 0; w < wanted->count && r->v[i].key; w++)
			if (!str_listed(str_of(wanted->list[w]), r->v[i].annotations)) {
				r->v[i].key = NULL;
				r->v[i].why_not = arena_printf(&r->a, "does not say %s", wanted->list[w]);
				r->good--;
			}
}

static int look(struct verdict *r, const struct option_value *opt, const char *word, struct error *err)
{
	struct repo_options place;
	if (place_options(opt + O_PLACE, &place, err) < 0 || trusted_policy(&opt[O_POLICY], &r->policy, err) < 0)
		return -1;
	if (!opt[O_KEY].count && !trusted_has_policy(&r->policy))
		return error_set(err, ERR_USAGE, "verify: by what? Say --key FILE or --policy FILE");
	r->keys = arena_array(&r->a, struct key *, (size_t)opt[O_KEY].count + 1);
	for (; r->n_keys < opt[O_KEY].count; r->n_keys++)
		if (key_public(opt[O_KEY].list[r->n_keys], &r->keys[r->n_keys], err) < 0)
			return -1;
	r->policy.tagged = !trusted_by_digest(word);
	if (trusted_open(word, &place, &r->t, err) < 0)
		return -1;
	if (r->n_keys && trust_verify(r->t.r, &r->t.d.digest, r->keys, r->n_keys, &r->a, &r->v, &r->n, &r->good, err) < 0)
		return -1;
	demand(r, &opt[O_ANNOTATION]);
	if (trusted_has_policy(&r->policy) && trusted_allowed(&r->policy, r->t.r, &r->t.d, &r->refused) < 0 && !r->policy.refused) {
		*err = r->refused;
		return -1;
	}
	return 0;
}

/* --- what is shown --- */
static void put(const char *text, size_t width)
{
	struct buf safe = BUF(0), fit = BUF(0);
	text_safe(&safe, str_of(text));
	text_fit(&fit, buf_str(&safe), width ? width : 160, false);
	fwrite(buf_str(&fit).p, 1, fit.n, stdout);
	for (size_t w = text_width(buf_str(&fit)); w < width; w++)
		putchar(' ');
	buf_free(&safe);
	buf_free(&fit);
}

static size_t widest(size_t least, size_t most, const struct verdict *r, bool key)
{
	for (u32 i = 0; i < r->n; i++) {
		const char *text = key ? r->v[i].key : r->v[i].identity;
		least = MAX(least, MIN(text_width(str_of(text ? text : "-")), most));
	}
	return least;
}

static void table(const struct verdict *r)
{
	size_t key = widest(3, 40, r, true), identity = widest(8, 60, r, false);
	put(repo_name(r->t.r), 0);
	printf("  %s\n", DIGEST_STR(&r->t.d.digest));
	if (r->n)
		printf("\nHOLDS  %-*s  %-*s  SAYS\n", (int)key, "KEY", (int)identity, "IDENTITY");
	for (u32 i = 0; i < r->n; i++) {
		const struct signature *s = &r->v[i];
		fputs(s->key ? "yes    " : "no     ", stdout);
		put(s->key ? s->key : "-", key);
		fputs("  ", stdout);
		put(*s->identity ? s->identity : "-", !s->key || s->annotations[0] ? identity : 0);
		fputs(!s->key || s->annotations[0] ? "  " : "", stdout);
		if (!s->key)
			put(s->why_not, 0);
		for (size_t n = 0; s->key && s->annotations[n]; n++) {
			put(s->annotations[n], 0);
			if (s->annotations[n + 1])
				putchar(' ');
		}
		putchar('\n');
	}
	if (r->n_keys)
		printf("%s%u of %u signature%s %s\n", r->n ? "\n" : "", r->good, r->n, r->n == 1 ? "" : "s", r->good == 1 ? "holds" : "hold");
	if (trusted_has_policy(&r->policy)) {
		fputs("policy ", stdout);
		put(policy_file(r->policy.policy), 0);
		fputs(r->policy.refused ? " refuses it\n" : " allows it\n", stdout);
	}
}

static void json(const struct verdict *r)
{
	struct jsonw w;
	jsonw_init(&w, stdout, 2);
	jsonw_obj(&w);
	jsonw_kz(&w, "reference", repo_name(r->t.r));
	jsonw_kz(&w, "digest", DIGEST_STR(&r->t.d.digest));
	jsonw_kb(&w, "holds", (!r->n_keys || r->good) && !r->policy.refused);
	jsonw_key(&w, "signatures");
	jsonw_arr(&w);
	for (u32 i = 0; i < r->n; i++) {
		const struct signature *s = &r->v[i];
		jsonw_obj(&w);
		jsonw_kb(&w, "holds", s->key != NULL);
		jsonw_kz(&w, "key", s->key);
		jsonw_kz(&w, "identity", *s->identity ? s->identity : NULL);
		jsonw_key(&w, "annotations");
		jsonw_obj(&w);
		for (const char **n = s->annotations; *n; n++) {
			struct str value = str_of(*n), k = str_cut(&value, '=');
			jsonw_keyn(&w, k);
			jsonw_str(&w, value.p ? value : STR(""));
		}
		jsonw_end(&w);
		jsonw_kz(&w, "why_not", s->why_not);
		jsonw_end(&w);
	}
	jsonw_end(&w);
	jsonw_key(&w, "policy");
	if (trusted_has_policy(&r->policy)) {
		jsonw_obj(&w);
		jsonw_kz(&w, "file", policy_file(r->policy.policy));
		jsonw_kb(&w, "allows", !r->policy.refused);
		jsonw_kz(&w, "why_not", r->policy.refused ? r->refused.text : NULL);
		jsonw_end(&w);
	} else {
		jsonw_null(&w);
	}
	jsonw_end(&w);
}

static int conclude(const struct verdict *r)
{
	struct error e = { 0 };
	int status = 0;
	if (r->n_keys && !r->good) {
		error_set(&e, ERR_INPUT, "verify: %s: %s", repo_name(r->t.r), r->n ? "no signature of it holds" : "is not signed");
		command_fail(&e);
		status = 1;
	}
	if (r->policy.refused) {
		command_fail(&r->refused);
		status = 1;
	}
	return command_done(status);
}

static int run(const struct option_value *opt, char **args, int n_args)
{
	struct error err = { 0 };
	struct verdict r = { 0 };
	int status;
	(void)n_args;
	if (opt[O_REQUIRE].count && !trusted_by_digest(args[0])) {
		error_set(&err, ERR_USAGE, "%s: is not named by a digest (NAME@sha256:…), which --require-digest asks for", args[0]);
		return command_fail(&err);
	}
	if (look(&r, opt, args[0], &err) < 0) {
		status = command_fail(&err);
	} else {
		if (option_is(&opt[O_FORMAT], "json"))
			json(&r);
		else
			table(&r);
		status = conclude(&r);
	}
	for (u32 i = 0; i < r.n_keys; i++)
		key_free(r.keys[i]);
	policy_free(r.policy.policy);
	trusted_close(&r.t);
	arena_free(&r.a);
	return status;
}

const struct command command_verify = {
	.name = "verify",
	.summary = "who signed an image, and whether a policy lets it be used",
	.synopsis = "[OPTIONS] IMAGE --key FILE",
	.description = "Looks for signatures of the digest that IMAGE stands for, among the manifests that refer to it and under cosign's tag (sha256-HEX.sig), and checks each with the public keys: cosign's "
		       "payloads, and Sigstore bundles whose statement is cosign's signature or that sign the manifest itself. A signature that names another digest, or is by another key, is none. Keyless signatures are said to be "
		       "there and never count: no transparency log is asked, and no certificate is believed.\n\n"
		       "With --policy, or where a policy is in force, it is asked as well, as pare copy and pare pull ask it: who may be used, what must be named by its digest, what must be signed and by "
		       "which keys. docs/trust.md describes the file.\n\n"
		       "Status 1: no signature holds, or the policy refuses.",
	.options = options,
	.examples = "pare verify registry.example/app:1 --key release.pub # who signed it\n"
		    "pare verify oci:build/image:v1 --key release.pub --annotation build=42 --format json # for programs\n"
		    "pare verify registry.example/app:1 --policy policy.toml # may it be used?",
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
