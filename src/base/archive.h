/* archive.h — libarchive, loaded when the first zip is opened and not before: it brings a dozen libraries with it. */
#ifndef PARE_BASE_ARCHIVE_H
#define PARE_BASE_ARCHIVE_H
#include "base/common.h"
#include <archive.h>
#include <archive_entry.h>

struct libarchive {
	__typeof__(archive_read_new) *read_new;
	__typeof__(archive_read_free) *read_free;
	__typeof__(archive_read_support_format_zip) *support_zip;
	__typeof__(archive_read_support_format_zip_seekable) *support_zip_seekable; /* by its directory alone */
	__typeof__(archive_read_support_format_tar) *support_tar;
	__typeof__(archive_read_open_memory) *open_memory;
	__typeof__(archive_read_open_fd) *open_fd;
	__typeof__(archive_read_open) *open;
	__typeof__(archive_read_next_header) *next_header;
	__typeof__(archive_read_data_block) *data_block;
	__typeof__(archive_error_string) *error_string;
	__typeof__(archive_set_error) *set_error;
	__typeof__(archive_entry_pathname) *pathname;
	__typeof__(archive_entry_pathname_utf8) *pathname_utf8;
	__typeof__(archive_entry_filetype) *filetype;
	__typeof__(archive_entry_size) *size;
	__typeof__(archive_entry_size_is_set) *size_is_set;
};
/* Ends the program with a line on standard error (status 4) where the library is missing: a package of the system is not installed. */
const struct libarchive *libarchive(void) __attribute__((returns_nonnull));
#endif
