/* columns.h — a table for people whose columns are as wide as what stands in them.
 *
 *	struct columns c = { .n = 2, .right = 1u << 1 };
 *	columns_add(&c, "NAME"); columns_add(&c, "SIZE"); columns_add(&c, name); … columns_write(f, &c); columns_free(&c);
 *
 * The first row is the heading. Cells are any bytes: they are neutralised here. */
#ifndef PARE_REPORT_COLUMNS_H
#define PARE_REPORT_COLUMNS_H
#include "base/arena.h"
#include "base/common.h"

#define COLUMNS_MAX 12
struct columns {
	u32 n;            /* in a row */
	u32 right;        /* bit i: column i stands at its right edge */
	u32 most[COLUMNS_MAX]; /* columns are cut to this width; 0: not */
	const char *indent; /* NULL: none */
	struct arena arena;
	const char **cells;
	u32 filled, room;
};
void columns_add(struct columns *c, const char *cell); /* NULL: "" */
void columns_addf(struct columns *c, const char *fmt, ...) printf_like(2, 3);
void columns_write(FILE *f, struct columns *c);
void columns_free(struct columns *c);

/* "5 minutes ago", "3 weeks ago", as docker says it; "" when `then` is not known. */
const char *columns_ago(s64 then, s64 now, char out[40]);
#define COLUMNS_AGO(then, now) columns_ago((then), (now), (char[40]){ 0 })
#endif
