/* collect.h — what takes facts from the content of files while a layer passes by.
 *
 * A collector names the paths it wants, gets the content whole (inside its limit) and leaves a note in the layer's facts: any bytes that it
 * can read back later, when the image's tree is known and the file turns out to be visible. It sees one layer only and no order. */
#ifndef PARE_LAYER_COLLECT_H
#define PARE_LAYER_COLLECT_H
#include "base/buf.h"
#include "base/common.h"
#include "base/error.h"
#include "base/str.h"

enum collector_id { /* stored in notes: never renumbered */
	COLLECT_DPKG = 1,
	COLLECT_APK = 2,
	COLLECT_RPM = 3,
	COLLECT_OSRELEASE = 4,
};

struct collector {
	enum collector_id id;
	u32 version;   /* raise when notes change: kept facts are then read again */
	const char *name;
	u64 limit;     /* bytes of content; a larger file is a problem ("over a budget"), not a quiet nothing */
	/* Whether the file at this clean path ("var/lib/dpkg/status") is wanted. Cheap: asked for every regular file. */
	bool (*wants)(struct str dir, struct str name);
	/* Makes the note from the content. NULL: the note is the content. -1: the file is damaged (a problem of the layer). */
	int (*take)(struct str dir, struct str name, struct str content, struct buf *note, struct error *err);
};
#endif
