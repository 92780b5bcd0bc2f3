/* risk.h — what is risky about an image, as far as its configuration and its tree tell: who it runs as, what raises privileges, who may
 * write where, what looks like a secret. One function a question; risk_find() asks them all. Values of variables are never shown. */
#ifndef PARE_CHECK_RISK_H
#define PARE_CHECK_RISK_H
#include "layer/image.h"
#include "rootfs/rootfs.h"
#include "rule/finding.h"

void risk_find(const struct image *img, const struct rootfs *r, struct findings *ret);
#endif
