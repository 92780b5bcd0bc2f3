#include "base/file.h"
#include "base/progress.h"
#include "base/text.h"
#include "command/command.h"
#include "command/place.h"
#include "compose/compose.h"
#include "copy/copy.h"
#include "layer/deflate.h"
#include "store/load.h"
#include "transport/sink.h"
#include <unistd.h>

enum { O_OUTPUT, O_FORMAT, O_SUITE, O_DISTRIBUTION, O_COMPONENTS, O_MIRROR, O_KEYRING, O_SOURCES, O_UNSIGNED, O_ANY_DATE, O_SNAPSHOT, O_PLATFORM, O_EXCLUDE, O_RECOMMENDS, O_ENTRYPOINT, O_CMD, O_ENV, O_USER, O_WORKDIR, O_LABEL, O_LAYERS, O_LOCK, O_LOCKED, O_EXPLAIN, O_DRY_RUN, O_OFFLINE, O_COMPRESSION, O_LEVEL, O_NAME, O_PLACE };
static const struct option options[] = {
	[O_OUTPUT] = { "output", 'o', OPT_VALUE, "OUT", "Where the image goes: docker-archive:FILE[:REF], oci-archive:FILE[:TAG], oci:DIR[:TAG], docker://REF (a registry), pare:REF (our store), docker-daemon:REF, or a path (a docker-archive when it ends in .tar, else see --format).", NULL },
	[O_FORMAT] = { "format", 'f', OPT_VALUE, "FORMAT", "What to write when OUT is a path: docker-archive, oci-archive or oci.", "docker-archive oci-archive oci" },
	[O_SUITE] = { "suite", 0, OPT_VALUE, "SUITE", "The release: bookworm, noble. Its -updates and -security are taken, too. Several, separated by commas: exactly these.", NULL },
	[O_DISTRIBUTION] = { "distribution", 0, OPT_VALUE, "NAME", "Default: debian.", "debian ubuntu" },
	[O_COMPONENTS] = { "components", 0, OPT_VALUE, "LIST", "Components of the archive. Default: those of the host's sources, else main.", NULL },
	[O_MIRROR] = { "mirror", 0, OPT_VALUE, "URL", "Where packages come from (http, https, file), instead of the host's apt sources and the distribution's own mirrors; only the suites that are said.", NULL },
	[O_KEYRING] = { "keyring", 0, OPT_VALUE, "FILE", "The keys that may sign the index, armored or not. Default: Signed-By of the host's sources, else the distribution's keyring in /usr/share/keyrings.", NULL },
	[O_SOURCES] = { "apt-dir", 0, OPT_VALUE, "DIR", "Where the host's apt sources are. Default: /etc/apt.", NULL },
	[O_UNSIGNED] = { "allow-unsigned", 0, OPT_FLAG, NULL, "Take an index whose signature is missing or cannot be checked. Anybody on the way can then put anything into the image.", NULL },
	[O_ANY_DATE] = { "any-date", 0, OPT_FLAG, NULL, "Do not ask how old, or how new, an index is.", NULL },
	[O_SNAPSHOT] = { "snapshot", 0, OPT_VALUE, "TIME", "The archive as it was (20250520T000000Z), from snapshot.debian.org or snapshot.ubuntu.com.", NULL },
	[O_PLATFORM] = { "platform", 0, OPT_LIST, "OS/ARCH[/VARIANT]", "For which machine. Default: SPEC's, else this one. Several, separated by commas, give an index.", NULL },
	[O_EXCLUDE] = { "exclude", 0, OPT_LIST, "PACKAGE", "Leave it out, whatever depends on it.", NULL },
	[O_RECOMMENDS] = { "recommends", 0, OPT_FLAG, NULL, "Take what packages recommend, too.", NULL },
	[O_ENTRYPOINT] = { "entrypoint", 0, OPT_LIST, "WORD", "The words of the entrypoint, one each.", NULL },
	[O_CMD] = { "cmd", 0, OPT_LIST, "WORD", "The words of the command, one each.", NULL },
	[O_ENV] = { "env", 'e', OPT_LIST, "NAME=VALUE", "A variable of the environment.", NULL },
	[O_USER] = { "user", 'u', OPT_VALUE, "USER", "Who runs it. nonroot is made (65532) when it is asked for.", NULL },
	[O_WORKDIR] = { "workdir", 'w', OPT_VALUE, "DIR", "Where it starts. Default: /.", NULL },
	[O_LABEL] = { "label", 0, OPT_LIST, "NAME=VALUE", "A label.", NULL },
	[O_LAYERS] = { "layers", 0, OPT_VALUE, "package|one|N", "A layer a package, with one for what is made here (default); one; or at most N.", NULL },
	[O_LOCK] = { "lock", 0, OPT_OPTIONAL, "FILE", "Write what was chosen to FILE. Default: compose.lock beside SPEC.", NULL },
	[O_LOCKED] = { "locked", 0, OPT_OPTIONAL, "FILE", "Take exactly the packages of a lock file; no index is asked.", NULL },
	[O_EXPLAIN] = { "explain", 0, OPT_VALUE, "PACKAGE", "Say why a package is in the image. Without -o nothing is written.", NULL },
	[O_DRY_RUN] = { "dry-run", 'n', OPT_FLAG, NULL, "Choose, say which packages, and fetch none.", NULL },
	[O_OFFLINE] = { "offline", 0, OPT_FLAG, NULL, "Fetch nothing: what the store has must do. With --locked.", NULL },
	[O_COMPRESSION] = { "compression", 0, OPT_VALUE, "KIND", "Of layers, where they are kept compressed: gzip (default), zstd or none.", "gzip zstd none" },
	[O_LEVEL] = { "compression-level", 0, OPT_VALUE, "N", "Effort of the compression: 1 to 12 for gzip, 1 to 19 for zstd. Default: 6.", NULL },
	[O_NAME] = { "tag", 't', OPT_VALUE, "NAME", "What the image is called where OUT says no name.", NULL },
	PLACE_OPTIONS(O_PLACE),
	[O_PLACE + PLACE_COUNT] = { NULL, 0, OPT_FLAG, NULL, NULL, NULL },
};

struct run {
	const struct option_value *opt;
	struct arena a;
	struct recipe recipe;
	const char *spec;          /* SPEC's path; NULL: packages are named */
	const char *store;
	struct composition *v;
	u32 n;
	struct mirror mirror;
	struct repo_options repo;
	enum compression compression;
	int level;
};

/* --- the command line --- */

static bool is_spec(const char *word)
{
	struct str s = str_of(word);
	return strchr(word, '/') || str_ends(s, STR(".yaml")) || str_ends(s, STR(".yml")) || str_ends(s, STR(".json"));
}

static const char *const *joined(struct arena *a, const char *const *first, const char *const *more, u32 n)
{
	u32 k = 0;
	while (first && first[k])
		k++;
	const char **v = arena_array(a, const char *, k + n + 1u);
	for (u32 i = 0; i < k + n; i++)
		v[i] = i < k ? first[i] : more[i - k];
	return v;
}

static int labels(struct run *x, struct error *err)
{
	const struct option_value *o = &x->opt[O_LABEL];
	struct recipe_pair *v = arena_array(&x->a, struct recipe_pair, x->recipe.n_labels + o->count + 1u);
	u32 n = x->recipe.n_labels;
	if (n)
		memcpy(v, x->recipe.labels, n * sizeof *v);
	for (u32 i = 0; i < o->count; i++) {
		const char *eq = strchr(o->list[i], '=');
		if (!eq || eq == o->list[i])
			return error_set(err, ERR_USAGE, "--label %.100s: it is NAME=VALUE", o->list[i]);
		v[n++] = (struct recipe_pair){ arena_strdup(&x->a, str_n(o->list[i], (size_t)(eq - o->list[i]))), eq + 1 };
	}
	x->recipe.labels = v;
	x->recipe.n_labels = n;
	return 0;
}

static int form(struct run *x, struct error *err)
{
	const char *kind = x->opt[O_COMPRESSION].value;
	u64 n;
	x->compression = !kind || strcmp(kind, "gzip") == 0 ? COMP_GZIP : strcmp(kind, "zstd") == 0 ? COMP_ZSTD : COMP_NONE;
	if (x->opt[O_LEVEL].value) {
		if (!str_to_u64(str_of(x->opt[O_LEVEL].value), &n) || n < 1 || n > 100 || !deflate_can(x->compression, (int)n))
			return error_set(err, ERR_USAGE, "--compression-level %.60s: no level of %s", x->opt[O_LEVEL].value, compression_name(x->compression));
		x->level = (int)n;
	}
	const char *layers = x->opt[O_LAYERS].value;
	if (!layers)
		return 0;
	if (strcmp(layers, "package") == 0)
		n = 0;
	else if (strcmp(layers, "one") == 0)
		n = 1;
	else if (!str_to_u64(str_of(layers), &n) || n < 1 || n > RECIPE_LAYERS_MAX)
		return error_set(err, ERR_USAGE, "--layers %.60s: package, one, or a number from 1 to %u", layers, RECIPE_LAYERS_MAX);
	x->recipe.layers = (u32)n;
	return 0;
}

static int platforms(struct run *x, struct error *err)
{
	const struct option_value *o = &x->opt[O_PLATFORM];
	const char **v = arena_array(&x->a, const char *, 64);
	u32 n = 0;
	for (u32 i = 0; i < o->count; i++)
		for (const char *const *w = recipe_words(&x->a, o->list[i]); *w; w++) {
			struct platform p;
			if (platform_parse(str_of(*w), &p, err) < 0)
				return -1;
			if (!recipe_arch(&p) || n == 63)
				return error_set(err, ERR_USAGE, "--platform %.60s: no architecture of Debian", *w);
			v[n++] = recipe_arch(&p);
		}
	if (n)
		x->recipe.archs = v;
	if (!x->recipe.archs || !x->recipe.archs[0]) {
		struct platform host = platform_host();
		v[0] = recipe_arch(&host);
		x->recipe.archs = v;
	}
	for (u32 i = 0; x->recipe.archs[i]; i++)
		for (u32 k = 0; k < i; k++)
			if (strcmp(x->recipe.archs[i], x->recipe.archs[k]) == 0)
				return error_set(err, ERR_USAGE, "%.60s: said twice", x->recipe.archs[i]);
	return x->recipe.archs[0] ? 0 : error_set(err, ERR_USAGE, "say --platform: this machine's is none of Debian's");
}

/* What goes into the configuration, a JSON document. */
static int texts_ok(const struct option_value *o, struct error *err)
{
	static const u32 of[] = { O_ENTRYPOINT, O_CMD, O_ENV, O_LABEL, O_USER, O_WORKDIR };
	for (u32 i = 0; i < countof(of); i++)
		for (u32 k = 0; k < MAX(o[of[i]].count, o[of[i]].value ? 1u : 0u); k++)
			for (struct str s = str_of(o[of[i]].list ? o[of[i]].list[k] : o[of[i]].value); s.n;) {
				u32 code;
				size_t n = text_utf8(s, &code);
				if (!n)
					return error_set(err, ERR_USAGE, "--%s: a text that is no UTF-8", options[of[i]].name);
				s = str_from(s, n);
			}
	return 0;
}

/* "80", "53/udp", "8000-8010". */
static bool port_ok(const char *text)
{
	struct str kind = str_of(text), last = str_cut(&kind, '/'), first = str_cut(&last, '-');
	u64 a, b;
	if (!str_to_u64(first, &a) || a < 1 || a > 65535 || (last.p && (!str_to_u64(last, &b) || b < a || b > 65535)))
		return false;
	return !kind.p || str_among(kind, "tcp udp sctp");
}

static int config_ok(const struct recipe *r, struct error *err)
{
	if (r->workdir && r->workdir[0] != '/')
		return error_set(err, ERR_USAGE, "workdir %.100s: it begins with a slash", r->workdir);
	for (u32 i = 0; r->ports && r->ports[i]; i++)
		if (!port_ok(r->ports[i]))
			return error_set(err, ERR_USAGE, "ports: %.60s is none: 80, 53/udp, 8000-8010", r->ports[i]);
	for (u32 i = 0; r->env && r->env[i]; i++)
		if (!strchr(r->env[i] + (r->env[i][0] != '\0'), '='))
			return error_set(err, ERR_USAGE, "env %.100s: it is NAME=VALUE", r->env[i]);
	return 0;
}

static int values(struct run *x, struct error *err)
{
	const struct option_value *o = x->opt;
	struct recipe *r = &x->recipe;
	const struct { const struct option_value *from; const char **to; } texts[] = { { &o[O_DISTRIBUTION], &r->distribution }, { &o[O_MIRROR], &r->mirror }, { &o[O_KEYRING], &r->keyring }, { &o[O_SOURCES], &r->apt }, { &o[O_SNAPSHOT], &r->snapshot }, { &o[O_USER], &r->user }, { &o[O_WORKDIR], &r->workdir } };
	for (u32 i = 0; i < countof(texts); i++)
		if (texts[i].from->value)
			*texts[i].to = texts[i].from->value;
	if (o[O_SUITE].value) {
		r->suites = recipe_words(&x->a, o[O_SUITE].value);
		r->only_suites = strchr(o[O_SUITE].value, ',') != NULL;
	}
	if (o[O_COMPONENTS].value)
		r->components = recipe_words(&x->a, o[O_COMPONENTS].value);
	r->exclude = o[O_EXCLUDE].count ? joined(&x->a, r->exclude, o[O_EXCLUDE].list, o[O_EXCLUDE].count) : r->exclude;
	r->entrypoint = o[O_ENTRYPOINT].count ? joined(&x->a, NULL, o[O_ENTRYPOINT].list, o[O_ENTRYPOINT].count) : r->entrypoint;
	r->cmd = o[O_CMD].count ? joined(&x->a, NULL, o[O_CMD].list, o[O_CMD].count) : r->cmd;
	r->env = o[O_ENV].count ? joined(&x->a, r->env, o[O_ENV].list, o[O_ENV].count) : r->env;
	r->recommends |= o[O_RECOMMENDS].count > 0;
	r->allow_unsigned |= o[O_UNSIGNED].count > 0;
	r->any_date |= o[O_ANY_DATE].count > 0;
	return texts_ok(o, err) < 0 || config_ok(r, err) < 0 || labels(x, err) < 0 || form(x, err) < 0 ? -1 : platforms(x, err);
}

/* What can be seen to be wrong before anything is fetched, wherever it was said. */
static int check_words(struct run *x, struct error *err)
{
	const struct recipe *r = &x->recipe;
	const char *out = x->opt[O_OUTPUT].value, *name = x->opt[O_NAME].value;
	struct reference ref;
	for (const char *const *s = r->suites; s && *s; s++)
		if (strspn(*s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.+-_/") != strlen(*s) || str_contains(str_of(*s), STR("..")) || (*s)[0] == '/')
			return error_set(err, ERR_USAGE, "suite %.60s: no name of a release", *s);
	if (r->snapshot && (strlen(r->snapshot) != 16 || strspn(r->snapshot, "0123456789") != 8 || r->snapshot[8] != 'T' || strspn(r->snapshot + 9, "0123456789") != 6 || r->snapshot[15] != 'Z'))
		return error_set(err, ERR_USAGE, "snapshot %.60s: a time like 20250520T000000Z", r->snapshot);
	if (name && reference_parse(&x->a, str_of(name), &ref, err) < 0)
		return error_wrap(err, "--tag %.60s", name);
	if (out && r->archs[1] && sink_could_attach(out, x->opt[O_FORMAT].value, err) < 0)
		return error_set(err, ERR_USAGE, "%.200s: keeps one platform; several go to oci-archive:FILE, oci:DIR, docker://REF or pare:REF", out);
	return 0;
}

static int command_line(struct run *x, char **args, int n_args, struct error *err)
{
	recipe_init(&x->recipe);
	int first = n_args > 0 && is_spec(args[0]);
	if (first) {
		x->spec = args[0];
		if (recipe_read(x->spec, &x->a, &x->recipe, err) < 0)
			return -1;
	}
	x->recipe.packages = joined(&x->a, x->recipe.packages, (const char *const *)args + first, (u32)(n_args - first));
	if (values(x, err) < 0 || check_words(x, err) < 0 || place_options(x->opt + O_PLACE, &x->repo, err) < 0)
		return -1;
	if (x->opt[O_LOCK].count && x->opt[O_LOCKED].count)
		return error_set(err, ERR_USAGE, "--lock writes a lock file, --locked reads one: one of them");
	if (!x->recipe.packages[0])
		return error_set(err, ERR_USAGE, "no package is named");
	if (x->recipe.mirror && mirror_check_url(x->recipe.mirror, err) < 0)
		return -1;
	if (!x->opt[O_OUTPUT].value && !x->opt[O_DRY_RUN].count && !x->opt[O_EXPLAIN].value && !x->opt[O_LOCK].count)
		return error_set(err, ERR_USAGE, "say -o OUT, where the image goes");
	return 0;
}

static const char *lock_path(struct run *x, const struct option_value *o)
{
	const char *slash = x->spec ? strrchr(x->spec, '/') : NULL;
	if (o->value)
		return o->value;
	return slash ? arena_printf(&x->a, "%.*s/compose.lock", (int)(slash - x->spec), x->spec) : "compose.lock";
}

/* --- choosing --- */

static int choose_locked(struct run *x, struct composition *c, struct error *err)
{
	const char *path = lock_path(x, &x->opt[O_LOCKED]);
	struct buf b = BUF(JSON_BYTES);
	int r = file_read(path, JSON_BYTES, &b, err);
	r = r < 0 ? r : compose_lock_read(c, buf_str(&b), path, err);
	buf_free(&b);
	return r;
}

static int choose(struct run *x, struct error *err)
{
	u32 n = 0;
	while (x->recipe.archs[n])
		n++;
	x->v = arena_array(&x->a, struct composition, n);
	for (u32 i = 0; i < n; i++) {
		struct composition *c = &x->v[i];
		composition_init(c, &x->recipe, x->recipe.archs[i]);
		x->n++;
		if (!recipe_platform(c->arch, &c->platform))
			return error_set(err, ERR_USAGE, "%.60s: no architecture that is known", c->arch);
		if ((x->opt[O_LOCKED].count ? choose_locked(x, c, err) : compose_choose(c, &x->mirror, x->opt[O_EXPLAIN].value, err)) < 0)
			return x->n > 1 || n > 1 ? error_wrap(err, "%s", c->arch) : -1;
	}
	return x->opt[O_LOCK].count ? compose_lock_write(x->v, x->n, lock_path(x, &x->opt[O_LOCK]), err) : 0;
}

static void told_safe(const char *s)
{
	struct buf b = BUF(0);
	text_safe(&b, str_of(s));
	command_note("%s", b.p);
	buf_free(&b);
}

/* Lines with text of the index in them. */
static void print_safe(struct str text)
{
	struct buf b = BUF(0);
	for (struct str rest = text; rest.n;) {
		struct str line = str_cut(&rest, '\n');
		text_safe(&b, line);
		buf_putc(&b, '\n');
	}
	fwrite(b.p, 1, b.n, stdout);
	buf_free(&b);
}

static void show_choice(const struct run *x)
{
	for (u32 i = 0; i < x->n; i++)
		for (u32 k = 0; k < x->v[i].n; k++) {
			const struct compose_package *p = &x->v[i].v[k];
			printf("%.*s\t%.*s\t%.*s\t%llu\t", STR_FMT(p->name), STR_FMT(p->version), STR_FMT(p->arch), (unsigned long long)p->size);
			print_safe(p->why);
		}
}

static int explain(struct run *x, struct error *err)
{
	const char *name = x->opt[O_EXPLAIN].value;
	for (u32 i = 0; i < x->n; i++) {
		const struct composition *c = &x->v[i];
		if (c->explained) {
			print_safe(str_of(c->explained));
			return 0;
		}
		for (u32 k = 0; k < c->n; k++) /* of a lock file, which knows the last step alone */
			if (str_is(c->v[k].name, name)) {
				print_safe(str_of(arena_printf(&x->a, "%.*s %.*s: %.*s", STR_FMT(c->v[k].name), STR_FMT(c->v[k].version), STR_FMT(c->v[k].why))));
				return 0;
			}
		for (u32 k = 0; k < c->n_left; k++)
			if (strcmp(c->left[k].name, name) == 0) {
				printf("%s: left out (%s); %u packages depend on it%s%s\n", name, c->left[k].kind, c->left[k].n, c->left[k].by ? ", first " : "", c->left[k].by ? c->left[k].by : "");
				return 0;
			}
	}
	return error_set(err, ERR_USAGE, "%.100s: not in the image, and nothing in it depends on it", name);
}

/* --- writing --- */

static int write_layers(struct run *x, struct composition *c, struct sink *sink, struct sink_image *img, struct buf *config, struct error *err)
{
	struct compose_layer *layers;
	u32 n;
	u64 total = 0;
	if (compose_layers(c, &layers, &n, err) < 0)
		return -1;
	struct sink_layer *v = arena_array(&c->arena, struct sink_layer, n);
	for (u32 i = 0; i < n; i++)
		total += layers[i].size;
	progress_begin("writing", total);
	int r = 0;
	for (u32 i = 0; r == 0 && i < n; i++)
		r = sink_layer(sink, compose_layer_stream(c, &layers[i]), sink->ops->plain ? COMP_NONE : x->compression, x->level, layers[i].size, 0, &v[i], err);
	progress_end();
	if (r == 0)
		r = compose_config(c, layers, v, n, config, err);
	*img = (struct sink_image){ .config = buf_str(config), .layers = v, .n_layers = n, .reference = x->opt[O_NAME].value };
	return r;
}

static void tell(const struct composition *c)
{
	u64 whole = 0, debs = 0;
	u32 files, packed = 0;
	u64 bytes = compose_bytes(c, &files);
	for (u32 i = 0; i < c->n; i++) {
		whole += c->v[i].bytes;
		packed += (u32)c->v[i].files;
		debs += c->v[i].size;
	}
	for (u32 i = 0; i < c->notes.n; i++)
		told_safe(c->notes.v[i]);
	if (c->notes.more)
		command_note("and %u more", c->notes.more);
	struct buf b = BUF(2000);
	for (u32 i = 0; i < c->n_left; i++)
		buf_printf(&b, "%s%s (%s)", i ? ", " : "", c->left[i].name, c->left[i].kind);
	if (b.n)
		command_note("left out, needed by scripts of packages alone: %s", b.p);
	buf_free(&b);
	const char *shell = compose_shell(c);
	command_note("%s: %u packages (%s as .deb): %u files of %s, of %u files of %s in them; %s%s", c->arch, c->n, TEXT_SIZE(debs), files, TEXT_SIZE(bytes), packed, TEXT_SIZE(whole), shell ? "a shell: /" : "no shell", shell ? shell : "");
}

/* One platform's image to a place; *ret (may be NULL) its descriptor, where it has one. */
static int write_image(struct run *x, struct composition *c, const char *to, const char *kind, json_t **ret, struct error *err)
{
	struct sink *sink;
	struct sink_image img;
	struct buf config = BUF(0);
	if (sink_open_with(to, kind, &x->repo, &sink, err) < 0)
		return -1;
	int r = compose_unpack(c, &x->mirror, x->store, err) < 0 || compose_effects(c, err) < 0 ? -1 : 0;
	r = r < 0 ? r : write_layers(x, c, sink, &img, &config, err);
	r = r < 0 ? r : sink_seal(sink, &img, err);
	r = r < 0 ? r : sink_commit(sink, err);
	if (r == 0) {
		tell(c);
		if (ret)
			*ret = json_deep_copy(sink->manifest);
		else if (sink_digest(sink))
			puts(sink_digest(sink));
	}
	sink_close(sink);
	buf_free(&config);
	return r;
}

static int put_index(json_t *list, const char *layout, struct digest *d, struct error *err)
{
	struct repo *repo;
	autojson json_t *doc = json_pack("{sisssO}", "schemaVersion", 2, "mediaType", MT_INDEX, "manifests", list);
	char *text = json_dumps(doc, JSON_COMPACT);
	int r = repo_open(layout, &(struct repo_options){ .write = true }, &repo, err);
	if (r == 0) {
		r = repo_put_document(repo, "index", MT_INDEX, str_of(text), d, err);
		repo_close(repo);
	}
	free(text);
	return r;
}

/* Several platforms: each into a layout of our own, an index over them, and that to its place. */
static int write_index(struct run *x, struct error *err)
{
	struct stage stage = { 0 };
	struct digest d;
	struct copy_result result;
	const char *kind = x->opt[O_FORMAT].value, *out = x->opt[O_OUTPUT].value;
	json_t *list = json_array();
	int r = stage_make(&stage, arena_printf(&x->a, "%s/compose/" MIRROR_STAGE, x->store), err);
	const char *layout = r == 0 ? arena_printf(&x->a, "oci:%s/layout", stage.path) : NULL;
	for (u32 i = 0; r == 0 && i < x->n; i++) {
		const struct platform *p = &x->v[i].platform;
		json_t *entry = NULL;
		r = write_image(x, &x->v[i], arena_printf(&x->a, "%s:%s", layout, x->v[i].arch), NULL, &entry, err);
		if (r < 0)
			break;
		json_t *about = json_pack("{ssss}", "architecture", p->arch, "os", p->os);
		if (p->variant[0])
			json_object_set_new(about, "variant", json_string(p->variant));
		json_object_del(entry, "annotations");
		json_object_set_new(entry, "platform", about);
		json_array_append_new(list, entry);
	}
	r = r < 0 ? r : put_index(list, layout, &d, err);
	struct copy_options o = { .target = x->repo, .all = true, .name = x->opt[O_NAME].value };
	r = r < 0 ? r : copy_image(arena_printf(&x->a, "%s:index", layout), kind ? arena_printf(&x->a, "%s:%s", kind, out) : out, &o, &x->a, &result, err);
	if (r == 0)
		puts(DIGEST_STR(&d));
	stage_remove(&stage);
	json_decref(list);
	return r;
}

static int compose(struct run *x, struct error *err)
{
	x->store = store_dir(&x->a, globals.store, err);
	if (!x->store || mirror_open(&x->mirror, x->store, err) < 0)
		return -1;
	x->mirror.offline = x->opt[O_OFFLINE].count > 0;
	if (choose(x, err) < 0)
		return -1;
	if (x->opt[O_EXPLAIN].value && explain(x, err) < 0)
		return -1;
	if (x->opt[O_DRY_RUN].count)
		show_choice(x);
	if (x->opt[O_DRY_RUN].count || !x->opt[O_OUTPUT].value)
		return 0;
	x->repo.store = x->store;
	return x->n > 1 ? write_index(x, err) : write_image(x, &x->v[0], x->opt[O_OUTPUT].value, x->opt[O_FORMAT].value, NULL, err);
}

static int run(const struct option_value *opt, char **args, int n_args)
{
	struct error err = { 0 };
	struct run x = { .opt = opt };
	int r = command_line(&x, args, n_args, &err);
	r = r < 0 ? r : compose(&x, &err);
	int status = r < 0 ? command_fail(&err) : command_done(0);
	for (u32 i = 0; i < x.n; i++)
		composition_free(&x.v[i]);
	mirror_close(&x.mirror);
	arena_free(&x.a);
	return status;
}

const struct command command_compose = {
	.name = "compose",
	.summary = "a distroless image from a distribution's packages",
	.synopsis = "[OPTIONS] SPEC|PACKAGE… -o OUT",
	.description = "Makes an image of packages of Debian or Ubuntu and what they depend on, and of nothing else: no shell, no package manager, nothing that only the installing of packages needs. SPEC is a YAML file "
		       "(a word with a slash, or that ends in .yaml or .yml); other words are packages, NAME or NAME=VERSION.\n\n"
		       "The index comes from the host's apt sources when they have the suite, else from the distribution's mirrors, or from --mirror. Its signature is checked (gpgv), as is the digest of "
		       "every file that is fetched; both are kept in the store.\n\n"
		       "No script of a package is run. What they would have done and is known to matter is done: the merged /usr, accounts, certificates, alternatives, time zone, name service, the cache of the loader. "
		       "What a script does that is not known is told in a note that names the package. var/lib/dpkg/status.d says what is inside, for scanners.\n\n"
		       "The same packages give the same bytes: times are those of the packages' files, and none is later than SOURCE_DATE_EPOCH. --lock writes down what was chosen, --locked composes exactly that.\n\n"
		       "Standard output is the image's digest, where OUT keeps one.",
	.options = options,
	.examples = "pare compose --suite bookworm ca-certificates tzdata -o static.tar # certificates and time zones\n"
		    "pare compose app.yaml --lock -o oci:app:1 # as app.yaml says; what was chosen goes to compose.lock\n"
		    "pare compose app.yaml --locked -o docker://registry.example/app:1 # exactly that again\n"
		    "pare compose --suite bookworm python3 --explain libreadline8 # why it is there",
	.min_args = 1,
	.max_args = ARGS_MANY,
	.run = run,
};
