/* common.h — what every file of the project starts from.
 *
 * Fixed-width short names, the few macros that read better than their expansion, and `banned.h`, which turns
 * the C library's foot-guns into compile errors. Every header and source file includes this first.
 */
#ifndef PARE_BASE_COMMON_H
#define PARE_BASE_COMMON_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t s32;
typedef int64_t s64;

#define countof(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

#define KiB ((u64)1 << 10)
#define MiB ((u64)1 << 20)
#define GiB ((u64)1 << 30)

#define printf_like(f, a) __attribute__((format(printf, f, a)))
#define must_check __attribute__((warn_unused_result))

/* Closes or frees when the variable goes out of scope; for what the system lends. */
#define cleanup(f) __attribute__((cleanup(f)))
void cleanup_fd(int *fd);     /* closes when >= 0 */
void cleanup_free(void *p);   /* free(*p) */
void cleanup_file(FILE **f);  /* fclose when not NULL */
#define autofd cleanup(cleanup_fd)
#define autofree cleanup(cleanup_free)
#define autofile cleanup(cleanup_file)

/* Memory: the program stops with one line on standard error when the system has none left. Sizes that come from
 * input are checked against a budget before they get here. */
void *xmalloc(size_t n) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull));
void *xrealloc(void *p, size_t n) __attribute__((returns_nonnull));
char *xstrdup(const char *s) __attribute__((malloc, returns_nonnull));

#include "base/banned.h"
#endif
