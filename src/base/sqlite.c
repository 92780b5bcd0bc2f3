#include "base/sqlite.h"
#include "base/library.h"
#include <pthread.h>

static struct sqlite lib;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void)
{
	static const char *const sonames[] = { "libsqlite3.so.0", NULL };
	static const struct library_function functions[] = {
		{ "sqlite3_bind_int64", &lib.bind_int64 },
		{ "sqlite3_bind_text", &lib.bind_text },
		{ "sqlite3_bind_null", &lib.bind_null },
		{ "sqlite3_bind_blob", &lib.bind_blob },
		{ "sqlite3_bind_value", &lib.bind_value },
		{ "sqlite3_column_value", &lib.column_value },
		{ "sqlite3_free", &lib.free },
		{ "sqlite3_reset", &lib.reset },
		{ "sqlite3_serialize", &lib.serialize },
		{ "sqlite3_close", &lib.close },
		{ "sqlite3_column_blob", &lib.column_blob },
		{ "sqlite3_column_bytes", &lib.column_bytes },
		{ "sqlite3_column_int64", &lib.column_int64 },
		{ "sqlite3_column_text", &lib.column_text },
		{ "sqlite3_changes", &lib.changes },
		{ "sqlite3_db_config", &lib.db_config },
		{ "sqlite3_busy_timeout", &lib.busy_timeout },
		{ "sqlite3_deserialize", &lib.deserialize },
		{ "sqlite3_errmsg", &lib.errmsg },
		{ "sqlite3_exec", &lib.exec },
		{ "sqlite3_extended_errcode", &lib.extended_errcode },
		{ "sqlite3_file_control", &lib.file_control },
		{ "sqlite3_finalize", &lib.finalize },
		{ "sqlite3_get_autocommit", &lib.get_autocommit },
		{ "sqlite3_limit", &lib.limit },
		{ "sqlite3_open_v2", &lib.open_v2 },
		{ "sqlite3_prepare_v2", &lib.prepare_v2 },
		{ "sqlite3_progress_handler", &lib.progress_handler },
		{ "sqlite3_set_authorizer", &lib.set_authorizer },
		{ "sqlite3_step", &lib.step },
		{ "sqlite3_system_errno", &lib.system_errno },
	};
	library_load(sonames, "libsqlite3-0", functions, countof(functions));
}

const struct sqlite *sqlite(void)
{
	pthread_once(&once, load);
	return &lib;
}
