/* feeds.h — the publishers' feeds, fetched into STORE/feeds and made into a database; and what a database was made of, so that nothing is made twice.
 *
 * A place is where one feed is had (place.h), or a mirror that the user names. Its files are below STORE/feeds/KIND/PLACE:
 *
 *	HOST/…       the files as they were served (compressed on their way: as they came)
 *	notes/…      what was served with each: ETag, Last-Modified, length, SHA-256
 *	parts/…      what came so far of one that broke off
 *	list         the names of all that belong to it now; what is no longer there is removed
 *
 * STORE/feeds is locked meanwhile. STORE/feeds/built.json says what the last database was made of. */
#ifndef PARE_UPDATE_FEEDS_H
#define PARE_UPDATE_FEEDS_H
#include "advisory/feed.h"
#include "base/arena.h"
#include "transport/fetch.h"

#define UPDATE_FILES 20000u /* of one place */

struct update_options {
	const char *store;
	bool offline; /* what was fetched before, without asking anybody */
	bool keep_going; /* what fails is taken as it was fetched before, or left out: update_place.failed */
	struct fetch_options fetch;
};

struct update_place { /* one --from, or one of the default set */
	const struct feed *feed;
	const char *url;      /* a mirror; NULL: the publisher's */
	struct digest digest; /* of its only file, when the user says so */
	/* what came of it */
	const char *dir, *files; /* its directory; what to import: a directory or a file */
	const char *failed;   /* what went wrong, with keep_going; NULL: nothing */
	bool left_out;        /* there is nothing of it: update_build() passes it over */
	u32 n_files, n_fresh;
	u64 bytes;
	u64 records, others;
	char newest[16];
	struct digest state;  /* of all its files */
};

/* WORD: KIND, or KIND:URL with "#sha256:HEX" behind it or not. ERR_USAGE. */
int update_place_read(struct arena *a, const char *word, struct update_place *ret, struct error *err) must_check;

int update_lock(struct arena *a, const char *store, int *ret_fd, struct error *err) must_check; /* ERR_ENV when another one is at it */
int update_fetch(struct arena *a, struct update_place *places, u32 n, const struct update_options *opt, struct error *err) must_check;
int update_build(struct update_place *places, u32 n, const char *db, struct error *err) must_check;

/* What the database at `db` was made of last, `of` being any text without control characters: whether it is the same and the file is still that one. */
bool update_is_built(struct arena *a, const char *store, const char *db, const char *of);
int update_set_built(struct arena *a, const char *store, const char *db, const char *of, struct error *err) must_check;
const char *update_state(struct arena *a, const struct update_place *places, u32 n); /* for both */
#endif
