/* layout.h — what is the same for all that write OCI image layouts (OCI image specification, image-layout.md): the list of images, and what they are called there. */
#ifndef PARE_TRANSPORT_LAYOUT_H
#define PARE_TRANSPORT_LAYOUT_H
#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

#define LAYOUT_TEXT "{\"imageLayoutVersion\":\"1.0.0\"}"
#define LAYOUT_REF_NAME "org.opencontainers.image.ref.name"
#define LAYOUT_IMAGE_NAME "io.containerd.image.name"
#define LAYOUT_STAGE ".pare-" /* stages (file.h) in a layout */
#define LAYOUT_LOCK_SECONDS 60 /* that another writer of index.json is waited for */

/* Annotations for an entry of index.json: the tag as it stands, else the one of `reference` (each may be NULL); containerd's name beside it where there is a whole one. */
json_t *layout_names(struct arena *a, const char *tag, const char *reference);
/* The directory for writing: made when absent (*made), else a layout or empty. ERR_USAGE: something else is there. What processes left in it that were killed goes: parts and stages that nobody has locked.
 * *slot: one that was made goes with a signal, as layout_begun, until file_forget(). */
int layout_make(const char *dir, bool *made, int *slot, struct error *err) must_check;
extern const struct unmake layout_begun; /* a layout that was made and has no index.json yet */
/* Whether one could be written behind "oci:" (or "oci-archive:"), as far as can be told without writing. */
int layout_could(const char *detail, bool archive, struct error *err) must_check;
/* One small file of a layout, whole or not at all. */
int layout_file(const char *path, struct str text, struct error *err) must_check;
/* "DIR/blobs/sha256", made. */
int layout_blob_dir(const char *dir, const char *path, struct error *err) must_check;
void layout_sync(const char *dir);
/* DIR/blobs (made), locked beside all others that write there, as long as the descriptor is open: nobody removes what somebody else may be about to rely on. -1: it cannot be. */
int layout_share(const char *dir);
bool layout_alone(int fd); /* whether nobody else does now, nor can until it is closed */
/* Changes DIR/index.json while no other writer does: f is given its document (an empty index when there is none) and returns 0 to have it written, 1 to leave it, -1. */
int layout_change(const char *dir, int (*f)(void *ctx, json_t *index, struct error *err), void *ctx, struct error *err) must_check;
/* `entry` in place of what it replaces: entries of the same tag, or, when it has none, of the same digest without one. */
int layout_put_entry(void *entry, json_t *index, struct error *err) must_check;
#endif
