/* explore.h — the full-screen explorer: an image's layers and the tree they add up to, on a terminal.
 *
 * Works on facts and the tree alone; the bytes of a file are read when somebody looks at it, in a window of CONTENT_WINDOW.
 *
 *      timeline  what each layer did to each name, once            (timeline.h)
 *      model     which rows the tree pane has, pure                (model.h)
 *      content   the bytes of one file, a window of them           (content.h)
 *      pager     bytes to rows of text or hexadecimal, pure        (pager.h)
 *      screen    the terminal: keys in, cells out                  (screen.h)
 *      app       panes, drawing, keys                              (app.h)
 *
 * Keys are those of dive 0.13 (key_help[] in keys.c is the list that `?` shows). */
#ifndef PARE_EXPLORE_EXPLORE_H
#define PARE_EXPLORE_EXPLORE_H
#include "base/common.h"
#include "base/error.h"
#include "package/package.h"
#include "rootfs/rootfs.h"

/* Runs until the user quits. `full` is the tree of all layers of img; `pkgs` may be NULL. Needs a terminal that can place the cursor:
 * -1 with ERR_USAGE when standard output is none, ERR_ENV when it cannot. The keyboard is standard input, or /dev/tty when that is
 * no terminal. For viewing and extracting, the image must have been loaded with need_content. A signal that asks the program to end
 * puts the terminal back and then does its work. */
int explore_run(const struct image *img, const struct rootfs *full, const struct packages *pkgs, bool color, struct error *err) must_check;
#endif
