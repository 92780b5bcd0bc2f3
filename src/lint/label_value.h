/* label_value.h — what a label schema asks of a value. */
#ifndef PARE_LINT_LABEL_VALUE_H
#define PARE_LINT_LABEL_VALUE_H
#include "base/str.h"

bool label_is_url(struct str s);      /* RFC 3986: an absolute URI, with an optional fragment */
bool label_is_time(struct str s);     /* RFC 3339: 2026-01-31T12:00:00Z; the zone may lack its colon */
bool label_is_email(struct str s);    /* RFC 5322, addr-spec without comments */
bool label_is_version(struct str s);  /* Semantic Versioning 2.0.0 */
bool label_is_hash(struct str s, bool any); /* of git, 40 or 7 digits; any: from 7 to 40, or 64 */
bool label_is_license(struct str s);  /* an identifier of SPDX's list, deprecated ones included */
bool label_is_license_expression(struct str s); /* SPDX 2.3 annex D: identifiers, +, WITH, AND, OR, parentheses, LicenseRef- */
#endif
