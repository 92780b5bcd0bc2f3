/* compose.h — how a service of a compose file starts an image: `--compose FILE[:SERVICE]`.
 *
 * Read are command, entrypoint, environment, env_file, user, working_dir, read_only, tmpfs, healthcheck, ports and expose of one service: the one named, else the only one of `image`, else the only
 * one. `$NAME`, `${NAME}`, `${NAME:-default}`, `${NAME-default}`, `${NAME:?}` are replaced from our environment, `$$` is a dollar; `<<` merges mappings. What a bare container has not (volumes, other
 * services that it depends on) is a note. Everything else is passed over.
 *
 * Ceilings: COMPOSE_BYTES of a file, COMPOSE_WORDS words of a list. */
#ifndef PARE_RUN_COMPOSE_H
#define PARE_RUN_COMPOSE_H
#include "base/arena.h"
#include "run/box.h"

#define COMPOSE_BYTES ((size_t)(1 * MiB))
#define COMPOSE_WORDS 4096u

struct compose {
	const char *service;
	struct run_spec spec;        /* argv (NULL: the image's), env, user, cwd, read_only, tmpfs */
	const char *const *health;   /* {"CMD", …}, {"CMD-SHELL", LINE}, {"NONE"}; NULL: not said */
	u16 *ports;                  /* inside; NULL: none */
	u32 n_ports;
};
/* `arg`: FILE[:SERVICE]. `image`: as the user named it; may be NULL. Everything lives in the arena. ERR_USAGE with the line of what is wrong. */
int compose_read(struct arena *a, const char *arg, const char *image, const struct config *config, struct compose *ret, struct problems *notes, struct error *err) must_check;
/* The text of a file; `name` is for messages, env_file is looked for beside it. `service` NULL: as above. */
int compose_parse(struct arena *a, struct str text, const char *name, const char *service, const char *image, const struct config *config, struct compose *ret, struct problems *notes, struct error *err) must_check;
#endif
