/* advice.h — what to do about an image's bytes: findings with the measured saving, the layer, and the edit that removes it. */
#ifndef PARE_REPORT_ADVICE_H
#define PARE_REPORT_ADVICE_H
#include "report/bytes.h"
#include "rule/finding.h"

struct advice {
	struct findings findings; /* most bytes first */
	u64 slim;                 /* what `pare slim` takes out without being asked: hidden bytes and litter */
	u64 all;                  /* of all findings; nothing is counted twice */
};

void advice_find(const struct image *img, const struct rootfs *r, const struct bytes *b, struct advice *ret);
void advice_free(struct advice *a);
#endif
