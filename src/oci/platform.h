/* platform.h — os/architecture[/variant] (OCI image-index.md "platform"), with the names containerd normalises. */
#ifndef PARE_OCI_PLATFORM_H
#define PARE_OCI_PLATFORM_H
#include "base/common.h"
#include "base/error.h"
#include "base/str.h"

struct platform {
	char os[32], arch[32], variant[32]; /* "" where not known */
};

/* "linux/arm64/v8", "linux/amd64", "arm64" (os: linux), "linux/aarch64" (= arm64), "linux/x86_64" (= amd64). */
struct buf;
int platform_parse(struct str text, struct platform *ret, struct error *err) must_check;
struct platform platform_host(void);
/* aarch64 -> arm64, x86_64 -> amd64, armhf -> arm/v7, arm64/v8 -> arm64 with no variant … in place. */
void platform_normalise(struct platform *p);
const char *platform_text(const struct platform *p, char out[100]); /* "linux/arm64/v8"; "" when os and arch are both "" */
void platform_list(const struct platform *p, struct buf *list); /* adds it to "linux/amd64, linux/arm", unless it is there */
/* How well `have` serves `want`: 0 not at all, more is better (exact variant before a lower ARM variant before none). */
int platform_match(const struct platform *want, const struct platform *have);
#endif
