#include "command/scan.h"
#include "advisory/vex.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"
#include "command/command.h"
#include "command/place.h"
#include "report/examine.h"
#include "report/inventory.h"
#include "report/openvex.h"
#include "report/scan.h"
#include "rule/baseline.h"
#include "rule/gate.h"
#include "rule/scanignore.h"
#include "secret/scan.h"
#include "transport/repo.h"
#include <errno.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { O_DB, O_FORMAT, O_OUTPUT, O_FAIL_ON, O_SEVERITY, O_KINDS, O_UNFIXED, O_IGNORE, O_NO_IGNORE, O_SUPPRESSED, O_VEX, O_VEX_OUT, O_BASELINE, O_WRITE_BASELINE, O_ONLY_NEW, O_WHY, O_LAYERS, O_POLICY, O_LICENSE_ALLOW, O_LICENSE_DENY, O_PLATFORM, O_NO_CACHE, O_SECRET_RULES, O_PLACE };

static const struct option options[] = {
	[O_DB] = { "db", 0, OPT_VALUE, "FILE", "The advisory database. Default: that of the store, which pare db update fetches.", NULL },
	[O_FORMAT] = { "format", 'f', OPT_VALUE, "FORMAT", "table (for people, the default), json, sarif, cyclonedx, junit, gitlab, html, markdown.", "table json sarif cyclonedx junit gitlab html markdown" },
	[O_OUTPUT] = { "output", 'o', OPT_VALUE, "FILE", "Write to FILE, which appears whole or not at all.", NULL },
	[O_FAIL_ON] = { "fail-on", 0, OPT_LIST, "CONDITION[,CONDITION…]", "Exit 1 when a finding meets one: a severity (critical, high, medium, low, info: that or worse), kev (known to be exploited), epss>X, cvss>X, fixable, reachable (not known to lie idle), eol, or a kind. "
		"Conditions joined by + must all hold: critical+fixable.", NULL },
	[O_SEVERITY] = { "severity", 's', OPT_LIST, "SEVERITY[,…]", "Only findings of these: critical high medium low info.", NULL },
	[O_KINDS] = { "kinds", 0, OPT_LIST, "KIND[,…]", "Only these: vulnerability secret config license. Default: all.", NULL },
	[O_UNFIXED] = { "ignore-unfixed", 0, OPT_FLAG, NULL, "Leave out vulnerabilities without a fix.", NULL },
	[O_IGNORE] = { "ignore-file", 0, OPT_LIST, "FILE", "What you have decided to live with: ours (id, package, path, reason, expires), .trivyignore, .trivyignore.yaml or .grype.yaml, told by content. Default: those of "
		".pare-ignore.yaml, .trivyignore, .trivyignore.yaml and .grype.yaml that are in the working directory. An entry of ours that matches nothing, or has expired, fails.", NULL },
	[O_NO_IGNORE] = { "no-ignore-file", 0, OPT_FLAG, NULL, "Look for none in the working directory.", NULL },
	[O_SUPPRESSED] = { "show-suppressed", 0, OPT_FLAG, NULL, "Print what is ignored or said not to affect, too, with who says so.", NULL },
	[O_VEX] = { "vex", 0, OPT_LIST, "FILE", "What is known not to affect: OpenVEX, CycloneDX or CSAF.", NULL },
	[O_VEX_OUT] = { "vex-out", 0, OPT_VALUE, "FILE", "Write what was found as an OpenVEX document, too.", NULL },
	[O_BASELINE] = { "baseline", 0, OPT_VALUE, "FILE", "Findings in FILE are known: they fail no gate.", NULL },
	[O_WRITE_BASELINE] = { "write-baseline", 0, OPT_VALUE, "FILE", "Write all findings to FILE: from then on they are known.", NULL },
	[O_ONLY_NEW] = { "only-new", 0, OPT_FLAG, NULL, "With --baseline: print only what is not in it.", NULL },
	[O_WHY] = { "why", 0, OPT_VALUE, "ID", "Instead of a report: every answer on this vulnerability, match or not, with its reason.", NULL },
	[O_LAYERS] = { "all-layers", 0, OPT_FLAG, NULL, "Packages that only lower layers hold, too: what a later layer replaced or removed still ships.", NULL },
	[O_POLICY] = { "license-policy", 0, OPT_VALUE, "FILE", "Which licences you live with, as YAML: lists allow, warn and deny of SPDX identifiers, patterns of them, or categories (permissive, weak-copyleft, copyleft, "
		"network-copyleft, restricted); unknown and default: allow, warn or deny; exceptions: [{package, version, license, reason}]. Of OR one part must be allowed, of AND each. Without a policy licences are only counted.", NULL },
	[O_LICENSE_ALLOW] = { "license-allow", 0, OPT_LIST, "LICENSE[,…]", "These are allowed, and what nobody names is not.", NULL },
	[O_LICENSE_DENY] = { "license-deny", 0, OPT_LIST, "LICENSE[,…]", "These are denied.", NULL },
	[O_PLATFORM] = { "platform", 0, OPT_VALUE, "OS/ARCH[/VARIANT]", "Choose from an image for several platforms. Default: this machine's.", NULL },
	[O_NO_CACHE] = { "no-cache", 0, OPT_FLAG, NULL, "Read every layer, and keep nothing in the store.", NULL },
	[O_SECRET_RULES] = { "secret-rules", 0, OPT_VALUE, "FILE", "Rules for secrets, in gitleaks' format (TOML): instead of the built-in ones, or beside them with [extend] useDefault = true. Reads every layer again.", NULL },
	PLACE_OPTIONS(O_PLACE),
	{ NULL, 0, OPT_FLAG, NULL, NULL, NULL },
};

#define ANSWERS_MAX 5000u /* that are compared */

struct job {
	const struct option_value *opt;
	struct subject subject;
	struct db *db;
	struct scan scan;
	struct gates gates;
	struct scan_ignores ignores;
	struct vex vex;
	struct license_policy policy;
	struct secret_set *secrets; /* of --secret-rules */
	char today[16];
	u32 kinds, severities; /* bits */
	u64 *answers;          /* --why: hashes of what was printed, as many feeds say the same of several products */
	u32 n_answers, cap_answers;
};

/* --- options --- */
static int read_bits(const struct option_value *v, const char *option, const char *const *words, u32 n, u32 *ret, struct error *err)
{
	for (u32 i = 0; i < v->count; i++)
		for (struct str rest = str_of(v->list[i]); rest.p;) {
			struct str word = str_trim(str_cut(&rest, ','));
			u32 k = 0;
			while (k < n && !str_ieq(word, str_of(words[k])))
				k++;
			if (k == n)
				return error_set(err, ERR_USAGE, "--%s %.*s: not known", option, STR_FMT(str_head(word, 60)));
			*ret |= 1u << k;
		}
	if (!*ret)
		*ret = (1u << n) - 1;
	return 0;
}

int scan_today(char out[16], struct error *err)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	u64 seconds = (u64)time(NULL);
	struct tm tm;
	if (epoch && *epoch && (!str_to_u64(str_of(epoch), &seconds) || seconds > (u64)1 << 37))
		return error_set(err, ERR_USAGE, "SOURCE_DATE_EPOCH: %.40s: no number of seconds", epoch);
	time_t t = (time_t)seconds;
	gmtime_r(&t, &tm);
	snprintf(out, 16, "%04u-%02u-%02u", (u32)(tm.tm_year + 1900) % 10000, (u32)(tm.tm_mon + 1) % 100, (u32)tm.tm_mday % 100);
	return 0;
}

static int load_ignores(struct job *j, struct error *err)
{
	static const char *const names[] = { ".pare-ignore.yaml", ".trivyignore", ".trivyignore.yaml", ".grype.yaml" };
	const struct option_value *given = &j->opt[O_IGNORE];
	for (u32 i = 0; i < given->count; i++)
		if (scan_ignores_load(given->list[i], &j->ignores, err) < 0)
			return -1;
	for (size_t i = 0; i < countof(names) && !given->count && !j->opt[O_NO_IGNORE].count; i++)
		if (access(names[i], R_OK) == 0 && scan_ignores_load(names[i], &j->ignores, err) < 0)
			return -1;
	return 0;
}

static int read_policy(struct job *j, struct error *err)
{
	const struct option_value *allow = &j->opt[O_LICENSE_ALLOW], *deny = &j->opt[O_LICENSE_DENY];
	if (j->opt[O_POLICY].value && license_policy_load(j->opt[O_POLICY].value, &j->policy, err) < 0)
		return -1;
	for (u32 i = 0; i < allow->count; i++)
		if (license_policy_list(str_of(allow->list[i]), LICENSE_ALLOW, &j->policy, err) < 0)
			return -1;
	for (u32 i = 0; i < deny->count; i++)
		if (license_policy_list(str_of(deny->list[i]), LICENSE_DENY, &j->policy, err) < 0)
			return -1;
	license_policy_done(&j->policy);
	return 0;
}

static int read_options(struct job *j, struct error *err)
{
	const struct option_value *opt = j->opt;
	if (read_bits(&opt[O_KINDS], "kinds", finding_kind_text, KIND_LICENSE + 1, &j->kinds, err) < 0 || read_bits(&opt[O_SEVERITY], "severity", severity_text, SEVERITIES, &j->severities, err) < 0)
		return -1;
	for (u32 i = 0; i < opt[O_FAIL_ON].count; i++)
		if (gates_parse(str_of(opt[O_FAIL_ON].list[i]), &j->gates, err) < 0)
			return -1;
	if (opt[O_ONLY_NEW].count && !opt[O_BASELINE].value)
		return error_set(err, ERR_USAGE, "--only-new wants --baseline FILE: new since what");
	if (scan_today(j->today, err) < 0 || load_ignores(j, err) < 0 || read_policy(j, err) < 0)
		return -1;
	for (u32 i = 0; i < opt[O_VEX].count; i++)
		if (vex_load(opt[O_VEX].list[i], &j->vex, err) < 0)
			return -1;
	return 0;
}

int scan_database(const char *named, struct db **ret, struct error *err)
{
	struct arena a = { 0 };
	const char *path = named, *dir;
	int r = 0;
	if (!path && (dir = store_dir(&a, globals.store, NULL)))
		path = arena_printf(&a, "%s/advisories.db", dir);
	if (path && (named || access(path, F_OK) == 0))
		r = db_open(path, ret, err);
	arena_free(&a);
	return r;
}

/* --- what is done with the findings --- */
static const char *baseline_text(const struct scan_finding *f, struct buf *b)
{
	buf_clear(b);
	buf_printf(b, "%s %s%s%s", finding_kind_text[f->kind], f->package, *f->package ? "" : f->path, f->presence == PRESENCE_LIVE ? "" : " hidden");
	return b->p;
}

static int baselines(struct job *j, struct error *err)
{
	struct baseline known = { 0 }, all = { 0 };
	struct buf text = BUF(0);
	const char *in = j->opt[O_BASELINE].value, *out = j->opt[O_WRITE_BASELINE].value;
	if (in && baseline_load(in, &known, err) < 0)
		return -1;
	for (u32 i = 0; i < j->scan.n; i++) {
		struct scan_finding *f = &j->scan.v[i];
		struct str where = str_of(*f->path ? f->path : "image"), what = str_of(baseline_text(f, &text));
		if (*f->suppressed)
			continue;
		f->known = in && baseline_take(&known, where, str_of(f->id), what);
		if (f->known && j->opt[O_ONLY_NEW].count)
			f->suppressed = "known: it is in the baseline";
		if (out)
			baseline_add(&all, where, str_of(f->id), what);
	}
	int r = 0;
	if (out) {
		FILE *f = fopen(out, "w");
		if (f)
			baseline_write(f, &all);
		if (!f || fclose(f) != 0)
			r = error_errno(err, "%s", out);
	}
	baseline_free(&known);
	baseline_free(&all);
	buf_free(&text);
	return r;
}

static void choose(struct job *j)
{
	u32 n = 0;
	for (u32 i = 0; i < j->scan.n; i++) {
		const struct scan_finding *f = &j->scan.v[i];
		if (!(j->severities & 1u << f->severity) || (j->opt[O_UNFIXED].count && f->kind == KIND_VULNERABILITY && !*f->fixed_version))
			continue;
		j->scan.v[n++] = *f;
	}
	j->scan.n = n;
}

static void apply(struct job *j)
{
	const struct image *img = j->subject.image;
	char digest[DIGEST_TEXT] = "";
	if (img && img->digest.alg)
		digest_text(&img->digest, digest);
	vex_apply(&j->vex, &j->scan, img && img->reference ? img->reference : "", digest);
	scan_ignores_apply(&j->ignores, &j->scan, j->today);
	choose(j);
}

/* 1 when an entry is stale. */
static int stale(const struct job *j)
{
	int status = 0;
	for (u32 i = 0; i < j->ignores.n; i++) {
		const struct scan_ignore *e = &j->ignores.v[i];
		struct error err = { 0 };
		if (!scan_ignore_stale(e))
			continue;
		error_set(&err, ERR_USAGE, "%s:%u: %s %s: take the entry out", e->file, e->line, *e->id ? e->id : e->package, e->expired ? "has expired" : "matches nothing");
		command_fail(&err);
		status = 1;
	}
	return status;
}

/* --- output --- */
static u32 terminal_width(void)
{
	struct winsize w;
	return isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col >= 60 ? w.ws_col : 160;
}

static void write_report_of(FILE *f, void *ctx)
{
	const struct job *j = ctx;
	const struct scan_writer *w = scan_writer_find(j->opt[O_FORMAT].value ? j->opt[O_FORMAT].value : "table");
	const struct scan_options o = { .color = globals.color && f == stdout, .show_suppressed = j->opt[O_SUPPRESSED].count > 0, .licenses = j->opt[O_KINDS].count && j->kinds & EXAMINE_LICENSES, .width = terminal_width() };
	w->write(f, &j->subject, &j->scan, &o);
}

static void write_vex(FILE *f, void *ctx)
{
	const struct job *j = ctx;
	write_openvex(f, &j->subject, &j->scan);
}

static void print_answer(void *ctx, const struct match_answer *a)
{
	struct job *j = ctx;
	const struct package *k = a->package == UINT32_MAX ? NULL : &j->subject.packages->v[a->package];
	struct buf line = BUF(2000);
	buf_printf(&line, "%s  %.*s  %s%s%s  %.*s", a->affected ? "affected" : "not     ", STR_FMT(a->record->id), k ? k->name : "-", k ? " " : "", k ? k->version : "", STR_FMT(a->record->ecosystem));
	if (!str_is(a->record->package, k ? k->name : ""))
		buf_printf(&line, "/%.*s", STR_FMT(a->record->package));
	buf_printf(&line, "  %s", a->reason);
	struct buf clean = BUF(0);
	text_safe(&clean, buf_str(&line));
	u64 hash = hash64(buf_str(&clean), 0);
	bool told = false;
	for (u32 i = 0; i < j->n_answers && i < ANSWERS_MAX && !told; i++)
		told = j->answers[i] == hash;
	if (!told) {
		puts(buf_str(&clean).p);
		VEC_PUSH(j->answers, j->n_answers, j->cap_answers, hash);
	}
	buf_free(&clean);
	buf_free(&line);
}

static int finish(struct job *j, struct error *err)
{
	if (baselines(j, err) < 0)
		return command_fail(err);
	if (j->opt[O_OUTPUT].value ? outfile_write(j->opt[O_OUTPUT].value, write_report_of, j, err) < 0 : (write_report_of(stdout, j), 0))
		return command_fail(err);
	if (j->opt[O_VEX_OUT].value && outfile_write(j->opt[O_VEX_OUT].value, write_vex, j, err) < 0)
		return command_fail(err);
	fflush(stdout);
	int failed = gates_count(&j->gates, &j->scan) > 0, incomplete = command_problems(&j->scan.problems);
	return incomplete ? incomplete : failed;
}

/* What all images share. */
static int prepare(struct job *j, int n_images, struct error *err)
{
	static const int single[] = { O_OUTPUT, O_VEX_OUT, O_BASELINE, O_WRITE_BASELINE };
	for (size_t i = 0; i < countof(single) && n_images > 1; i++)
		if (j->opt[single[i]].value)
			return error_set(err, ERR_USAGE, "--%s is of one image, %d were given", options[single[i]].name, n_images);
	if (j->opt[O_SECRET_RULES].value && secret_set_new(j->opt[O_SECRET_RULES].value, &j->secrets, err) < 0)
		return -1;
	secret_collector_use(j->secrets);
	return j->kinds & EXAMINE_VULNERABILITIES ? scan_database(j->opt[O_DB].value, &j->db, err) : 0;
}

static int scan(struct job *j, const char *location, struct error *err)
{
	struct load_options load = { .platform = j->opt[O_PLATFORM].value, .no_cache = j->opt[O_NO_CACHE].count > 0 || j->secrets, .store = globals.store };
	struct repo_options registry;
	int parts = SUBJECT_INSIDE | (j->kinds & ~(u32)EXAMINE_VULNERABILITIES ? SUBJECT_RISKS : 0);
	/* What only asks for packages asks those that are known; whatever else is looked for needs the tree. */
	bool only_packages = j->kinds == EXAMINE_VULNERABILITIES && !j->opt[O_LAYERS].count;
	if (place_load(j->opt + O_PLACE, &registry, &load, err) < 0)
		return command_fail(err);
	if (only_packages ? inventory_open(location, &load, &j->subject, err) < 0 : subject_open(location, &load, parts, &j->subject, err) < 0)
		return command_fail(err);
	if (j->subject.image)
		command_unverified(&j->subject.image->unverified);
	const struct examine_options o = { .kinds = j->kinds, .db = j->db, .all_layers = j->opt[O_LAYERS].count > 0,
		.licenses = j->opt[O_POLICY].value || j->opt[O_LICENSE_ALLOW].count || j->opt[O_LICENSE_DENY].count ? &j->policy : NULL,
		.match = { .why = j->opt[O_WHY].value, .on_answer = print_answer, .ctx = j, .today = j->today } };
	if (examine(&j->subject, &o, &j->scan, err) < 0)
		return command_fail(err);
	if (j->opt[O_WHY].value) {
		if (!j->n_answers)
			printf("nothing: the database %s\n", j->db ? "does not know it" : "is missing");
		return command_problems(&j->scan.problems);
	}
	apply(j);
	return finish(j, err);
}

/* One after the other; the worst status counts: what could not be read at all, what is incomplete, a gate. */
static int scan_all(struct job *j, char **images, int n)
{
	int worst = 0;
	for (int i = 0; i < n; i++) {
		struct error err = { 0 };
		int status = scan(j, images[i], &err);
		worst = MAX(worst, status);
		scan_free(&j->scan);
		subject_close(&j->subject);
		j->subject = (struct subject){ 0 };
		j->n_answers = 0;
	}
	int old = stale(j);
	return worst ? worst : old;
}

static int run(const struct option_value *opt, char **args, int n_args)
{
	struct error err = { 0 };
	struct job j = { .opt = opt };
	int status = read_options(&j, &err) < 0 || prepare(&j, n_args, &err) < 0 ? command_fail(&err) : scan_all(&j, args, n_args);
	secret_collector_use(NULL);
	secret_set_free(j.secrets);
	free(j.answers);
	db_close(j.db);
	scan_ignores_free(&j.ignores);
	vex_free(&j.vex);
	license_policy_free(&j.policy);
	return command_done(status);
}

const struct command command_scan = {
	.name = "scan",
	.summary = "vulnerabilities, secrets, configuration, licences",
	.synopsis = "[OPTIONS] IMAGE|DIR|SBOM…",
	.description = "Compares what is inside with the advisory database by each vendor's own rules, looks for secrets in every layer, and judges configuration and licences. Of each finding it says the "
		       "package and its path, the layer and instruction that brought it, how bad and how likely it is (the vendor's severity first, CVSS, EPSS, whether it is known to be exploited), and what "
		       "removes it; the most risky first.\n\n"
		       "What could not be read fails with status 3; what the database does not cover is told: no finding never means that nobody looked. --why ID says why a vulnerability was found, or was not.\n\n"
		       "Of several images there is a report each, one after the other; the database is opened once, so many known images are compared with a new one quickly.\n\n"
		       "How an image is set up is asked as Dockle and the CIS Docker benchmark ask it, and more: who it runs as, what raises privileges, who may write where, accounts, sudo, sshd, what was left in, how it was built. Licences are judged by your policy (--license-policy).\n\n"
		       "The database is one file: pare db build makes it of the publishers' feeds, pare db update fetches it. Nothing else needs a network.",
	.options = options,
	.examples = "pare scan app.tar # what is wrong, and what to do first\n"
		    "pare scan --fail-on kev,critical+fixable app.tar # a gate for a pipeline\n"
		    "pare scan --format sarif -o scan.sarif app.tar # for code scanning\n"
		    "pare scan --why CVE-2024-3094 app.tar # found, or not, and why\n"
		    "pare scan --kinds secret app.tar # secrets only: no database is needed\n"
		    "pare scan --kinds config --fail-on high app.tar # how it is set up\n"
		    "pare scan --license-deny 'AGPL-*' --fail-on license+high app.tar # licences",
	.min_args = 1,
	.max_args = ARGS_MANY,
	.run = run,
};
