#include "base/archive.h"
#include "base/library.h"
#include <pthread.h>

static struct libarchive loaded;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void)
{
	static const char *const sonames[] = { "libarchive.so.13", NULL };
	static const struct library_function functions[] = {
		{ "archive_read_new", &loaded.read_new },
		{ "archive_read_free", &loaded.read_free },
		{ "archive_read_support_format_zip", &loaded.support_zip },
		{ "archive_read_support_format_zip_seekable", &loaded.support_zip_seekable },
		{ "archive_read_support_format_tar", &loaded.support_tar },
		{ "archive_read_open_memory", &loaded.open_memory },
		{ "archive_read_open_fd", &loaded.open_fd },
		{ "archive_read_open", &loaded.open },
		{ "archive_read_next_header", &loaded.next_header },
		{ "archive_read_data_block", &loaded.data_block },
		{ "archive_error_string", &loaded.error_string },
		{ "archive_set_error", &loaded.set_error },
		{ "archive_entry_pathname", &loaded.pathname },
		{ "archive_entry_pathname_utf8", &loaded.pathname_utf8 },
		{ "archive_entry_filetype", &loaded.filetype },
		{ "archive_entry_size", &loaded.size },
		{ "archive_entry_size_is_set", &loaded.size_is_set },
	};
	library_load(sonames, "libarchive13", functions, countof(functions));
}

const struct libarchive *libarchive(void)
{
	pthread_once(&once, load);
	return &loaded;
}
