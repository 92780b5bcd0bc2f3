#include "report/build_progress.h"
#include "report/build_blame.h"
#include "base/text.h"
#include "build/fields.h"
#include "command/build_output.h"
#include "command/command.h"
#include "command/place.h"
#include "command/trusted.h"
#include "report/sbom.h"
#include "report/subject.h"
#include "store/load.h"
#include <sched.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { O_FILE, O_TAG, O_TARGET, O_ARG, O_CONTEXT, O_PLATFORM, O_OUTPUT, O_PUSH, O_LOAD, O_NO_CACHE, O_NO_CACHE_FILTER, O_CACHE_FROM, O_CACHE_TO, O_PULL, O_SECRET, O_SSH, O_NETWORK, O_ADD_HOST, O_ULIMIT, O_SHM, O_ALLOW, O_SECONDS,
	O_RUNTIME, O_LABEL, O_ANNOTATION, O_SQUASH, O_PROVENANCE, O_SBOM, O_ATTEST, O_LEAN, O_NO_LEAN, O_PROGRESS, O_DRY_RUN, O_EXPLAIN, O_VERIFY, O_BLAME, O_CHECK, O_CALL, O_IIDFILE, O_METADATA, O_POLICY, O_PLACE };
static const struct option options[] = {
	[O_FILE] = { "file", 'f', OPT_VALUE, "FILE", "The Dockerfile. Default: Dockerfile of the context. - is standard input.", NULL },
	[O_TAG] = { "tag", 't', OPT_LIST, "NAME[:TAG]", "What the image is called.", NULL },
	[O_TARGET] = { "target", 0, OPT_VALUE, "STAGE", "Build this stage. Default: the last one.", NULL },
	[O_ARG] = { "build-arg", 0, OPT_LIST, "NAME[=VALUE]", "A value for an ARG; without =VALUE that of the environment.", NULL },
	[O_CONTEXT] = { "build-context", 0, OPT_LIST, "NAME=WHERE", "One more place that FROM, COPY --from and RUN --mount take from: a directory, a URL, docker-image://REF, oci-layout://DIR[:TAG][@DIGEST].", NULL },
	[O_PLATFORM] = { "platform", 0, OPT_LIST, "OS/ARCH[/VARIANT]", "What is built for; several, separated by commas, come into one index. Default: this machine's.", NULL },
	[O_OUTPUT] = { "output", 'o', OPT_LIST, "DEST", "Where the result goes: type=oci, docker, tar, local, registry, image, with dest=PATH, tar=false, name=NAME, push=true, push-by-digest=true, registry.insecure=true, oci-mediatypes=false, "
		      "compression=gzip|zstd|uncompressed, compression-level=N, force-compression=true; a path alone is a directory of files, - a tar of them on standard output. Default: our store.", NULL },
	[O_PUSH] = { "push", 0, OPT_FLAG, NULL, "The same as --output type=registry.", NULL },
	[O_LOAD] = { "load", 0, OPT_FLAG, NULL, "Into the Docker engine that runs here: --output type=docker without dest.", NULL },
	[O_NO_CACHE] = { "no-cache", 0, OPT_FLAG, NULL, "Do every step, whatever was built before. Cache mounts stay.", NULL },
	[O_NO_CACHE_FILTER] = { "no-cache-filter", 0, OPT_LIST, "STAGE", "The same for these stages, separated by commas.", NULL },
	[O_CACHE_FROM] = { "cache-from", 0, OPT_LIST, "PLACE", "Take results of steps from there, too: type=local,src=DIR or type=registry,ref=REF, or REF alone.", NULL },
	[O_CACHE_TO] = { "cache-to", 0, OPT_LIST, "PLACE", "Put results of steps there: type=local,dest=DIR or type=registry,ref=REF; with mode=max those of all stages, not only the target's, with mounts=true cache mounts, too, with ignore-error=true whether that works or not.", NULL },
	[O_PULL] = { "pull", 0, OPT_FLAG, NULL, "Ask the registry of each base image for a newer one, even when our store has it.", NULL },
	[O_SECRET] = { "secret", 0, OPT_LIST, "id=ID,src=FILE", "A file, or with env=NAME a variable, for steps that say RUN --mount=type=secret,id=ID; GIT_AUTH_TOKEN[.HOST] is for git repositories. It is in no layer, no cache, no log.", NULL },
	[O_SSH] = { "ssh", 0, OPT_LIST, "ID[=SOCKET|KEY]", "An ssh agent for steps that say RUN --mount=type=ssh. default is the one of $SSH_AUTH_SOCK.", NULL },
	[O_NETWORK] = { "network", 0, OPT_VALUE, "KIND", "What RUN reaches where it says nothing itself: default and host are this machine's network, none is a network of its own that leads nowhere.", "default host none" },
	[O_ADD_HOST] = { "add-host", 0, OPT_LIST, "NAME:IP", "One more line of /etc/hosts while steps run.", NULL },
	[O_ULIMIT] = { "ulimit", 0, OPT_LIST, "NAME=SOFT[:HARD]", "A limit for steps (nofile=1024).", NULL },
	[O_SHM] = { "shm-size", 0, OPT_VALUE, "SIZE", "Of /dev/shm while steps run. Default: 64m.", NULL },
	[O_ALLOW] = { "allow", 0, OPT_LIST, "WHAT", "What steps may ask for: network.host (always allowed here), security.insecure.", NULL },
	[O_SECONDS] = { "timeout", 0, OPT_VALUE, "SECONDS", "End a step that takes longer, with everything it started. Default: none ends.", NULL },
	[O_RUNTIME] = { "runtime", 0, OPT_VALUE, "PROGRAM", "The OCI runtime: runc, crun, or a path. Default: whichever works here.", NULL },
	[O_LABEL] = { "label", 0, OPT_LIST, "NAME=VALUE", "One more label of the image.", NULL },
	[O_ANNOTATION] = { "annotation", 0, OPT_LIST, "NAME=VALUE", "An annotation of the manifest; behind index: or manifest-descriptor: of the index of several platforms.", NULL },
	[O_SQUASH] = { "squash", 0, OPT_FLAG, NULL, "The layers of this build as one; those of the base image stay.", NULL },
	[O_PROVENANCE] = { "provenance", 0, OPT_OPTIONAL, "MODE", "Put SLSA provenance beside the image, as an OCI referrer: what it was made of; with =max its arguments and Dockerfile, too.", "true false min max mode=min mode=max" },
	[O_SBOM] = { "sbom", 0, OPT_OPTIONAL, "BOOL", "Put a bill of materials (SPDX) beside the image, as an OCI referrer.", "true false" },
	[O_ATTEST] = { "attest", 0, OPT_LIST, "type=TYPE", "The same: type=provenance[,mode=max], type=sbom.", NULL },
	[O_LEAN] = { "lean", 0, OPT_FLAG, NULL, "Keep package managers' caches out of the image's layers; steps see them all the same (the default).", NULL },
	[O_NO_LEAN] = { "no-lean", 0, OPT_FLAG, NULL, "Leave package managers' caches in the image's layers.", NULL },
	[O_PROGRESS] = { "progress", 0, OPT_VALUE, "KIND", "auto (the default): tty on a terminal (plain where TERM is dumb), else quiet until something fails; plain: everything as it comes; rawjson: BuildKit's status records; quiet or none: errors only.", "auto tty plain rawjson quiet none" },
	[O_DRY_RUN] = { "dry-run", 'n', OPT_FLAG, NULL, "Say which steps are in the cache and which would run; run nothing.", NULL },
	[O_EXPLAIN] = { "explain-cache", 0, OPT_FLAG, NULL, "Say of each step that is not in the cache which file, argument or command made it miss.", NULL },
	[O_VERIFY] = { "verify-reproducible", 0, OPT_FLAG, NULL, "Build everything twice, the second time later, with directories read in another order, under another hostname, umask, number of processors and time since the machine's start; unless both give the same image, say which step wrote what otherwise, and put it nowhere.", NULL },
	[O_BLAME] = { "blame", 0, OPT_OPTIONAL, "FORMAT", "Show which line of the Dockerfile wrote how many bytes, and how many of them are still there in the end; with =json each file and the line that wrote it.", "table json" },
	[O_CHECK] = { "check", 0, OPT_FLAG, NULL, "Judge the Dockerfile by BuildKit's checks and build nothing (`pare lint` knows more).", NULL },
	[O_CALL] = { "call", 0, OPT_VALUE, "METHOD", "build (the default), or check, the same as --check.", "build check" },
	[O_IIDFILE] = { "iidfile", 0, OPT_VALUE, "FILE", "Write the image's digest to FILE; of an image that goes into a Docker engine the ID that it has there.", NULL },
	[O_METADATA] = { "metadata-file", 0, OPT_VALUE, "FILE", "Write digests, the names, and how many bytes of package managers' caches no layer has, to FILE, as JSON.", NULL },
	[O_POLICY] = TRUSTED_POLICY_OPTION,
	PLACE_OPTIONS_AS(O_PLACE, "registry-timeout"),
	[O_PLACE + PLACE_COUNT] = { NULL, 0, OPT_FLAG, NULL, NULL, NULL },
};

/* Of docker build and docker buildx build. */
static const struct foreign_option foreign[] = {
	{ "rm", NULL },
	{ "force-rm", NULL },
	{ "compress", NULL },
	{ "builder", "there is no builder to choose: it builds here" },
	{ "debug", "--progress=plain shows everything, and what a failing step has left can be looked at" },
	{ "isolation", "steps run under runc or crun (--runtime)" },
	{ "security-opt", "RUN --security=insecure and --allow security.insecure" },
	{ "cgroup-parent", "no control group is made; --ulimit and --timeout bound a step" },
	{ "memory", "no control group is made; --ulimit and --timeout bound a step" },
	{ "memory-swap", "no control group is made; --ulimit and --timeout bound a step" },
	{ "cpu-shares", "no control group is made; --ulimit and --timeout bound a step" },
	{ "cpu-period", "no control group is made; --ulimit and --timeout bound a step" },
	{ "cpu-quota", "no control group is made; --ulimit and --timeout bound a step" },
	{ "cpuset-cpus", "no control group is made; taskset bounds the whole build" },
	{ "cpuset-mems", "no control group is made; numactl bounds the whole build" },
	{ NULL, NULL },
};

struct job {
	const struct option_value *opt;
	struct arena a;
	struct build_options b;
	struct trusted_policy policy;
	struct build_progress *progress;
	enum build_progress_kind kind;
	bool stdout_taken;
	struct buf days; /* what --verify-reproducible found that is no difference */
};

static const char *const *words(struct arena *a, const struct option_value *v) { return field_words(a, v->list, v->count); }

static const char *const *all(struct arena *a, const struct option_value *v)
{
	const char **ret = arena_array(a, const char *, v->count + 1u);
	for (u32 i = 0; i < v->count; i++)
		ret[i] = v->list[i];
	return v->count ? ret : NULL;
}

/* --- where it goes, --secret, --ssh, and what steps may --- */
static int read_outputs(struct job *j, struct error *err)
{
	const struct option_value *v = &j->opt[O_OUTPUT];
	u32 n = 0;
	j->b.outputs = arena_array(&j->a, struct build_output, v->count + 2u);
	for (u32 i = 0; i < v->count; i++)
		if (build_output_read(&j->a, v->list[i], &j->b.outputs[n++], &j->stdout_taken, err) < 0)
			return -1;
	if (j->opt[O_PUSH].count)
		j->b.outputs[n++] = (struct build_output){ .type = OUTPUT_REGISTRY };
	if (j->opt[O_LOAD].count)
		j->b.outputs[n++] = (struct build_output){ .type = OUTPUT_DAEMON };
	j->b.n_outputs = n;
	return 0;
}

static int read_secrets(struct job *j, struct error *err)
{
	const struct option_value *v = &j->opt[O_SECRET];
	struct exec_secret *s = arena_array(&j->a, struct exec_secret, v->count + 1u);
	for (u32 i = 0; i < v->count; i++) {
		const char *type = NULL;
		struct str rest = str_of(v->list[i]);
		struct field f;
		while (field_next(&j->a, &rest, &f)) {
			if (str_is(f.key, "id"))
				s[i].id = f.text;
			else if (str_among(f.key, "src source"))
				s[i].file = f.text;
			else if (str_is(f.key, "env"))
				s[i].env = f.text;
			else if (str_is(f.key, "type") && str_among(f.value, "file env"))
				type = f.text;
			else
				return error_set(err, ERR_USAGE, "--secret %s: %.*s%s%s is not known", v->list[i], STR_FMT(f.key), f.value.p ? "=" : "", f.text);
		}
		if (!s[i].id || !s[i].id[0])
			return error_set(err, ERR_USAGE, "--secret %s: id=ID is missing", v->list[i]);
		if (!s[i].file && !s[i].env) { /* a variable of that name, else a file */
			if ((!type || strcmp(type, "env") == 0) && getenv(s[i].id))
				s[i].env = s[i].id;
			else
				s[i].file = s[i].id;
		}
	}
	j->b.exec.secrets = s;
	j->b.exec.n_secrets = v->count;
	return 0;
}

static void read_agents(struct job *j)
{
	const struct option_value *v = &j->opt[O_SSH];
	struct exec_agent *s = arena_array(&j->a, struct exec_agent, v->count + 1u);
	for (u32 i = 0; i < v->count; i++) {
		struct str rest = str_of(v->list[i]);
		s[i].id = arena_strdup(&j->a, str_cut(&rest, '='));
		struct option_value keys = { .count = 1, .list = (const char *[]){ rest.p ? rest.p : "" } };
		const char *const *paths = words(&j->a, &keys);
		if (paths && !paths[1])
			s[i].socket = paths[0]; /* or a key: who opens it sees */
		s[i].keys = paths;
	}
	j->b.exec.agents = s;
	j->b.exec.n_agents = v->count;
}

static int read_limits(struct job *j, struct error *err)
{
	struct exec_options *x = &j->b.exec;
	const struct option_value *o = j->opt;
	x->runtime = o[O_RUNTIME].value;
	x->network = option_is(&o[O_NETWORK], "none") ? STEP_NONE : option_is(&o[O_NETWORK], "host") ? STEP_HOST : STEP_DEFAULT;
	x->ulimits = all(&j->a, &o[O_ULIMIT]);
	x->hosts = all(&j->a, &o[O_ADD_HOST]);
	if (o[O_SHM].value) {
		struct str text = str_of(o[O_SHM].value);
		u64 unit = 1; /* docker's: m is MiB */
		char last = text.n ? (char)(text.p[text.n - 1] | 0x20) : 0;
		if (last == 'b') {
			text.n--;
			last = text.n ? (char)(text.p[text.n - 1] | 0x20) : 0;
		}
		unit = last == 'k' ? KiB : last == 'm' ? MiB : last == 'g' ? GiB : 1;
		text.n -= unit > 1;
		if (!str_to_u64(text, &x->shm) || !x->shm || x->shm > UINT64_MAX / unit)
			return error_set(err, ERR_USAGE, "--shm-size %s: a size like 128m", o[O_SHM].value);
		x->shm *= unit;
	}
	for (const char *const *w = words(&j->a, &o[O_ALLOW]); w && *w; w++) {
		if (strcmp(*w, "security.insecure") == 0)
			x->insecure = true;
		else if (strcmp(*w, "network.host") != 0)
			return error_set(err, ERR_USAGE, "--allow %s: one of network.host, security.insecure", *w);
	}
	return place_number(&o[O_SECONDS], "timeout", 30 * 86400, &x->seconds, err);
}

/* --- all of it --- */
static const char *found(void *ctx, struct arena *a, const char *name)
{
	struct job *j = ctx;
	return place_found(a, name, &j->b.repo);
}

static int allowed(void *ctx, struct repo *from, const struct document *d, struct error *err)
{
	struct job *j = ctx;
	return trusted_has_policy(&j->policy) ? trusted_allowed(&j->policy, from, d, err) : 0;
}

static int read_epoch(s64 *ret, struct error *err)
{
	const char *z = getenv("SOURCE_DATE_EPOCH");
	u64 v;
	*ret = -1;
	if (!z || !*z)
		return 0;
	if (!str_to_u64(str_of(z), &v) || v > 253402300799u)
		return error_set(err, ERR_USAGE, "SOURCE_DATE_EPOCH: %s: seconds since 1970", z);
	*ret = (s64)v;
	return 0;
}

/* As `pare sbom` makes it, of the image by its name alone. */
static int make_bom(void *ctx, const char *digest, struct buf *out, struct error *err)
{
	struct job *j = ctx;
	struct subject s;
	struct load_options lo = { .store = globals.store };
	const char *location = arena_printf(&j->a, "pare:%s", digest);
	char *text = NULL;
	size_t n = 0;
	if (subject_open(location, &lo, SUBJECT_INSIDE, &s, err) < 0)
		return -1;
	FILE *f = open_memstream(&text, &n);
	for (const struct sbom_writer *const *w = sbom_writers; f && *w; w++)
		if (strcmp((*w)->name, "spdx") == 0)
			(*w)->write(f, &s, &(struct sbom_options){ .files = false });
	int r = !f || fclose(f) != 0 ? error_errno(err, "--sbom") : 0;
	if (r == 0)
		buf_add(out, str_n(text, n));
	free(text);
	subject_close(&s);
	return r;
}

static int read_attestations(struct job *j, struct error *err)
{
	const struct option_value *p = &j->opt[O_PROVENANCE], *s = &j->opt[O_SBOM], *v = &j->opt[O_ATTEST];
	if (p->count && !option_is(p, "false"))
		j->b.provenance = p->value && strstr(p->value, "max") ? 2 : 1;
	bool bom = s->count && !option_is(s, "false");
	for (u32 i = 0; i < v->count; i++) {
		struct str rest = str_of(v->list[i]), type = { 0 };
		struct field f;
		bool off = false, known = true;
		int mode = 1;
		while (known && field_next(&j->a, &rest, &f)) {
			if (str_is(f.key, "type"))
				type = f.value;
			else if (str_is(f.key, "disabled"))
				known = field_true(&f, &off, err) == 0;
			else if ((known = str_is(f.key, "mode") && str_among(f.value, "min max")))
				mode = str_is(f.value, "max") ? 2 : 1;
		}
		if (!known || !str_among(type, "provenance sbom"))
			return error_set(err, ERR_USAGE, "--attest %s: type=provenance[,mode=min|max] or type=sbom, and disabled=true", v->list[i]);
		if (str_is(type, "sbom"))
			bom = !off;
		else
			j->b.provenance = off ? 0 : mode;
	}
	j->b.bom = bom ? make_bom : NULL;
	return 0;
}

/* Where nobody is who would look at what a failing step has left. */
static bool in_ci(void)
{
	const char *ci = getenv("CI");
	return ci && *ci && !str_among(str_of(ci), "false 0 no");
}

static int read_options(struct job *j, const char *context, struct error *err)
{
	const struct option_value *o = j->opt;
	struct build_options *b = &j->b;
	struct arena *a = &j->a;
	u32 silence;
	if (place_number(&o[O_PLACE + PLACE_TIMEOUT], "registry-timeout", 86400, &silence, err) < 0 || place_options(o + O_PLACE, &b->repo, err) < 0 || read_epoch(&b->epoch, err) < 0 || trusted_policy(&o[O_POLICY], &j->policy, err) < 0)
		return -1;
	b->context = context;
	b->dockerfile = o[O_FILE].value;
	b->tags = all(a, &o[O_TAG]);
	b->build_args = all(a, &o[O_ARG]);
	for (const char *const *w = b->build_args; w && *w; w++) {
		u64 v;
		if (str_starts(str_of(*w), STR("SOURCE_DATE_EPOCH=")) && str_to_u64(str_of(*w + 18), &v) && v <= 253402300799u)
			b->epoch = (s64)v;
	}
	b->labels = all(a, &o[O_LABEL]);
	static const struct {
		int option;
		const char *form;
	} named[] = { { O_ARG, "--build-arg %s: NAME[=VALUE]" }, { O_LABEL, "--label %s: NAME=VALUE" } };
	for (size_t i = 0; i < countof(named); i++)
		for (u32 k = 0; k < o[named[i].option].count; k++)
			if (!o[named[i].option].list[k][0] || o[named[i].option].list[k][0] == '=')
				return error_set(err, ERR_USAGE, named[i].form, o[named[i].option].list[k]);
	b->annotations = all(a, &o[O_ANNOTATION]);
	b->contexts = all(a, &o[O_CONTEXT]);
	for (const char *const *w = b->contexts; w && *w; w++)
		if (!strchr(*w, '=') || **w == '=' || !strchr(*w, '=')[1])
			return error_set(err, ERR_USAGE, "--build-context %s: NAME=WHERE", *w);
	b->no_cache_filter = words(a, &o[O_NO_CACHE_FILTER]);
	b->cache_from = all(a, &o[O_CACHE_FROM]);
	b->cache_to = all(a, &o[O_CACHE_TO]);
	b->platforms = words(a, &o[O_PLATFORM]);
	b->target = o[O_TARGET].value;
	b->no_cache = o[O_NO_CACHE].count > 0;
	b->pull = o[O_PULL].count > 0;
	b->squash = o[O_SQUASH].count > 0;
	b->lean = !o[O_NO_LEAN].count;
	b->dry_run = o[O_DRY_RUN].count > 0;
	b->keep_failed = !globals.quiet && !in_ci() && !option_is(&o[O_PROGRESS], "rawjson") && !option_is(&o[O_PROGRESS], "quiet") && !option_is(&o[O_PROGRESS], "none");
	b->explain = o[O_EXPLAIN].count || b->dry_run;
	b->store = globals.store;
	b->found = found;
	b->allowed = allowed;
	b->ctx = j;
	if (read_outputs(j, err) < 0 || read_secrets(j, err) < 0 || read_limits(j, err) < 0 || read_attestations(j, err) < 0)
		return -1;
	read_agents(j);
	return 0;
}

static enum build_progress_kind progress_kind(const struct option_value *v)
{
	bool terminal = isatty(STDERR_FILENO) && !globals.quiet;
	if (globals.quiet || option_is(v, "quiet") || option_is(v, "none"))
		return BUILD_PROGRESS_QUIET;
	if (option_is(v, "plain"))
		return BUILD_PROGRESS_PLAIN;
	if (option_is(v, "rawjson"))
		return BUILD_PROGRESS_RAWJSON;
	const char *term = getenv("TERM");
	if (option_is(v, "tty") || (terminal && !(term && strcmp(term, "dumb") == 0)))
		return BUILD_PROGRESS_TTY;
	return terminal ? BUILD_PROGRESS_PLAIN : BUILD_PROGRESS_QUIET; /* a terminal that wipes nothing */
}

static void event(void *ctx, const struct build_event *e) { build_progress_event(((struct job *)ctx)->progress, e); }

struct written {
	const struct job *j;
	const struct build_result *r;
};

/* An engine knows an image by its configuration. */
static void write_iid(FILE *f, void *ctx)
{
	const struct written *w = ctx;
	bool engine = false;
	for (u32 i = 0; i < w->j->b.n_outputs; i++)
		engine |= w->j->b.outputs[i].type == OUTPUT_DAEMON;
	fputs(DIGEST_STR(engine && w->r->config.alg ? &w->r->config : &w->r->put), f);
}

/* That of the build before is not this one's when it fails. What is no file (/dev/stdout) is only written to. */
static int forget_iid(const char *path, struct error *err)
{
	struct stat st;
	if (!path || lstat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	return unlink(path) < 0 ? error_errno(err, "--iidfile %s", path) : 0;
}

static void add_names(struct buf *out, const char *const *v)
{
	for (; v && *v; v++)
		buf_printf(out, "%s%s", out->n ? "," : "", *v);
}

static void write_metadata(FILE *f, void *ctx)
{
	const struct written *w = ctx;
	json_t *o = json_object(), *d = json_pack("{sssssI}", "mediaType", w->r->put_type, "digest", DIGEST_STR(&w->r->put), "size", (json_int_t)w->r->put_size);
	if (w->r->config.alg)
		json_object_set_new(o, "containerimage.config.digest", json_string(DIGEST_STR(&w->r->config)));
	json_object_set_new(o, "containerimage.descriptor", d);
	json_object_set_new(o, "containerimage.digest", json_string(DIGEST_STR(&w->r->put)));
	if (w->r->kept_out)
		json_object_set_new(o, "pare.kept_out", json_integer((json_int_t)w->r->kept_out));
	struct buf names = BUF(0);
	for (u32 i = 0; i < w->j->b.n_outputs; i++)
		add_names(&names, w->j->b.outputs[i].names);
	if (!names.n)
		add_names(&names, w->j->b.tags);
	if (names.n)
		json_object_set_new(o, "image.name", json_string(names.p));
	buf_free(&names);
	char *text = json_dumps(o, JSON_INDENT(2));
	fprintf(f, "%s\n", text ? text : "{}");
	free(text);
	json_decref(o);
}

/* Of one image; of an index that of this machine. */
static int blame(const struct job *j, const struct build_result *r, struct error *err)
{
	struct subject s;
	struct load_options lo = { .store = globals.store };
	char location[DIGEST_TEXT + 8];
	snprintf(location, sizeof location, "pare:%s", DIGEST_STR(&r->digest));
	if (subject_open(location, &lo, 0, &s, err) < 0)
		return -1;
	build_blame(j->stdout_taken ? stderr : stdout, &s, r->trace, r->n_trace, option_is(&j->opt[O_BLAME], "json"));
	subject_close(&s);
	return 0;
}

static int report(const struct job *j, const struct build_result *r, struct error *err)
{
	struct written w = { j, r };
	const struct option_value *iid = &j->opt[O_IIDFILE], *meta = &j->opt[O_METADATA];
	if (iid->value && outfile_write(iid->value, write_iid, &w, err) < 0)
		return -1;
	if (meta->value && outfile_write(meta->value, write_metadata, &w, err) < 0)
		return -1;
	if (j->opt[O_BLAME].count && blame(j, r, err) < 0)
		return -1;
	if (!j->stdout_taken && !option_is(&j->opt[O_BLAME], "json"))
		printf("%s\n", DIGEST_STR(&r->put));
	if (j->kind == BUILD_PROGRESS_RAWJSON || (j->kind == BUILD_PROGRESS_QUIET && !isatty(STDERR_FILENO)))
		return 0;
	struct buf kept = BUF(0);
	if (r->kept_out)
		buf_printf(&kept, "; kept out of layers: %s of package managers' caches", TEXT_SIZE(r->kept_out));
	command_note("built %s: %u steps, %u from the cache; %s%s", j->b.tags ? *j->b.tags : "image", r->steps, r->cached, TEXT_SIZE(r->bytes), kept.n ? kept.p : "");
	buf_free(&kept);
	return 0;
}

/* The same twice, the second time under other circumstances; 1: they differ, and *err says in what. */
static int build_twice(struct job *j, struct error *err)
{
	struct build_options o = j->b;
	struct build_result one = { 0 }, two = { 0 };
	struct buf text = BUF(64 * KiB);
	cpu_set_t cpus, first;
	o.no_cache = o.nothing = true;
	o.cache_to = NULL;
	int r = build_run(&o, &j->a, &one, err);
	if (r != 0)
		return r;
	struct timespec rest = { .tv_sec = 1, .tv_nsec = 100000000 }; /* a second later, whatever the clock is read as */
	nanosleep(&rest, NULL);
	bool narrow = sched_getaffinity(0, sizeof cpus, &cpus) == 0 && CPU_COUNT(&cpus) > 1;
	CPU_ZERO(&first);
	for (size_t i = 0; narrow && i < CPU_SETSIZE && !CPU_COUNT(&first); i++)
		if (CPU_ISSET(i, &cpus))
			CPU_SET(i, &first);
	narrow = narrow && sched_setaffinity(0, sizeof first, &first) == 0;
	mode_t mask = umask(077);
	o.exec.elsewhere = true;
	r = build_run(&o, &j->a, &two, err);
	umask(mask);
	if (narrow && sched_setaffinity(0, sizeof cpus, &cpus) < 0) { /* one processor is enough for the rest */
	}
	r = r != 0 ? r : build_differs(globals.store, &one, &two, &text, err);
	if (r == 0 && !text.n)
		r = build_days(globals.store, &two, (s64)time(NULL), &j->days, err);
	if (r == 0 && text.n)
		r = -error_set(err, ERR_INPUT, "not reproducible: %.*s", STR_FMT(buf_str(&text))); /* 1: as a step that failed */
	buf_free(&text);
	return r;
}

static int check(struct job *j, const char *context)
{
	char *file = j->opt[O_FILE].value ? arena_strdup(&j->a, str_of(j->opt[O_FILE].value)) : arena_printf(&j->a, "%s/Dockerfile", context);
	char *argv[] = { arena_strdup(&j->a, STR("--codes=buildkit")), file };
	return command_call("lint", (int)countof(argv), argv);
}

static int run(const struct option_value *opt, char **args, int n_args)
{
	struct error err = { 0 };
	struct job j = { .opt = opt, .days = BUF(MiB) };
	struct build_result res = { 0 };
	(void)n_args;
	if (opt[O_CHECK].count || option_is(&opt[O_CALL], "check")) {
		int status = check(&j, args[0]);
		arena_free(&j.a);
		return status;
	}
	int status = 0, r = read_options(&j, args[0], &err);
	r = r < 0 ? r : forget_iid(opt[O_IIDFILE].value, &err);
	if (r == 0) {
		j.kind = progress_kind(&opt[O_PROGRESS]);
		if (j.b.dry_run && j.kind == BUILD_PROGRESS_QUIET && !globals.quiet)
			j.kind = BUILD_PROGRESS_PLAIN; /* it is what was asked for */
		j.progress = build_progress_new(stderr, j.kind, j.b.explain);
		j.b.event = event;
		r = opt[O_VERIFY].count ? build_twice(&j, &err) : 0;
		r = r != 0 ? r : build_run(&j.b, &j.a, &res, &err);
		build_progress_end(j.progress);
	}
	for (struct str rest = buf_str(&j.days); r == 0 && rest.n;) {
		struct str line = str_cut(&rest, '\n');
		command_note("not found to differ, but %.*s", STR_FMT(line));
	}
	buf_free(&j.days);
	if (r == 0 && !j.b.dry_run)
		r = report(&j, &res, &err);
	if (r != 0) {
		status = command_fail(&err);
		status = r == 1 || (j.policy.refused && err.kind == ERR_INPUT) ? 1 : status;
	}
	policy_free(j.policy.policy);
	arena_free(&j.a);
	return command_done(status);
}

const struct command command_build = {
	.name = "build",
	.summary = "a Dockerfile into an image, with no daemon",
	.synopsis = "[OPTIONS] CONTEXT",
	.description = "Builds as `docker buildx build` does, with its options, as root or as an ordinary user, through runc or crun. CONTEXT is a directory, a URL of a git repository or of a tar, or - for a tar or a Dockerfile on "
		       "standard input.\n\n"
		       "Steps are known by their content: the command, what it stands on and the bytes that it reads, no times. What was built before is not done again; --explain-cache says what made a step miss. The same inputs "
		       "give the same image, on any machine at any time; SOURCE_DATE_EPOCH sets the time that new files have.\n\n"
		       "Base images come from our store, else from a Docker engine that runs here, else from their registry.\n\n"
		       "Standard output is the image's digest. The exit status is 1 when a step failed or a policy refused a base, 2 for options, 3 for a Dockerfile or an input that is wrong, 4 for network and disk.",
	.options = options,
	.foreign = foreign,
	.examples = "pare build -t app . # into our store\n"
		    "pare build -t app -o type=docker,dest=app.tar . # for docker load\n"
		    "pare build -t registry.example/app:1 --push --platform linux/amd64,linux/arm64 . # two platforms, to a registry\n"
		    "pare build --explain-cache -t app . # why did it run again?",
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
