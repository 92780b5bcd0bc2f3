/* screen.h — the terminal: cells out, keys in, and put back as it was whatever happens. One at a time in a program.
 *
 * Text that goes out may be any bytes: what a terminal would act on or cannot show is neutralised here, so no caller can forget it.
 * Coordinates and sizes are columns and rows from 0; what would stand outside is cut. */
#ifndef PARE_EXPLORE_SCREEN_H
#define PARE_EXPLORE_SCREEN_H
#include "base/buf.h"
#include "base/common.h"
#include "base/error.h"
#include "base/str.h"

enum style {
	S_PLAIN, S_ADDED, S_CHANGED, S_REMOVED, S_DIM, S_HEAD, S_WARN, S_BASE, S_TOP,
	S_MASK = 15,
	S_SELECTED = 16, /* added to one of the others */
	S_BOLD = 32,
	S_BAR = 64,      /* reverse: status lines */
};

/* Keys: a character is itself, Ctrl and a letter 1..26; the rest: */
enum key {
	K_NONE = -1,     /* nothing came in time */
	K_CTRL_SPACE = 0,
	K_ESC = 27,
	K_UP = 0x200000, K_DOWN, K_LEFT, K_RIGHT, K_PGUP, K_PGDN, K_HOME, K_END, K_BACKSPACE, K_ENTER, K_BACKTAB,
	K_CTRL_M,        /* where the terminal tells it from Enter (kitty's keyboard protocol); elsewhere it is K_ENTER */
	K_RESIZE,
	K_GONE,          /* a signal asks for the end, or the terminal went away */
	K_OTHER,
};
#define CTRL(c) ((c) & 31)

struct screen {
	int rows, cols;
	bool utf8;       /* box drawing and other characters beyond ASCII can be shown */
	bool color;
};
extern struct screen screen;

int screen_open(bool color, struct error *err) must_check;
void screen_close(void);
int screen_signal(void); /* the signal that asked for the end, 0: none; to be raised again after screen_close() */
void screen_suspend(void); /* Ctrl+Z: gives the terminal back and stops until somebody continues the program */

int screen_key(int timeout_ms); /* -1: until something comes */
void screen_clear(void);
void screen_flush(void);
/* At most `width` columns of s from (y, x); what doesn't fit ends in "…". With `pad`, blanks fill the rest. Returns the columns used. */
int screen_put(int y, int x, int width, struct str s, int style, bool pad);
int screen_printf(int y, int x, int width, int style, bool pad, const char *fmt, ...) printf_like(6, 7);
void screen_cursor(int y, int x); /* shows it there; negative: hides it */
/* The same cut without a terminal (tests): s as it would go out. */
int screen_fit(struct buf *out, struct str s, int width, bool utf8);
#endif
