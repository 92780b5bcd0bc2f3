/* database_parts.h — between the files that write databases anew: database.c (dpkg, apk, and all of it together), database_lang.c (languages, pacman), database_rpm.c, database_chisel.c. */
#ifndef PARE_SLIM_DATABASE_PARTS_H
#define PARE_SLIM_DATABASE_PARTS_H
#include "slim/database.h"

#define DATABASE_MAX (64 * MiB)

struct databases {
	struct choice *c;
	const struct rootfs *r;
	const struct packages *p;
	struct additions *x;
	struct buf path;
};

static inline struct str dbs_name(const struct databases *w, node_id id) { return str_n(rootfs_node(w->r, id)->name, rootfs_node(w->r, id)->length); }
static inline bool dbs_stays(const struct databases *w, node_id id) { return !w->c->litter->kind[id]; }
int dbs_read(struct databases *w, node_id id, struct buf *out, struct error *err) must_check;
void dbs_goes(struct databases *w, node_id id);  /* 0: nothing */
void dbs_keeps(struct databases *w, node_id id); /* and the directories above it */
/* A program that stays reads it at its place: it must not go. */
bool dbs_asked(const struct databases *w, node_id id);
/* With choice.keep_databases: true, and it stays, when it is asked for. `of` names its kind. */
bool dbs_whole(struct databases *w, node_id id, const char *of);
/* The file has this content from now on: at its place, of its owner, mode and time. */
void dbs_replace(struct databases *w, node_id id, struct str content);

int dbs_languages(struct databases *w, struct error *err) must_check;
void dbs_rpm(struct databases *w);
int dbs_chisel(struct databases *w, struct error *err) must_check;
#endif
