/* conf.h — configuration that names paths, and what programs read by convention.
 *
 *      /usr/sbin/nginx ─► row of programs[] (conf_table.c) ─► /etc/nginx/nginx.conf ─► its note (source_conf.c) ─► include conf.d/?.conf, root /srv/www, ssl_certificate …
 *      /usr/bin/xyzd   ─► no row: /etc/xyzd, /etc/xyzd.conf, /usr/share/xyzd, /usr/lib/xyzd, /var/lib/xyzd … where they are
 *
 * A text that is reached reaches the files that it names; a directory that it names with all that is in it, unless that is one of the system's; where a file will be made, the directory. Names that are
 * not absolute are looked for beside the text and one above. A pattern stands for what it matches. Commands in it are started. */
#ifndef PARE_PROGRAM_CONF_H
#define PARE_PROGRAM_CONF_H
#include "program/graph.h"
#include "program/source.h"

extern const struct graph_kind graph_conf;
extern const struct source_language source_conf;

/* A path that stands in a text or a program (`because`), or a pattern, as described above; relative ones to `dir` (0: nothing happens). Whether anything is there. */
bool conf_path(struct graph *g, node_id dir, struct str path, node_id because);
/* What a pattern of paths leads to, each once, sorted: "/etc/xyz.d/a*.conf"; `dir` for relative ones. Not in the arena: free(*ret). At most CONF_MATCHES. */
u32 conf_match(struct graph *g, node_id dir, struct str pattern, node_id **ret);
#define CONF_MATCHES 16384u
/* Whether a directory is the system's: /usr/lib, /var/log, /etc … Nobody means all that is in it. */
bool conf_is_system(const struct graph *g, node_id dir);
/* A command line of a note: words with US between, else for a shell. Nothing happens when its program is not there. */
void conf_command(struct graph *g, struct str line, node_id because);

/* What a program reads without being told, by its name (conf_table.c): patterns with blanks between; relative ones to the directory that it lies in.
 *      x/ all of a directory   -x done without (graph_spare)   ~x asks for a family   !x another program   @ what the directory above its own is called   ^x documentation and headers: as '-' */
struct conf_program {
	const char *names; /* patterns of names, blanks between */
	const char *reads;
};
extern const struct conf_program conf_programs[]; /* ends with names NULL */
extern const char *const conf_spares[]; /* absolute patterns of what its program does without, known before anything is reached; ends with NULL */
#endif
