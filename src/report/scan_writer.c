#include "report/scan.h"

extern const struct scan_writer scan_writer_table, scan_writer_json, scan_writer_sarif, scan_writer_cyclonedx, scan_writer_junit, scan_writer_gitlab, scan_writer_html, scan_writer_markdown;

const struct scan_writer *const scan_writers[] = { &scan_writer_table, &scan_writer_json, &scan_writer_sarif, &scan_writer_cyclonedx, &scan_writer_junit, &scan_writer_gitlab, &scan_writer_html,
	&scan_writer_markdown, NULL };

const struct scan_writer *scan_writer_find(const char *name)
{
	for (const struct scan_writer *const *w = scan_writers; *w; w++)
		if (strcmp((*w)->name, name) == 0)
			return *w;
	return NULL;
}
