/* images.h — the images of our store, and the room that it takes, for people and programs. */
#ifndef PARE_REPORT_IMAGES_H
#define PARE_REPORT_IMAGES_H
#include "store/about.h"
#include "store/room.h"

struct images_row {
	struct store_ref ref;
	struct store_about about;
	struct store_usage usage;
	const char *repository, *tag; /* as people write them; "<none>" */
};
/* `whole`: digests are not cut. */
void images_table(FILE *f, const struct images_row *v, u32 n, bool whole, s64 now);
void images_json(FILE *f, const struct images_row *v, u32 n);

struct du_image {
	const char *name;
	u64 bytes, unique; /* unique: of blobs that nothing else stands on */
	s64 used;
};
struct du {
	const char *dir;
	const struct store_room *rooms;
	const struct du_image *images; /* the largest unique first */
	u32 n_rooms, n_images;
	u64 shared;  /* of the blobs of all images: that more than one stands on, each once */
	u64 unneeded; /* what a prune without options would free */
};
void du_table(FILE *f, const struct du *d, bool all, s64 now);
void du_json(FILE *f, const struct du *d);
#endif
