#include "command/command.h"
#include "command/place.h"
#include "command/scan.h"
#include "report/report.h"
#include "transport/repo.h"
#include <sys/ioctl.h>
#include <unistd.h>

enum { O_FORMAT, O_DB, O_PLATFORM, O_NO_CACHE, O_PLACE };

static const struct option options[] = {
	[O_FORMAT] = { "format", 'f', OPT_VALUE, "FORMAT", "table (one screen, the default) or json.", "table json" },
	[O_DB] = { "db", 0, OPT_VALUE, "FILE", "The advisory database. Default: that of the store; without one vulnerabilities are not looked for.", NULL },
	[O_PLATFORM] = { "platform", 0, OPT_VALUE, "OS/ARCH[/VARIANT]", "Choose from an image for several platforms. Default: this machine's.", NULL },
	[O_NO_CACHE] = { "no-cache", 0, OPT_FLAG, NULL, "Read every layer, and keep nothing in the store.", NULL },
	PLACE_OPTIONS(O_PLACE),
	{ NULL, 0, OPT_FLAG, NULL, NULL, NULL },
};

static u32 terminal_width(void)
{
	struct winsize w;
	return isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col >= 60 ? w.ws_col : 120;
}

static int run(const struct option_value *opt, char **args, int n_args)
{
	(void)n_args;
	struct error err = { 0 };
	struct subject s;
	struct load_options load = { .platform = opt[O_PLATFORM].value, .no_cache = opt[O_NO_CACHE].count > 0, .store = globals.store };
	struct report report = { 0 };
	struct db *db = NULL;
	char today[16];
	struct repo_options registry;
	if (place_load(opt + O_PLACE, &registry, &load, &err) < 0 || scan_today(today, &err) < 0 || scan_database(opt[O_DB].value, &db, &err) < 0)
		return command_fail(&err);
	if (subject_open(args[0], &load, SUBJECT_RISKS | SUBJECT_CLAIMS, &s, &err) < 0) {
		db_close(db);
		return command_fail(&err);
	}
	const struct examine_options examine = { .kinds = EXAMINE_SECRETS | EXAMINE_CONFIG | (db ? EXAMINE_VULNERABILITIES : 0), .db = db, .match = { .today = today } };
	int status = report_make(&s, &examine, &report, &err) < 0 ? command_fail(&err) : 0;
	if (!status) {
		if (option_is(&opt[O_FORMAT], "json"))
			write_report_json(stdout, &report);
		else
			write_report(stdout, &report, globals.color, terminal_width());
		status = command_done(command_problems(&report.scan.problems));
	}
	report_free(&report);
	subject_close(&s);
	db_close(db);
	return status;
}

const struct command command_report = {
	.name = "report",
	.summary = "one screen: where the bytes are, what is risky, what to do about it",
	.synopsis = "[OPTIONS] IMAGE",
	.description = "Reads the image once and says where its bytes are (base, packages, caches, documentation, build tools, logs, bytes that ship although nothing shows them, the application's own "
		       "files), what is risky, and what to do about it: the largest effect first, each with the layer and the instruction that caused it and the edit that removes it.\n\n"
		       "Risks are what pare scan finds: vulnerabilities (when there is a database: pare db), secrets in every layer, how the image is set up; those of one package or check in one line. "
		       "What to do is one order of bytes and risks: half of the image counts as much as a critical vulnerability that is exploited.\n\n"
		       "`pare IMAGE` is the same. What was read is kept in the store by diff ID: the second report of an image reads no layer.",
	.options = options,
	.examples = "pare app.tar # an archive of docker save, or an OCI layout\n"
		    "pare docker-daemon:app:latest # from the engine\n"
		    "docker save app | pare - # from standard input",
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
