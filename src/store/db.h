/* db.h — what the files of the store share: its handle, questions to its database, files on their way in. For store/ alone. */
#ifndef PARE_STORE_DB_H
#define PARE_STORE_DB_H
#include "base/hashtab.h"
#include "base/sqlite.h"
#include "store/store.h"
#include <pthread.h>

#define STORE_DOCUMENT_MAX ((size_t)(32 * MiB)) /* read whole: manifests, indexes, configurations */
#define STORE_BUSY 60000 /* milliseconds that a change waits for those of others */

struct store {
	sqlite3 *db;           /* NULL: there is none */
	pthread_mutex_t lock;  /* recursive; around everything that asks the database */
	char *dir, *images;    /* STORE, STORE/images */
	char *owner;           /* name of our lease file; NULL: none made yet */
	int lease_fd, lease_slot;
	bool write;
	bool damaged;          /* SQLite says so of the database */
	bool uncertain;        /* a write of its log failed: a change that was given up may come back with it */
	struct hashtab leased; /* what we hold already, so that nothing is asked twice */
	struct digest *held;
	u32 n_held, cap_held;
};

/* Taken for the rest of the block. */
void store_unlock(struct store **s);
struct store *store_locked(struct store *s);
#define LOCKED(s) cleanup(store_unlock) __attribute__((unused)) struct store *guard_ = store_locked(s)

/* --- questions: `kinds` has a letter a value: t const char *, i s64, d const struct digest *, s const struct str *, n nothing (its argument is passed over) --- */
int db_run(struct store *s, struct error *err, const char *sql, const char *kinds, ...) must_check;
sqlite3_stmt *db_ask(struct store *s, struct error *err, const char *sql, const char *kinds, ...) must_check; /* NULL and *err; to be ended by db_end() */
int db_row(struct store *s, sqlite3_stmt *q, struct error *err) must_check; /* 1: a row, 0: no more */
void db_end(sqlite3_stmt *q);
void db_end_p(sqlite3_stmt **q);
#define autoquery cleanup(db_end_p)
int db_number(struct store *s, s64 *ret, struct error *err, const char *sql, const char *kinds, ...) must_check; /* 1: no row */
const char *db_text(sqlite3_stmt *q, int column); /* "" for NULL; until the next row */
int db_digest(sqlite3_stmt *q, int column, struct digest *ret, struct error *err) must_check;
int db_fail(struct store *s, struct error *err);
bool db_sound(struct store *s); /* SQLite finds no damage in it */

/* A change: one at a time over all processes. db_commit() takes what came of it (r < 0: undone) and returns it. db_soon: what need not outlive a crash of the machine. */
int db_begin(struct store *s, struct error *err) must_check;
int db_commit(struct store *s, int r, struct error *err) must_check;
bool db_still(const struct store *s); /* nothing can be written here: it is looked at without a change, and all leases count */
/* What the log holds goes to the database, and it begins anew in the room it has: before something is removed, for that has to work on a full disk. */
void db_make_room(struct store *s);
int db_soon(struct store *s, bool on, struct error *err) must_check;

/* --- files --- */
char *store_path(const struct store *s, const struct digest *d, struct buf *out); /* images/blobs/ALG/HEX, into out */
int store_sync_dir(const char *path, struct error *err) must_check;
/* Opens and locks a file that nobody else has locked, so that it is still the one of that name. -1: errno; EWOULDBLOCK: somebody has it. */
int store_lock_file(const char *path, int flags);

struct ingest {
	int fd; /* -1: none */
	char *path;
	u64 have;
	bool own; /* a name of its own: nobody will ever resume it */
	bool soon; /* it need not be on the disk before a document names it */
	int slot; /* then a signal takes it away */
};
int ingest_begin(struct store *s, const struct digest *d, struct ingest *in, struct error *err) must_check;
void ingest_drop(struct ingest *in, bool keep);
/* `bytes` (taken) from `from` on, of in->have; then it is a file of the right digest and size, synced. On failure *in is dropped. */
int ingest_fill(struct ingest *in, const struct digest *d, u64 size, u64 from, struct stream *bytes, u64 *ret_size, struct error *err) must_check;

enum named { NAMED, NAMED_MAYBE, NAMED_REFERRER }; /* has to be there; need not be; the child has the parent as its subject */
struct name {
	struct digest digest;
	enum named kind;
};
struct names {
	struct name *v; /* owned */
	u32 n, cap;
	struct digest subject; /* none: it has none */
	char type[128];
};
/* What a document names. */
int names_read(struct str bytes, const char *type, struct names *ret, struct error *err) must_check;
/* They are on the disk, those that are there. */
int store_settle(struct store *s, const struct digest *v, u32 n, struct error *err) must_check;
/* In a change: what d names is this. */
int names_record(struct store *s, const struct digest *d, const struct names *names, struct error *err) must_check;
/* Takes the file in under its digest, in one change. names NULL: no document. */
int ingest_admit(struct store *s, struct ingest *in, const struct digest *d, u64 size, const struct names *names, struct error *err) must_check;

int lease_many(struct store *s, const struct digest *v, u32 n, struct error *err) must_check;
/* In a change: forgets the leases of processes that died. *gone: paths of their lease files, a line each, to be removed after the commit. */
int lease_reap(struct store *s, struct buf *gone, u32 *reaped, struct error *err) must_check;
void lease_give_up(struct store *s);

/* In a change of references: index.json of what they are now, beside its place. After the commit index_publish() puts it there. */
int index_write(struct store *s, struct ingest *staged, struct error *err) must_check;
void index_publish(struct store *s, struct ingest *staged);
int index_heal(struct store *s, bool anyway, struct error *err) must_check;

int ref_put(struct store *s, const char *name, const struct digest *d, struct error *err) must_check; /* in a change: as store_set_ref(), of a whole name or "" */
/* In a change: a document that lacks something is none, and so is what stands on it. References to what is none are dropped. Their files become strays, for the next sweep. */
int drop_incomplete(struct store *s, u32 *dropped, struct error *err) must_check;
/* In the change that made the tables: what is in the layout already, by its files and index.json. Says what came back. */
int index_rebuild(struct store *s, struct error *err) must_check;

/* The files of blobs/, by name; `d` has no algorithm where the name is no digest. */
int store_each_blob_file(struct store *s, int (*f)(void *ctx, const char *path, const struct digest *d, struct error *err), void *ctx, struct error *err) must_check;

/* Everything that references, records of builds and leases stand on; ends with its name, "live(d)". */
#define WITH_LIVE "WITH RECURSIVE live(d) AS (SELECT digest FROM refs UNION SELECT digest FROM leases UNION SELECT digest FROM built WHERE digest IS NOT NULL UNION SELECT child FROM names JOIN live ON parent = d) "
#endif
