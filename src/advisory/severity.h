/* severity.h — one scale for what vendors and databases call how bad something is. */
#ifndef PARE_ADVISORY_SEVERITY_H
#define PARE_ADVISORY_SEVERITY_H
#include "advisory/db.h"
#include "rule/scan.h"

/* A vendor's word, in any case: "Important", "moderate", "unimportant", "negligible", "not yet assigned". False: it says nothing. */
bool severity_of_word(struct str word, enum severity *ret);
enum severity severity_of_score(double cvss); /* FIRST's bands: 0 info, below 4 low, 7 medium, 9 high */
/* Fills severity, unrated, title, cvss, epss, kev, url, aliases of every vulnerability from what the database knows of its id: each id looked up once. The vendor's word, in
 * vendor_severity already, counts first, then the database's, then the CVSS score. */
void severity_enrich(struct scan *s, const struct db *d);
#endif
