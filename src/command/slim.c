#include "base/file.h"
#include "base/text.h"
#include "command/command.h"
#include "command/place.h"
#include "layer/deflate.h"
#include "report/sbom.h"
#include "command/scan.h"
#include "report/slim_html.h"
#include "report/slim_risks.h"
#include "report/slim_vex.h"
#include "run/compose.h"
#include "slim/lock.h"
#include "slim/trial.h"
#include "slim/slim.h"
#include <unistd.h>

enum { O_OUTPUT, O_FORMAT, O_COMPRESSION, O_LEVEL_OF, O_DROP, O_KEEP_LOCALES, O_KEEP, O_KEEP_BASE, O_KEEP_LAYERS, O_FLATTEN, O_DRY_RUN, O_REPORT, O_LEVEL, O_HTTP, O_EXEC, O_EXEC_FILE, O_COMPOSE, O_VERIFY, O_TRACE_DIR, O_FOR, O_BY_HAND, O_NO_RUN, O_NETWORK, O_RUNTIME, O_SECONDS, O_EXPLAIN, O_EVIDENCE, O_HTML, O_VEX, O_DB, O_ATTACH, O_PROFILE, O_PLATFORM, O_NO_CACHE, O_PLACE };

static const struct option options[] = {
	[O_OUTPUT] = { "output", 'o', OPT_VALUE, "OUT", "Where the result goes: docker-archive:FILE[:REF], oci-archive:FILE[:TAG], oci:DIR[:TAG], docker://REF (a registry), pare:REF (our store), docker-daemon:REF, or a path (a docker-archive when it ends in .tar, else see --format). Without a name of its own it gets the original's.", NULL },
	[O_FORMAT] = { "format", 'f', OPT_VALUE, "FORMAT", "What to write when OUT is a path: docker-archive, oci-archive or oci.", "docker-archive oci-archive oci" },
	[O_COMPRESSION] = { "compression", 0, OPT_VALUE, "KIND", "Compression of all layers of an OCI result: gzip, zstd or none. Without it layers that are kept stay as they are stored, and rewritten ones get what they had (gzip when that was none, in an archive of plain layers). A docker-archive's layers are always plain.", "gzip zstd none" },
	[O_LEVEL_OF] = { "compression-level", 0, OPT_VALUE, "N", "Effort of the compression: 1 to 12 for gzip, 1 to 19 for zstd. Default: 6.", NULL },
	[O_DROP] = { "drop", 0, OPT_LIST, "WHAT", "Also drop docs (usr/share/doc but for copyright files, info, gtk-doc), man (manual pages), locales (translations of programs); separated by commas.", NULL },
	[O_KEEP_LOCALES] = { "keep-locales", 0, OPT_VALUE, "LIST", "With --drop locales: languages to keep, \"de,pt_BR\". \"de\" keeps de_AT, too.", NULL },
	[O_KEEP] = { "keep", 0, OPT_LIST, "GLOB", "Keep what matches, and all below it: * and ? stay inside a component, ** crosses them; without a slash the last component is matched.", NULL },
	[O_KEEP_BASE] = { "keep-base", 0, OPT_FLAG, NULL, "Leave the layers of the base image as they are, so that they stay shared with other images of that base.", NULL },
	[O_KEEP_LAYERS] = { "keep-layers", 0, OPT_FLAG, NULL, "Leave what stays in the layer where it is, as --level safe does. Otherwise what is left of layers that lose something is put into layers by how often it changes: runtime, dependencies, application.", NULL },
	[O_FLATTEN] = { "flatten", 0, OPT_FLAG, NULL, "Put the whole tree into one layer, at any level: no whiteouts, nothing hidden, entries sorted by path.", NULL },
	[O_DRY_RUN] = { "dry-run", 'n', OPT_FLAG, NULL, "Show what would go and what that saves; write no image.", NULL },
	[O_REPORT] = { "report", 0, OPT_VALUE, "FILE", "Write everything that went, what was kept and why, and the verification to FILE, as JSON.", NULL },
	[O_LEVEL] = { "level", 0, OPT_VALUE, "LEVEL", "How far to go. safe: only what cannot be part of the program. package (the default): whole packages and directories that nothing needs, and documentation. file: every file that nothing needs.", "safe package file" },
	[O_HTTP] = { "http-probe", 0, OPT_LIST, "REQUEST", "A request that the program must answer, while it is watched, and afterwards as before: PATH, or METHOD PATH, then header fields, an empty line and the body, each on a line of its own. Without effect at --level safe.", NULL },
	[O_EXEC] = { "exec", 0, OPT_LIST, "COMMAND", "A command that must work in the image, split into words as a shell does: in the running container of a service, else in one of its own. Without effect at --level safe.", NULL },
	[O_EXEC_FILE] = { "exec-file", 0, OPT_LIST, "FILE", "More of them, a command line each line, # comments; a line that begins with http is a request: \"http POST /x\", with its header fields on lines behind it that begin with a blank, and \"> \" before lines of the body.", NULL },
	[O_COMPOSE] = { "compose", 0, OPT_VALUE, "FILE[:SERVICE]", "Start it as this service of a compose file does: command, entrypoint, environment, user, working_dir, read_only, tmpfs, healthcheck, ports. Without a name: the only service, or the only one of IMAGE.", NULL },
	[O_VERIFY] = { "verify", 0, OPT_LIST, "FILE", "Commands and requests, written as for --exec-file, that the choice is not made by: original and result are tried with them at the end.", NULL },
	[O_TRACE_DIR] = { "trace-dir", 0, OPT_VALUE, "DIR", "Traces of earlier runs (of tests, of production) that count too; this run's is added to them.", NULL },
	[O_FOR] = { "for", 0, OPT_VALUE, "SECONDS", "How long the program is watched after its probes. Default: it is stopped at once.", NULL },
	[O_BY_HAND] = { "by-hand", 0, OPT_FLAG, NULL, "Watch it until Enter is pressed: to use it by hand in between (with --network host).", NULL },
	[O_NO_RUN] = { "no-run", 0, OPT_FLAG, NULL, "Go by what is known of programs alone, and run nothing: neither to see what the program uses nor to prove that the result works.", NULL },
	[O_NETWORK] = { "network", 0, OPT_VALUE, "KIND", "What the program reaches while it runs: loopback (the default), a network of its own with nobody else in it, or host.", "loopback host" },
	[O_RUNTIME] = { "runtime", 0, OPT_VALUE, "PROGRAM", "The OCI runtime: runc, crun, or a path. Default: whichever works here.", NULL },
	[O_SECONDS] = { "seconds", 0, OPT_VALUE, "N", "How long one run may take before it is ended. Default: 600.", NULL },
	[O_EXPLAIN] = { "explain", 0, OPT_LIST, "PATH", "Say why this file stays or goes, from file to file up to the configuration; writes no image.", NULL },
	[O_EVIDENCE] = { "evidence", 0, OPT_VALUE, "FILE", "Write what was run, what it missed and how answers compared to FILE, as JSON.", NULL },
	[O_HTML] = { "html", 0, OPT_VALUE, "FILE", "Write the report as one page to FILE: maps of the image before and after, what went by package and why, what stayed, what was compared. It loads nothing from anywhere.", NULL },
	[O_VEX] = { "vex", 0, OPT_VALUE, "FILE", "Write an OpenVEX document to FILE that says of every package that went, and of every known vulnerability of it: component_not_present.", NULL },
	[O_DB] = { "db", 0, OPT_VALUE, "FILE", "The advisory database, for vulnerabilities before and after, and their names in --vex. Default: that of the store; without one they are not looked for.", NULL },
	[O_ATTACH] = { "attach", 0, OPT_LIST, "WHAT", "Attach documents to the result as OCI referrers: evidence (as for --evidence), vex (as for --vex), sbom (SPDX, of what is left); separated by commas. OUT is a registry, the store, or an OCI layout or archive. They appear together with the image.", NULL },
	[O_PROFILE] = { "profile", 0, OPT_VALUE, "DIR", "Lock the result down, and prove that by a run: a seccomp profile, an AppArmor profile, and what docker run, Compose and Kubernetes are told (capabilities, a read-only root file system, a user), as files in DIR.", NULL },
	[O_PLATFORM] = { "platform", 0, OPT_VALUE, "OS/ARCH[/VARIANT]", "Choose from an image for several platforms. Default: this machine's.", NULL },
	[O_NO_CACHE] = { "no-cache", 0, OPT_FLAG, NULL, "Read every layer, and keep nothing in the store.", NULL },
	PLACE_OPTIONS(O_PLACE),
	{ NULL, 0, OPT_FLAG, NULL, NULL, NULL },
};

/* As SPDX, of the image by its name alone: it has no digest yet. */
static void write_bom(FILE *f, const struct image *img, const struct rootfs *r, const struct packages *left)
{
	struct image own = *img;
	own.digest = own.config_digest = (struct digest){ 0 };
	struct subject s = { .image = &own, .rootfs = (struct rootfs *)(uintptr_t)r, .packages = (struct packages *)(uintptr_t)left };
	for (const struct sbom_writer *const *w = sbom_writers; *w; w++)
		if (strcmp((*w)->name, "spdx") == 0)
			(*w)->write(f, &s, &(struct sbom_options){ .files = false });
}

static int parse_drop(const struct option_value *v, struct litter_options *l, struct error *err)
{
	for (u32 i = 0; i < v->count; i++) {
		for (struct str rest = str_of(v->list[i]); rest.p;) {
			struct str what = str_trim(str_cut(&rest, ','));
			if (str_is(what, "docs"))
				l->docs = true;
			else if (str_is(what, "man"))
				l->man = true;
			else if (str_is(what, "locales"))
				l->locales = true;
			else
				return error_set(err, ERR_USAGE, "--drop %.*s: choose from docs, man, locales", STR_FMT(str_head(what, 60)));
		}
	}
	return 0;
}

/* What can be attached to a result. */
enum { ATTACH_EVIDENCE, ATTACH_VEX, ATTACH_SBOM, ATTACH_KINDS };
static const struct {
	const char *name, *type, *title;
} attachable[ATTACH_KINDS] = {
	[ATTACH_EVIDENCE] = { "evidence", "application/vnd.pare.slim.evidence.v1+json", "evidence.json" },
	[ATTACH_VEX] = { "vex", "application/openvex+json", "vex.json" },
	[ATTACH_SBOM] = { "sbom", "application/spdx+json", "sbom.spdx.json" },
};

/* Bits, 1 << ATTACH_…. */
static int parse_attach(const struct option_value *opt, u32 *ret, struct error *err)
{
	const struct option_value *v = &opt[O_ATTACH];
	*ret = 0;
	for (u32 i = 0; i < v->count; i++) {
		for (struct str rest = str_of(v->list[i]); rest.p;) {
			struct str what = str_trim(str_cut(&rest, ','));
			u32 k = 0;
			while (k < ATTACH_KINDS && !str_is(what, attachable[k].name))
				k++;
			if (k == ATTACH_KINDS)
				return error_set(err, ERR_USAGE, "--attach %.*s: choose from evidence, vex, sbom", STR_FMT(str_head(what, 60)));
			*ret |= 1u << k;
		}
	}
	if (*ret && option_is(&opt[O_LEVEL], "safe"))
		return error_set(err, ERR_USAGE, "--attach: --level safe runs nothing and takes no package out: there is nothing to tell");
	if (*ret & 1u << ATTACH_EVIDENCE && opt[O_NO_RUN].count)
		return error_set(err, ERR_USAGE, "--attach evidence: nothing is run, so that there is none");
	return *ret && opt[O_OUTPUT].value && !opt[O_DRY_RUN].count ? sink_could_attach(opt[O_OUTPUT].value, opt[O_FORMAT].value, err) : 0;
}

static int parse_target(const struct option_value *opt, struct slim_target *t, struct error *err)
{
	const char *kind = opt[O_COMPRESSION].value;
	u64 level = 0;
	*t = (struct slim_target){ .location = opt[O_OUTPUT].value, .format = opt[O_FORMAT].value, .forced = kind != NULL };
	if (place_options(opt + O_PLACE, &t->repo, err) < 0)
		return -1;
	if (!t->location && !opt[O_DRY_RUN].count && !opt[O_EXPLAIN].count)
		return error_set(err, ERR_USAGE, "slim: where to? Say -o OUT, or --dry-run");
	t->compression = kind && strcmp(kind, "zstd") == 0 ? COMP_ZSTD : kind && strcmp(kind, "none") == 0 ? COMP_NONE : COMP_GZIP;
	if (!opt[O_LEVEL_OF].value)
		return 0;
	if (!str_to_u64(str_of(opt[O_LEVEL_OF].value), &level) || level < 1 || level > 100 || !deflate_can(t->compression, (int)level))
		return error_set(err, ERR_USAGE, "--compression-level %.60s: no level of %s", opt[O_LEVEL_OF].value, compression_name(t->compression));
	t->level = (int)level;
	return 0;
}

static int parse(const struct option_value *opt, struct slim_options *o, struct slim_target *t, struct error *err)
{
	*o = (struct slim_options){ .keep_base = opt[O_KEEP_BASE].count > 0 };
	o->choose.level = option_is(&opt[O_LEVEL], "safe") ? SLIM_SAFE : option_is(&opt[O_LEVEL], "file") ? SLIM_FILE : SLIM_PACKAGE;
	o->form = opt[O_FLATTEN].count ? RELAYER_ONE : opt[O_KEEP_LAYERS].count || o->choose.level == SLIM_SAFE ? RELAYER_NO : RELAYER_RATE;
	if (opt[O_FLATTEN].count && (opt[O_KEEP_LAYERS].count || opt[O_KEEP_BASE].count))
		return error_set(err, ERR_USAGE, "--flatten makes one layer: it leaves nothing for %s", opt[O_KEEP_BASE].count ? "--keep-base" : "--keep-layers");
	o->bom = write_bom;
	o->litter.keep = opt[O_KEEP].list;
	o->litter.n_keep = opt[O_KEEP].count;
	o->litter.keep_locales = opt[O_KEEP_LOCALES].value;
	if (parse_drop(&opt[O_DROP], &o->litter, err) < 0)
		return -1;
	if (opt[O_KEEP_LOCALES].value && !o->litter.locales)
		return error_set(err, ERR_USAGE, "--keep-locales: means something with --drop locales only");
	return parse_target(opt, t, err);
}

/* Status 1: something is different afterwards. One line each, and why. */
static int failed(const struct slim *s)
{
	struct error e = { 0 };
	for (u32 i = 0; i < s->n_checks; i++) {
		const struct slim_check *c = &s->checks[i];
		if (c->pass)
			continue;
		error_set(&e, ERR_INPUT, "slim: verification: %s: before %s, after %s%s%s; nothing was written", c->name, c->before, c->after, s->proof.first[0] ? ": " : "", s->proof.first);
		command_fail(&e);
	}
	return 1;
}

/* --- probes --- */
struct probes {
	struct arena a;
	struct probe *v, *verify;
	u32 n, cap, n_verify, cap_verify;
	const char *const **words; /* of the commands among v */
	u32 n_words;
};

static int parse_probes(const struct option_value *opt, struct probes *p, struct error *err)
{
	struct probe x;
	for (u32 i = 0; i < opt[O_HTTP].count; i++) {
		if (probe_http(&p->a, opt[O_HTTP].list[i], &x, err) < 0)
			return error_wrap(err, "--http-probe");
		VEC_PUSH(p->v, p->n, p->cap, x);
	}
	for (u32 i = 0; i < opt[O_EXEC].count; i++) {
		if (probe_exec(&p->a, opt[O_EXEC].list[i], &x, err) < 0)
			return error_wrap(err, "--exec");
		VEC_PUSH(p->v, p->n, p->cap, x);
	}
	for (u32 i = 0; i < opt[O_EXEC_FILE].count; i++)
		if (probe_file(&p->a, opt[O_EXEC_FILE].list[i], &p->v, &p->n, &p->cap, err) < 0)
			return error_wrap(err, "--exec-file");
	for (u32 i = 0; i < opt[O_VERIFY].count; i++)
		if (probe_file(&p->a, opt[O_VERIFY].list[i], &p->verify, &p->n_verify, &p->cap_verify, err) < 0)
			return error_wrap(err, "--verify");
	p->words = arena_array(&p->a, const char *const *, p->n + 1);
	for (u32 i = 0; i < p->n; i++)
		if (p->v[i].kind == PROBE_EXEC)
			p->words[p->n_words++] = p->v[i].argv;
	return 0;
}

static void probes_free(struct probes *p)
{
	free(p->v);
	free(p->verify);
	arena_free(&p->a);
}

static int seconds(const struct option_value *v, const char *name, u32 *ret, struct error *err)
{
	u64 n = 0;
	if (v->value && (!str_to_u64(str_of(v->value), &n) || n < 1 || n > 86400))
		return error_set(err, ERR_USAGE, "--%s %.60s: a number of seconds from 1 to 86400", name, v->value);
	*ret = (u32)n;
	return 0;
}

/* Told to whoever uses it by hand. */
static void is_ready(void *ctx, const struct run_box *b, const u16 *ports, u32 n)
{
	struct buf list = BUF(1 * KiB);
	(void)ctx, (void)b;
	for (u32 i = 0; i < n; i++)
		buf_printf(&list, "%s%u", i ? ", " : " on port ", ports[i]);
	command_note("slim: it is ready%.*s: Enter ends it", STR_FMT(buf_str(&list)));
	buf_free(&list);
}

static int parse_trial(const struct option_value *opt, const struct probes *p, struct trial_options *t, struct error *err)
{
	*t = (struct trial_options){ .probes = p->v, .n_probes = p->n, .verify = p->verify, .n_verify = p->n_verify, .by_hand = opt[O_BY_HAND].count > 0, .store = globals.store, .runtime = opt[O_RUNTIME].value };
	t->ready = t->by_hand ? is_ready : NULL;
	t->calls = opt[O_PROFILE].count > 0;
	t->network = option_is(&opt[O_NETWORK], "host") ? RUN_HOST : RUN_LOOPBACK;
	return seconds(&opt[O_FOR], "for", &t->duration, err) < 0 || seconds(&opt[O_SECONDS], "seconds", &t->limits.seconds, err) < 0 ? -1 : 0;
}

/* --- the work --- */
struct work {
	const char *image;
	const struct option_value *opt;
	struct slim s;
	struct slim_target *to;
	struct trial *t;           /* NULL: nothing is run */
	struct run_ids ids;
	struct run_tree *tree;     /* of the original */
	struct observed *seen;
	u32 others;                /* traces that were of other images */
	struct compose compose;
	struct arena a;
	u32 attach;                /* 1 << ATTACH_… */
	struct lock *lock;         /* proven; NULL: not asked, or nothing held */
	struct slim_scan scan;
	bool differs;              /* the result was tried, and is not the same */
	bool secrets;              /* the layers were read for them, too */
};

/* Whether anything asks what scans find: at level safe nothing else does. */
static bool wants_scan(const struct option_value *opt, bool safe) { return opt[O_REPORT].value || opt[O_HTML].value || (safe && (opt[O_VEX].value || opt[O_DB].value)); }

struct told {
	const struct work *w;
	const char *written;
};

static void write_report(FILE *f, void *ctx)
{
	const struct told *t = ctx;
	slim_json(f, &t->w->s, t->w->t, t->w->image, t->written);
}

static void write_html(FILE *f, void *ctx)
{
	const struct told *t = ctx;
	struct error e; /* a file that could not be written is told by who opened it */
	if (report_slim_html(f, &t->w->s, t->w->t, t->written, &e) < 0)
		return;
}

static void write_vex(FILE *f, void *ctx) { const struct told *t = ctx; slim_vex(f, &t->w->s, &t->w->scan, NULL); }

static int write_reports(const struct work *w, const char *written, struct error *err)
{
	const struct option_value *opt = w->opt;
	struct told told = { w, written };
	if (opt[O_REPORT].value && outfile_write(opt[O_REPORT].value, write_report, &told, err) < 0)
		return -1;
	if (opt[O_VEX].value && outfile_write(opt[O_VEX].value, write_vex, &told, err) < 0)
		return -1;
	return opt[O_HTML].value ? outfile_write(opt[O_HTML].value, write_html, &told, err) : 0;
}

static int explain(const struct slim *s, const struct option_value *v)
{
	for (u32 i = 0; i < v->count; i++)
		slim_explain(stdout, s, v->list[i]);
	return command_done(0);
}

/* One line for each row that did not pass. */
static void differs(const struct trial_row *v, u32 n, const char *when)
{
	struct error e = { 0 };
	for (u32 i = 0; i < n; i++) {
		if (v[i].pass)
			continue;
		error_set(&e, ERR_INPUT, "slim: %s: %s: before %s, after %s%s%s; nothing was written", when, v[i].name, v[i].before, v[i].after, *v[i].why ? ": " : "", v[i].why);
		command_fail(&e);
	}
}

/* Held to less, the result still answers the same. */
static int lock_down(struct work *w, const struct image *after, const struct run_tree *result, struct error *err)
{
	char name[32], hex[DIGEST_TEXT];
	digest_text(&w->s.img->config_digest, hex);
	snprintf(name, sizeof name, "pare-%.12s", strchr(hex, ':') ? strchr(hex, ':') + 1 : "image");
	const struct lock_input in = { .name = name, .image = w->s.img->reference ? w->s.img->reference : "IMAGE", .config = &after->config, .seen = w->seen, .written = w->t->written, .service = w->t->service };
	if (lock_prove(w->t, result, &in, &w->lock, err) < 0)
		return error_wrap(err, "running the result locked down");
	if (!w->lock)
		command_note("slim: note: locked down, the result does not answer as before: %s", w->t->n_rows ? w->t->rows[w->t->n_rows - 1].why : "");
	return 0;
}

/* The result, as it was written, beside the original. */
static int compare(void *ctx, struct image *after, const struct rootfs *tree, struct error *err)
{
	struct work *w = ctx;
	struct run_tree *result;
	bool same = false;
	if (run_tree_open(after, tree, globals.store, &w->ids, &result, err) < 0)
		return error_wrap(err, "running the result");
	int r = trial_compare(w->t, result, &same, err);
	if (r == 0 && same && w->opt[O_PROFILE].value)
		r = lock_down(w, after, result, err);
	run_tree_close(result);
	if (r < 0)
		return error_wrap(err, "running the result");
	w->differs = !same;
	return same ? 0 : 1;
}

static int by_text(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

/* One run without what goes; 1: something came back, so that there is another. */
static int deny_once(struct work *w, bool *same, struct error *err)
{
	struct arena a = { 0 };
	const char **gone, **paths;
	u32 n = choose_gone(&w->s.choice, &a, &gone);
	struct observed *missed = observed_new(&w->s.img->config_digest);
	if (n)
		qsort(gone, n, sizeof *gone, by_text);
	int r = trial_deny(w->t, gone, n, missed, same, err);
	observed_settle(missed);
	paths = xcalloc(missed->n_paths + 1u, sizeof *paths);
	for (u32 i = 0; i < missed->n_paths; i++)
		paths[i] = missed->paths[i].path;
	if (r == 0)
		r = slim_restore(&w->s, paths, missed->n_paths, *same, err);
	free(paths);
	free(gone);
	observed_free(missed);
	arena_free(&a);
	return r;
}

/* Until the original does without what goes. 0, 1, -1. */
static int deny(struct work *w, struct error *err)
{
	bool same = false;
	int r = 1;
	for (u32 round = 0; round < TRIAL_ROUNDS && r == 1; round++)
		r = deny_once(w, &same, err);
	if (r < 0 || (r == 0 && same))
		return r;
	if (r == 1) {
		error_set(err, ERR_INPUT, "slim: after %u runs without what goes it still looks for more of that; nothing was written", TRIAL_ROUNDS);
		command_fail(err);
		return 1;
	}
	differs(w->t->differences, w->t->n_differences, "without what goes");
	return 1;
}

static void evidence(FILE *f, void *ctx)
{
	const struct work *w = ctx;
	struct jsonw j;
	jsonw_init(&j, f, 1);
	jsonw_obj(&j);
	jsonw_kz(&j, "image", w->s.img->reference ? w->s.img->reference : w->image);
	jsonw_kz(&j, "config", w->s.img->config_digest.alg ? DIGEST_STR(&w->s.img->config_digest) : "");
	jsonw_key(&j, "trial");
	trial_json(&j, w->t);
	jsonw_end(&j);
}

/* A database that nobody named, and that cannot be read, does not stand in the way. */
static int scan_original(struct work *w, struct error *err)
{
	const struct option_value *opt = w->opt;
	struct db *db = NULL;
	char today[16];
	if (w->s.opt.choose.level == SLIM_SAFE && !w->secrets) /* the system's packages alone are known */
		return 0;
	if (scan_today(today, err) < 0)
		return -1;
	int r = scan_database(opt[O_DB].value, &db, err);
	if (r == 0)
		r = slim_scan(&w->s, db, today, w->secrets, &w->scan, err);
	db_close(db);
	if (r == 0 || opt[O_DB].value)
		return r;
	command_note("slim: note: vulnerabilities were not looked for: %s", err->text);
	*err = (struct error){ 0 };
	return slim_scan(&w->s, NULL, today, w->secrets, &w->scan, err);
}

/* Of what is left, whether or not something went. */
static void left_bom(FILE *f, const struct slim *s)
{
	struct packages left;
	if (!s->choice.graph) {
		write_bom(f, s->img, s->trace.tree, s->packages);
		return;
	}
	packages_left(&s->choice, &s->added, &left);
	write_bom(f, s->img, s->trace.tree, &left);
	packages_left_free(&left);
}

static int attach_documents(void *ctx, struct sink *to, struct error *err)
{
	struct work *w = ctx;
	struct sink_attachment v[ATTACH_KINDS];
	char *text[ATTACH_KINDS] = { NULL };
	size_t n[ATTACH_KINDS];
	u32 count = 0;
	int r = 0;
	for (u32 k = 0; k < ATTACH_KINDS && r == 0; k++) {
		if (!(w->attach & 1u << k))
			continue;
		FILE *f = open_memstream(&text[k], &n[k]);
		if (f && k == ATTACH_EVIDENCE)
			evidence(f, w);
		else if (f && k == ATTACH_VEX)
			slim_vex(f, &w->s, &w->scan, sink_digest(to));
		else if (f)
			left_bom(f, &w->s);
		if (!f || fclose(f) != 0)
			r = error_errno(err, "--attach %s", attachable[k].name);
		else
			v[count++] = (struct sink_attachment){ attachable[k].type, attachable[k].title, str_n(text[k], n[k]) };
	}
	if (r == 0)
		r = sink_attach(to, v, count, err);
	for (u32 k = 0; k < ATTACH_KINDS; k++)
		free(text[k]);
	return r;
}

/* What differs may be what a database of packages says. */
static int write_result(struct work *w, struct error *err)
{
	int r = slim_write(&w->s, w->to, err);
	if (r != 1 || !w->differs)
		return r;
	r = slim_keep_databases(&w->s, err);
	if (r == 1 && (slim_relayer(&w->s, err) < 0 || (r = slim_write(&w->s, w->to, err)) < 0))
		return -1;
	if (r >= 0 && w->differs)
		differs(w->t->rows, w->t->n_rows, "the result");
	return r == 0 && w->differs ? 1 : r;
}

static int finish(struct work *w, struct error *err)
{
	const struct option_value *opt = w->opt;
	struct slim *s = &w->s;
	const char *written = opt[O_DRY_RUN].count ? NULL : w->to->location;
	if (scan_original(w, err) < 0 || slim_relayer(s, err) < 0)
		return command_fail(err);
	int r = written ? write_result(w, err) : 0;
	if (r < 0)
		return command_fail(err);
	slim_count_risks(&w->scan, s);
	if (write_reports(w, r ? NULL : written, err) < 0)
		return command_fail(err);
	if (r)
		return failed(s);
	if (w->lock && lock_write(w->lock, opt[O_PROFILE].value, err) < 0)
		return command_fail(err);
	slim_table(stdout, s, w->image, written);
	if (w->t)
		tell_trial(stdout, w->t);
	return command_done(0);
}

static int train(struct work *w, struct error *err)
{
	const char *dir = w->opt[O_TRACE_DIR].value;
	w->seen = observed_new(&w->s.img->config_digest);
	if (trial_train(w->t, w->seen, err) < 0)
		return -1;
	observed_settle(w->seen);
	if (dir && (observed_save(w->seen, dir, err) < 0 || observed_load(dir, w->seen, &w->others, err) < 0))
		return -1;
	observed_settle(w->seen);
	if (w->others)
		command_note("slim: note: %u traces in %s are of other images: they count for the paths that this one has", w->others, dir);
	return 0;
}

static int proven(struct work *w, const struct trial_options *o, struct error *err)
{
	struct trial_options t = *o;
	t.config = &w->s.img->config;
	t.ids = &w->ids;
	if (run_ids_find(&w->ids, err) < 0 || run_tree_open(w->s.img, w->s.trace.tree, globals.store, &w->ids, &w->tree, err) < 0 || trial_open(w->tree, &t, &w->t, err) < 0 || train(w, err) < 0 ||
	    slim_decide(&w->s, w->seen, err) < 0)
		return command_fail(err);
	int r = w->opt[O_EXPLAIN].count ? 0 : deny(w, err);
	if (r < 0)
		return command_fail(err);
	w->to->prove = compare;
	return r > 0 ? 1 : w->opt[O_EXPLAIN].count ? explain(&w->s, &w->opt[O_EXPLAIN]) : finish(w, err);
}

/* Whether it can be run here at all. */
static int runnable(const struct image *img, struct error *err)
{
	struct platform host = platform_host();
	const struct platform *p = &img->config.platform;
	char want[100], have[100];
	if (!img->config_doc || !*p->arch || (strcmp(p->arch, host.arch) == 0 && (!*p->os || strcmp(p->os, host.os) == 0)))
		return 0;
	return error_set(err, ERR_INPUT, "it is for %s and cannot be run on %s: use --no-run or --level safe", platform_text(p, want), platform_text(&host, have));
}

/* As a service of a compose file starts it: what that needs is kept, and so it runs. */
static int as_service(struct work *w, struct trial_options *t, struct error *err)
{
	struct choose_options *o = &w->s.opt.choose;
	struct compose *c = &w->compose;
	struct problems notes = { 0 };
	const char *value = w->opt[O_COMPOSE].value;
	if (!value)
		return 0;
	int r = compose_read(&w->a, value, w->s.img->reference ? w->s.img->reference : w->image, &w->s.img->config, c, &notes, err);
	for (u32 i = 0; i < notes.n; i++)
		command_note("slim: note: %s", notes.v[i]);
	problems_free(&notes);
	if (r < 0)
		return error_wrap(err, "--compose");
	const char *const **words = arena_array(&w->a, const char *const *, o->n_commands + 2);
	if (o->n_commands)
		memcpy(words, o->commands, o->n_commands * sizeof *words);
	o->commands = words;
	if (c->spec.argv)
		words[o->n_commands++] = c->spec.argv;
	if (c->health && strcmp(c->health[0], "CMD") == 0 && c->health[1]) {
		words[o->n_commands++] = c->health + 1;
	} else if (c->health && strcmp(c->health[0], "CMD-SHELL") == 0 && c->health[1]) {
		const char **line = arena_array(&w->a, const char *, 4);
		line[0] = "/bin/sh";
		line[1] = "-c";
		line[2] = c->health[1];
		words[o->n_commands++] = line;
	}
	t->spec = &c->spec;
	t->health = c->health;
	t->ports = c->ports;
	t->n_ports = c->n_ports;
	return 0;
}

static int worked(struct work *w, const struct trial_options *given, struct error *err)
{
	const struct option_value *opt = w->opt;
	struct trial_options told = *given, *t = &told;
	if (as_service(w, t, err) < 0)
		return command_fail(err);
	if (w->s.opt.choose.level == SLIM_SAFE || opt[O_NO_RUN].count) {
		int r = slim_decide(&w->s, NULL, err);
		return r < 0 ? command_fail(err) : opt[O_EXPLAIN].count ? explain(&w->s, &opt[O_EXPLAIN]) : finish(w, err);
	}
	int status = runnable(w->s.img, err) < 0 ? command_fail(err) : proven(w, t, err);
	if (opt[O_EVIDENCE].value && w->t && outfile_write(opt[O_EVIDENCE].value, evidence, w, err) < 0 && status == 0)
		status = command_fail(err);
	trial_close(w->t);
	if (w->tree)
		run_tree_close(w->tree);
	lock_free(w->lock);
	observed_free(w->seen);
	return status;
}

static int slim(struct work *w, const struct load_options *load, const struct slim_options *o, const struct trial_options *t, struct error *err)
{
	struct problems problems = { 0 };
	int status, r = slim_open(w->image, load, o, &w->s, &problems, err);
	if (r > 0 && w->secrets) { /* that looking for secrets came to no end is no reason */
		struct load_options less = *load;
		less.collectors = w->to->collectors;
		less.sets = o->choose.level == SLIM_SAFE ? NULL : slim_sets;
		struct problems first = problems;
		problems = (struct problems){ 0 };
		w->secrets = false;
		r = slim_open(w->image, &less, o, &w->s, &problems, err);
		if (r == 0)
			command_note("slim: note: secrets were not looked for: %s", first.v[0]);
		problems_free(&first);
	}
	if (r > 0) {
		status = command_problems(&problems);
		error_set(err, ERR_INPUT, "slim: %s: is not whole: nothing was written", w->image);
		command_fail(err);
	} else if (r < 0) {
		status = command_fail(err);
	} else {
		status = worked(w, t, err);
		slim_scan_free(&w->scan);
		slim_close(&w->s);
		arena_free(&w->a);
	}
	problems_free(&problems);
	return status;
}

static int run(const struct option_value *opt, char **args, int n_args)
{
	(void)n_args;
	struct error err = { 0 };
	struct probes p = { 0 };
	struct slim_options o;
	struct slim_target to;
	struct trial_options t;
	u32 to_attach;
	int status;
	if (parse(opt, &o, &to, &err) < 0 || parse_attach(opt, &to_attach, &err) < 0 || parse_probes(opt, &p, &err) < 0 || parse_trial(opt, &p, &t, &err) < 0) {
		status = command_fail(&err);
	} else {
		bool safe = o.choose.level == SLIM_SAFE;
		if (safe && p.n)
			command_note("slim: note: probes have no effect at --level safe: nothing that they could exercise is taken out");
		bool secrets = wants_scan(opt, safe);
		to.collectors = safe ? package_collectors : slim_collectors(false);
		o.choose.commands = p.words;
		o.choose.n_commands = p.n_words;
		struct load_options load = { .platform = opt[O_PLATFORM].value, .collectors = !safe ? slim_collectors(secrets) : secrets ? collector_sets[COLLECT_ALL] : to.collectors, .sets = !safe ? slim_sets : secrets ? collector_sets : NULL, .need_content = true, .no_cache = opt[O_NO_CACHE].count > 0,
			.store = globals.store, .registry = &to.repo };
		struct work w = { .image = args[0], .opt = opt, .to = &to, .secrets = secrets, .attach = to_attach };
		to.ctx = &w;
		to.attach = to_attach ? attach_documents : NULL;
		status = slim(&w, &load, &o, &t, &err);
	}
	probes_free(&p);
	return status;
}

const struct command command_slim = {
	.name = "slim",
	.summary = "the same program in a smaller image, verified",
	.synopsis = "[OPTIONS] IMAGE -o OUT",
	.description = "Writes the same program in a smaller image, and proves that it is the same before OUT appears.\n\n"
		       "What is needed is known in two ways. Knowledge: from the entry point, command and health check, over libraries as the loader finds them, interpreters, what scripts and sources of Python, "
		       "Node.js, Ruby, Perl, PHP and Java import, what configuration files name, to families of data that are asked for by names made up while a program runs (time zones, locales, encodings, "
		       "certificates, accounts). Observation: the image is run under runc or crun in namespaces of its own, watched, with --http-probe and --exec; traces of other runs (--trace-dir) count, too. Where knowledge "
		       "ends more is kept, and it is said why.\n\n"
		       "--level package (the default) takes out whole packages and directories that nothing needs, documentation and headers; file takes out every such file. Shells, package managers and setuid programs that "
		       "nothing needs go at both, and are named. --level safe runs nothing and takes out only what is provably no part of the program: bytes that the final tree does not show; lists and caches of package "
		       "managers (apt, apk, dnf, yum, zypper, pacman; pip, uv, poetry, npm, yarn, pnpm, gem, bundler, composer, cargo, go, conda); logs; temporary files; byte code whose source is gone; documentation, "
		       "manual pages and translations with --drop.\n\n"
		       "Then the original is run without what is to go: what it looks for in vain comes back. The result is read back once written, compared with the original name by name, and run beside it: answers, exit "
		       "status, new errors in the log and health must be the same; --verify FILE adds probes that the choice was not made by. A difference ends with status 1, an image that cannot be read whole with status "
		       "3, and nothing is written. Package databases are written anew to say what is left, and the result holds a bill of materials of it.\n\n"
		       "Layers with nothing to save are kept byte for byte, so that they stay shared. What is left of the others goes into layers by how often it changes: runtime (distribution packages, "
		       "interpreters), dependencies (packages of languages), application; images of one base that keep the same of it share the first. --keep-layers leaves it where it is, --flatten makes one layer of all. "
		       "Owners, modes, times, hard links, extended attributes and capabilities stay. The same input and the same runs give the same bytes.",
	.options = options,
	.examples = "pare slim app.tar -o small.tar --http-probe / # a docker-archive for docker load\n"
		    "pare slim --level file app.tar -o small.tar --exec 'app --version' --verify tests.txt # every file that nothing needs goes\n"
		    "pare slim app.tar --explain /usr/bin/perl # why it stays, or goes\n"
		    "pare slim --dry-run app.tar # what would go\n"
		    "pare slim docker-daemon:app:latest -o oci:out:small --compression zstd # an OCI layout\n"
		    "pare slim docker://quay.io/app/web:1 -o docker://quay.io/app/web:1-slim # from a registry, and back\n"
		    "pare slim --level safe --keep-base --drop docs,man app.tar -o small.tar # leave the shared layers, drop documentation\n"
		    "pare slim app.tar -o small.tar --html slim.html --vex slim.vex.json # a page of what went and why, and what scanners are told\n"
		    "pare slim app.tar -o docker://registry.example/app:1-slim --attach evidence,vex,sbom # with what proves it, as referrers\n"
		    "pare slim --flatten app.tar -o small.tar # one layer\n"
		    "pare slim --report slim.json app.tar -o oci-archive:small.tar # with everything that went, as JSON",
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
