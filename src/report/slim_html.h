/* slim_html.h — a slimming as one page: the map of the image before and after, what went by package and why, what stayed, and what was compared. The page is html.h's, with its bounds and its policy. */
#ifndef PARE_REPORT_SLIM_HTML_H
#define PARE_REPORT_SLIM_HTML_H
#include "slim/slim.h"

#define SLIM_HTML_ROWS 300u /* of each table; what is left out is summed up */

/* t: what was compared by running; NULL: nothing was. written NULL: a dry run. 0, or -1 with *err (ERR_ENV) when f could not be written. */
int report_slim_html(FILE *f, const struct slim *s, const struct trial *t, const char *written, struct error *err) must_check;
#endif
