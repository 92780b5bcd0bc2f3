/* scan.h — what commands that scan share. */
#ifndef PARE_COMMAND_SCAN_H
#define PARE_COMMAND_SCAN_H
#include "advisory/db.h"

/* The database that was named, else the store's; *ret NULL: there is none, which is no error. */
int scan_database(const char *named, struct db **ret, struct error *err) must_check;
/* "2026-01-31": SOURCE_DATE_EPOCH, else the clock. */
int scan_today(char out[16], struct error *err) must_check;
#endif
