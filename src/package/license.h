/* license.h — names of licences, as each ecosystem spells them, as SPDX expressions (SPDX 2.3, annex D).
 *
 *      "GPLv2+ and (MIT or BSD)"    rpm           GPL-2.0-or-later AND (MIT OR BSD)
 *      "GPL-2+ with GCC exception"  dpkg          GPL-2.0-or-later WITH GCC-exception-3.1
 *      "Apache License, Version 2.0" maven        Apache-2.0
 *
 * Only what is sure is changed: "BSD" does not say which one, so it stays, and the whole is no valid expression then (license_valid). */
#ifndef PARE_PACKAGE_LICENSE_H
#define PARE_PACKAGE_LICENSE_H
#include "base/buf.h"
#include "base/common.h"
#include "base/str.h"

#define LICENSE_MAX ((size_t)(4 * KiB)) /* a longer one stays as it is */
/* Appends the expression. Several names in a row without an operator are all meant when each is known ("MIT BSD-3-Clause"), one name otherwise. */
void license_expression(struct buf *out, struct str raw);
/* Whether it is an expression of listed identifiers (or LicenseRef-…): one that may be written where SPDX is asked for. */
bool license_valid(struct str expression);
/* One after the other the parts that all count, cut at AND outside of parentheses; false at the end. */
bool license_next(struct str *rest, struct str *one) must_check;
/* Whether it lets choose (an OR outside of parentheses): then it needs parentheses beside an AND. */
bool license_is_choice(struct str expression);
#endif
