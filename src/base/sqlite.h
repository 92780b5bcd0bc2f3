/* sqlite.h — SQLite, loaded with the first database that is to be opened: a package database of an image, or the store's. */
#ifndef PARE_BASE_SQLITE_H
#define PARE_BASE_SQLITE_H
#include "base/common.h"
#include <sqlite3.h>

struct sqlite {
	__typeof__(sqlite3_bind_int64) *bind_int64;
	__typeof__(sqlite3_bind_text) *bind_text;
	__typeof__(sqlite3_bind_null) *bind_null;
	__typeof__(sqlite3_bind_blob) *bind_blob;
	__typeof__(sqlite3_bind_value) *bind_value;
	__typeof__(sqlite3_column_value) *column_value;
	__typeof__(sqlite3_free) *free;
	__typeof__(sqlite3_reset) *reset;
	__typeof__(sqlite3_serialize) *serialize;
	__typeof__(sqlite3_close) *close;
	__typeof__(sqlite3_column_blob) *column_blob;
	__typeof__(sqlite3_column_bytes) *column_bytes;
	__typeof__(sqlite3_column_int64) *column_int64;
	__typeof__(sqlite3_column_text) *column_text;
	__typeof__(sqlite3_changes) *changes;
	__typeof__(sqlite3_db_config) *db_config;
	__typeof__(sqlite3_busy_timeout) *busy_timeout;
	__typeof__(sqlite3_deserialize) *deserialize;
	__typeof__(sqlite3_errmsg) *errmsg;
	__typeof__(sqlite3_exec) *exec;
	__typeof__(sqlite3_extended_errcode) *extended_errcode;
	__typeof__(sqlite3_file_control) *file_control;
	__typeof__(sqlite3_finalize) *finalize;
	__typeof__(sqlite3_get_autocommit) *get_autocommit;
	__typeof__(sqlite3_limit) *limit;
	__typeof__(sqlite3_open_v2) *open_v2;
	__typeof__(sqlite3_prepare_v2) *prepare_v2;
	__typeof__(sqlite3_progress_handler) *progress_handler;
	__typeof__(sqlite3_set_authorizer) *set_authorizer;
	__typeof__(sqlite3_step) *step;
	__typeof__(sqlite3_system_errno) *system_errno;
};
/* Ends the program with a line on standard error (status 4) where the library is missing: a package of the system is not installed. */
const struct sqlite *sqlite(void) __attribute__((returns_nonnull));
#endif
