/* vex.h — what others have found out about vulnerabilities in products: OpenVEX, CycloneDX (analysis of vulnerabilities), CSAF VEX; recognised by content.
 *
 * A statement names vulnerabilities and products (package URLs; of an image, and then perhaps parts of it) and says: not affected, fixed, affected, under investigation.
 * Of several statements on the same the last counts, of several files the last file. A product matches a package of the same type, namespace and name, and of the same version,
 * architecture and distribution where it names them. */
#ifndef PARE_ADVISORY_VEX_H
#define PARE_ADVISORY_VEX_H
#include "package/purl.h"
#include "rule/scan.h"

#define VEX_STATEMENTS (1u << 20)

enum vex_status { VEX_NOT_AFFECTED, VEX_AFFECTED, VEX_FIXED, VEX_UNDER_INVESTIGATION };

struct vex_statement {
	const char *id;            /* one record a vulnerability, name and product */
	struct purl product;       /* type "" : `name` is compared with the image's */
	struct purl part;          /* type "": all of the product */
	enum vex_status status;
	const char *why;           /* justification, impact; "" */
	const char *file;
	u32 order;
};
struct vex {
	struct arena arena;
	struct vex_statement *v;   /* vex_read() leaves them sorted by id, then order */
	u32 n, cap;
};

int vex_load(const char *file, struct vex *ret, struct error *err) must_check;
int vex_read(struct str text, const char *file, struct vex *ret, struct error *err) must_check;
/* Suppresses what is not affected or fixed, says under_investigation of what is. image: its reference; digest: "sha256:…"; "" unknown. */
void vex_apply(const struct vex *v, struct scan *s, const char *image, const char *digest);
void vex_free(struct vex *v);
#endif
