/* build_progress.h — what a build says while it runs, on standard error: as its users know it (`--progress`).
 *
 *	tty       a line a step that is done; below them, wiped and written anew, what runs at the moment, how long it takes already, and its last line of output: as wide as the terminal is just then
 *	plain     "#3 [build 2/5] RUN make", its output as "#3 0.52 …", "#3 CACHED", "#3 DONE 3.2s"
 *	rawjson   BuildKit's status records, a JSON document a line: vertexes, logs
 *	quiet     nothing, until a step fails
 *
 * Output of steps is hostile: control characters are neutralised everywhere (text.h). After a failure the step's last lines are shown, whatever was asked for (but in records), the
 * Dockerfile's lines around it, and how to look around in what it left, where that was kept. */
#ifndef PARE_REPORT_BUILD_PROGRESS_H
#define PARE_REPORT_BUILD_PROGRESS_H
#include "build/build.h"

enum build_progress_kind { BUILD_PROGRESS_QUIET, BUILD_PROGRESS_TTY, BUILD_PROGRESS_PLAIN, BUILD_PROGRESS_RAWJSON };
struct build_progress;
struct build_progress *build_progress_new(FILE *f, enum build_progress_kind kind, bool explain);
void build_progress_event(void *ctx, const struct build_event *e); /* ctx: a struct build_progress */
void build_progress_end(struct build_progress *p);                  /* wipes, and shows what failed; frees it */
#endif
