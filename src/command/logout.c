/* pare logout: forgets what a login kept. */
#include "base/buf.h"
#include "base/text.h"
#include "command/command.h"
#include "transport/auth.h"

enum { O_ALL, O_END };
static const struct option options[] = {
	[O_ALL] = { "all", 'a', OPT_FLAG, NULL, "Those of all registries.", NULL },
	[O_END] = { NULL, 0, OPT_FLAG, NULL, NULL, NULL },
};

static int run(const struct option_value *opt, char **args, int n_args)
{
	struct arena a = { 0 };
	struct error err = { 0 };
	bool all = opt[O_ALL].count > 0;
	const char *host = n_args ? args[0] : "docker.io";
	struct buf name = BUF(0);
	u32 n = 0;
	int e = all && n_args ? error_set(&err, ERR_USAGE, "logout: either a registry, or --all") : auth_forget(&a, all ? NULL : host, &n, &err);
	if (e == 0 && !globals.quiet && all)
		printf("%u login%s forgotten\n", n, n == 1 ? "" : "s");
	text_safe(&name, str_of(host));
	if (e == 0 && !globals.quiet && !all)
		printf("%s: %s\n", buf_str(&name).p, n ? "forgotten" : "no login was kept for it");
	int status = e < 0 ? command_fail(&err) : command_done(0);
	buf_free(&name);
	arena_free(&a);
	return status;
}

const struct command command_logout = {
	.name = "logout",
	.summary = "forget who to be at a registry",
	.synopsis = "[OPTIONS] [REGISTRY|--all]",
	.description = "Takes what is kept for the registry out of every file that is looked into (pare login names them), and has the credential helper forget it where one is configured. Without REGISTRY it is "
		       "Docker Hub. docker and podman are logged out with it: the files are theirs, too.",
	.options = options,
	.examples = "pare logout quay.io # of one\n"
		    "pare logout --all # of all\n",
	.min_args = 0,
	.max_args = 1,
	.run = run,
};
