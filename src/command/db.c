#include "command/db.h"
#include "advisory/feed.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/progress.h"
#include "base/text.h"
#include "command/command.h"
#include "command/place.h"
#include "report/db.h"
#include "store/load.h"
#include "version/version.h"
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES ((size_t)(2 * VERSION_MAX + 2))


static const struct option options[] = {
	[O_OUTPUT] = { "output", 'o', OPT_VALUE, "FILE", "Where build writes the database. Default: advisories.db in the store.", NULL },
	[O_FROM] = { "from", 0, OPT_LIST, "KIND[:PLACE]", "build: KIND:PATH, a feed's kind and the file or directory that holds it as its publisher ships it. update: KIND, from its publisher; KIND:URL, from a mirror "
		     "(a directory has a slash behind it; #sha256:HEX behind a file says what it must be); oci://REGISTRY/REPOSITORY:TAG, a database that is ready; @FILE, more of these, a line each. "
		     "update without any: every feed whose publisher has one place for it.", NULL },
	[O_DB] = { "db", 0, OPT_VALUE, "FILE", "The database: the one to read, to replace (update) or to send (push). Default: advisories.db in the store.", NULL },
	[O_FORMAT] = { "format", 'f', OPT_VALUE, "FORMAT", "table (the default), or json: docs/schema/db-status, db-search and db-diff describe it.", "table json" },
	[O_OFFLINE] = { "offline", 0, OPT_FLAG, NULL, "update: Ask nobody; take the feeds that were fetched before.", NULL },
	[O_KEEP_GOING] = { "keep-going", 0, OPT_FLAG, NULL,
			   "Of a feed that cannot be had, take what was fetched before, or leave it out; it is told, and the status is 4, but there is a database. Without --from this is always so.", NULL },
	PLACE_OPTIONS(O_PLACE),
	{ NULL, 0, OPT_FLAG, NULL, NULL, NULL },
};

static bool json(const struct option_value *opt) { return option_is(&opt[O_FORMAT], "json"); }

/* The file that was named, else the store's. NULL and *err. */
const char *db_file(struct arena *a, const char *named, struct error *err)
{
	const char *dir = named ? NULL : store_dir(a, globals.store, err);
	return named ? named : dir ? arena_printf(a, "%s/advisories.db", dir) : NULL;
}

static int open_database(struct arena *a, const char *named, struct db **ret, const char **path, struct error *err)
{
	*path = db_file(a, named, err);
	return *path ? db_open(*path, ret, err) : -1;
}

/* --- build --- */
struct taken { /* of one --from */
	const struct feed *feed;
	const char *path;
	u64 records, others;
	char newest[16];
};

static int read_from(const char *word, struct taken *ret, struct error *err)
{
	struct str path = str_of(word), kind = str_cut(&path, ':');
	ret->feed = feed_named(kind);
	ret->path = path.p;
	if (ret->feed && path.n)
		return 0;
	struct buf names = BUF(0);
	for (const struct feed *const *f = feeds; *f; f++)
		buf_printf(&names, " %s", (*f)->kind);
	error_set(err, ERR_USAGE, "db build --from %.100s: it is KIND:PATH, with a KIND of:%s", word, names.n ? names.p : " (none)");
	buf_free(&names);
	return -1;
}

static int take_feed(struct db_writer *w, struct taken *t, struct error *err)
{
	struct str newest;
	progress_begin(t->feed->kind, 0);
	int r = t->feed->import(t->path, w, err);
	progress_end();
	if (r < 0)
		return error_wrap(err, "%s", t->feed->kind);
	db_writer_since(w, &t->records, &t->others, &newest);
	snprintf(t->newest, sizeof t->newest, "%.10s", newest.p);
	return 0; /* the importer told the writer of its source itself */
}

static void build_summary(const struct taken *t, u32 n, const char *path)
{
	struct stat st = { 0 };
	struct buf out = BUF(0);
	u64 records = 0;
	for (u32 i = 0; i < n; i++) {
		buf_clear(&out);
		text_safe(&out, str_of(t[i].path));
		printf("%-16s %12s records %12s others  %-10s  %s\n", t[i].feed->kind, TEXT_COUNT(t[i].records), TEXT_COUNT(t[i].others), t[i].newest, buf_str(&out).p);
		records += t[i].records;
	}
	buf_clear(&out);
	text_safe(&out, str_of(path));
	(void)!stat(path, &st);
	printf("%s: %s records, %s\n", buf_str(&out).p, TEXT_COUNT(records), TEXT_SIZE((u64)st.st_size));
	buf_free(&out);
}

static int build(const struct option_value *opt, struct taken *t, const char *path, struct error *err)
{
	struct db_writer *w;
	for (u32 i = 0; i < opt[O_FROM].count; i++)
		if (read_from(opt[O_FROM].list[i], &t[i], err) < 0)
			return -1;
	if (db_writer_open(path, &w, err) < 0)
		return -1;
	for (u32 i = 0; i < opt[O_FROM].count; i++) {
		if (take_feed(w, &t[i], err) < 0) {
			db_writer_abort(w);
			return -1;
		}
	}
	progress_begin("writing", 0);
	int r = db_writer_commit(w, err);
	progress_end();
	return r;
}

static int run_build(const struct option_value *opt, char **args, int n_args)
{
	(void)args;
	(void)n_args;
	struct arena a = { 0 };
	struct error err = { 0 };
	int status;
	if (!opt[O_FROM].count) {
		error_set(&err, ERR_USAGE, "db build: nothing to build from: name a feed with --from KIND:PATH");
		return command_fail(&err);
	}
	const char *path = db_file(&a, opt[O_OUTPUT].value, &err);
	struct taken *t = xcalloc(opt[O_FROM].count, sizeof *t);
	if (!path || build(opt, t, path, &err) < 0) {
		status = command_fail(&err);
	} else {
		if (!globals.quiet)
			build_summary(t, opt[O_FROM].count, path);
		status = command_done(0);
	}
	free(t);
	arena_free(&a);
	return status;
}

/* --- status, search, diff --- */
/* Today, or the day of SOURCE_DATE_EPOCH, as days since 1970. */
static s64 today(void)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	u64 seconds;
	return epoch && str_to_u64(str_of(epoch), &seconds) && seconds < (u64)1 << 40 ? (s64)seconds / 86400 : (s64)time(NULL) / 86400;
}

static int run_status(const struct option_value *opt, char **args, int n_args)
{
	(void)args;
	(void)n_args;
	struct arena a = { 0 };
	struct error err = { 0 };
	struct db *d = NULL;
	struct stat st = { 0 };
	const char *path;
	int r = open_database(&a, opt[O_DB].value, &d, &path, &err);
	if (r == 0) {
		(void)!stat(path, &st);
		r = report_db_status(stdout, d, path, (u64)st.st_size, today(), json(opt), &err);
	}
	int status = r < 0 ? command_fail(&err) : command_done(0);
	db_close(d);
	arena_free(&a);
	return status;
}

static int run_search(const struct option_value *opt, char **args, int n_args)
{
	(void)n_args;
	struct arena a = { 0 };
	struct error err = { 0 };
	struct db *d = NULL;
	const char *path;
	int r = open_database(&a, opt[O_DB].value, &d, &path, &err);
	r = r < 0 ? r : report_db_search(stdout, d, str_of(args[0]), json(opt), &err);
	int status = r < 0 ? command_fail(&err) : command_done(0);
	db_close(d);
	arena_free(&a);
	return status;
}

static int run_diff(const struct option_value *opt, char **args, int n_args)
{
	(void)n_args;
	struct error err = { 0 };
	struct db *before = NULL, *after = NULL;
	int r = db_open(args[0], &before, &err);
	r = r < 0 ? r : db_open(args[1], &after, &err);
	r = r < 0 ? r : report_db_diff(stdout, before, after, json(opt), &err);
	int status = r < 0 ? command_fail(&err) : command_done(0);
	db_close(before);
	db_close(after);
	return status;
}

/* --- compare --- */
static const char *answer(const struct version_scheme *s, struct str line)
{
	int order = 0;
	struct str a = str_cut(&line, '\t'), b = line;
	if (!b.p || str_chr(b, '\t') || s->compare(a, b, &order) < 0)
		return "error";
	return order < 0 ? "-1" : order > 0 ? "1" : "0";
}

/* A line in, a line out; in a pipe each answer is there before the next question. */
static int run_compare(const struct option_value *opt, char **args, int n_args)
{
	(void)opt;
	(void)n_args;
	const struct version_scheme *s = version_scheme_named(str_of(args[0]));
	struct error err = { 0 };
	if (!s) {
		struct buf names = BUF(0);
		for (const struct version_scheme *const *v = version_schemes; *v; v++)
			buf_printf(&names, " %s", (*v)->name);
		error_set(&err, ERR_USAGE, "db compare %.40s: no such scheme; there are:%s", args[0], names.p);
		buf_free(&names);
		return command_fail(&err);
	}
	struct buf line = BUF(LINE_MAX_BYTES);
	char *in = xmalloc(64 * KiB);
	ssize_t got;
	while ((got = read(STDIN_FILENO, in, 64 * KiB)) > 0) {
		struct str rest = str_n(in, (size_t)got);
		while (rest.p && rest.n) {
			struct str piece = str_cut(&rest, '\n');
			buf_add(&line, piece);
			if (!rest.p) /* goes on in the next read */
				break;
			puts(line.over ? "error" : answer(s, buf_str(&line)));
			buf_clear(&line);
			line.over = false;
		}
		fflush(stdout);
	}
	if (line.n)
		puts(line.over ? "error" : answer(s, buf_str(&line)));
	free(in);
	buf_free(&line);
	if (got < 0) {
		error_errno(&err, "standard input");
		return command_fail(&err);
	}
	return command_done(0);
}

static const struct subcommand subcommands[] = {
	{ "build", "[-o FILE] --from KIND:PATH...", "Make a database from feeds.", "output from", 0, 0, run_build },
	{ "update", "[--db FILE] [--from KIND[:URL]...]", "Fetch what is new of the feeds, or a database that is ready, and replace the database.",
	  "db from offline keep-going " PLACE_NAMES, 0, 0, db_run_update },
	{ "push", "[--db FILE] REGISTRY/REPOSITORY:TAG", "Send a database to a registry, for others to update from.", "db " PLACE_NAMES, 1, 1, db_run_push },
	{ "status", "", "What is in a database, from which feeds, and how old they are by their own dates.", "db format", 0, 0, run_status },
	{ "search", "ID|PACKAGE", "What it says of a vulnerability, an advisory or a package.", "db format", 1, 1, run_search },
	{ "diff", "OLD NEW", "The records that two databases differ in.", "format", 2, 2, run_diff },
	{ "compare", "SCHEME", "Read lines A, tab, B and answer each with -1, 0, 1 or error: which of two versions is the later one.", "", 1, 1, run_compare },
	{ NULL, NULL, NULL, NULL, 0, 0, NULL },
};

const struct command command_db = {
	.name = "db",
	.summary = "the advisory database: fetch it, build it, look into it",
	.synopsis = "SUBCOMMAND ARGUMENT...",
	.description = "What is known of vulnerabilities, in one file: which versions of which packages they are in, by each distribution's and registry's own word, with severities, "
		       "CVSS vectors, what is known to be exploited (KEV), how likely that is to happen (EPSS), and when releases reach their end of life.\n"
		       "\n"
		       "A database is built from the feeds as their publishers ship them, with no network, and the same feeds make the same bytes. A feed is a file, or a directory searched below; compressed "
		       "files (gzip, zstd, xz, bzip2), zip and tar are read as they are. A document that is damaged ends the build with its name, and no database appears.\n"
		       "\n"
		       "update fetches the feeds into the store, only what changed, continued where a connection broke off, and replaces the database in one step; when anything fails, the one that was there "
		       "stays. Or it pulls a database from a registry, where push put it: so one machine fetches for all, and none needs the Internet. Proxies are those of the environment (https_proxy, no_proxy), "
		       "authorities the system's or SSL_CERT_FILE's; registries are logged in to with what docker login or podman login left.\n"
		       "\n"
		       "It is read without being believed: a file that is damaged, cut off or of another format ends in one line and status 3.\n"
		       "\n"
		       "Schemes of compare: dpkg apk rpm semver npm pep440 gem maven go nuget composer, each as its own package manager orders versions.",
	.options = options,
	.examples = "pare db build -o advisories.db --from debian-tracker:debian.json --from kev:kev.json # from two feeds\n"
		    "pare db update # all feeds, from their publishers\n"
		    "pare db update --from debian-tracker --from kev --from osv:https://mirror.example/npm/all.zip # some of them\n"
		    "pare db push registry.example/security/advisories:latest # for other machines\n"
		    "pare db update --from oci://registry.example/security/advisories:latest # and there\n"
		    "pare db status # how old it is\n"
		    "pare db search CVE-2024-3094 # what is known of it\n"
		    "pare db search openssl --format json # of a package, for programs\n"
		    "pare db diff old.db new.db # what came since\n"
		    "pare db compare dpkg <versions # two versions a line, a tab between them\n",
	.subcommands = subcommands,
};
