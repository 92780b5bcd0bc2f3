#include "explore/screen.h"
#include "base/text.h"
#include <curses.h>
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

struct screen screen;

static SCREEN *term;
static FILE *keyboard; /* /dev/tty when standard input is something else */
static int keyboard_fd;
static struct termios saved;
static char restore[256]; /* what puts the terminal back, for a handler that may call almost nothing */
static volatile sig_atomic_t caught;

static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
static const int crashes[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
static struct sigaction old_ends[countof(ends)], old_crashes[countof(crashes)];

/* kitty's keyboard protocol, level 1: Ctrl+M and Enter become different keys. Terminals without it ignore the request. */
#define KEYS_ON "\033[>1u"
#define KEYS_OFF "\033[<u"

static void on_end(int sig) { caught = sig; }

static void on_crash(int sig)
{
	if (write(STDOUT_FILENO, restore, strlen(restore)) < 0 || tcsetattr(keyboard_fd, TCSANOW, &saved) < 0)
		signal(sig, SIG_DFL);
	signal(sig, SIG_DFL);
	raise(sig);
}

static void catch_signals(void)
{
	caught = 0;
	for (size_t i = 0; i < countof(ends); i++)
		sigaction(ends[i], &(struct sigaction){ .sa_handler = on_end }, &old_ends[i]);
	for (size_t i = 0; i < countof(crashes); i++) {
		sigaction(crashes[i], NULL, &old_crashes[i]);
		if (old_crashes[i].sa_handler == SIG_DFL)
			sigaction(crashes[i], &(struct sigaction){ .sa_handler = on_crash }, NULL);
	}
}

static void release_signals(void)
{
	for (size_t i = 0; i < countof(ends); i++)
		sigaction(ends[i], &old_ends[i], NULL);
	for (size_t i = 0; i < countof(crashes); i++)
		sigaction(crashes[i], &old_crashes[i], NULL);
}

int screen_signal(void) { return caught; }

/* Keys of the protocol: CSI code ; 1+modifiers u. Caps Lock (64) and Num Lock (128) are modifiers too. */
enum { CODE_CTRL = KEY_MAX + 1, CODE_ESC = CODE_CTRL + 128, CODE_ENTER, CODE_TAB, CODE_BACKSPACE };

static void define(int code, const char *fmt, int a, int b)
{
	char seq[32];
	snprintf(seq, sizeof seq, fmt, a, b); /* NOLINT: the formats are below */
	define_key(seq, code);
}

static void define_keys(void)
{
	static const int locks[] = { 0, 64, 128, 192 };
	static const struct { char final; int code; } arrows[] = { { 'A', KEY_UP }, { 'B', KEY_DOWN }, { 'C', KEY_RIGHT }, { 'D', KEY_LEFT }, { 'H', KEY_HOME }, { 'F', KEY_END } };
	for (size_t l = 0; l < countof(locks); l++) {
		int lock = locks[l];
		for (int c = ' '; c < 127; c++) {
			if (c == ' ' || c == '/' || (c >= 'a' && c <= 'z'))
				define(CODE_CTRL + c, "\033[%d;%du", c, 5 + lock);
		}
		define(CODE_ESC, "\033[27;%du", 1 + lock, 0);
		if (!lock)
			continue;
		define(CODE_ENTER, "\033[13;%du", 1 + lock, 0);
		define(CODE_TAB, "\033[9;%du", 1 + lock, 0);
		define(CODE_BACKSPACE, "\033[127;%du", 1 + lock, 0);
		define(KEY_PPAGE, "\033[5;%d~", 1 + lock, 0);
		define(KEY_NPAGE, "\033[6;%d~", 1 + lock, 0);
		for (size_t i = 0; i < countof(arrows); i++) {
			char seq[32];
			snprintf(seq, sizeof seq, "\033[1;%d%c", 1 + lock, arrows[i].final);
			define_key(seq, arrows[i].code);
		}
	}
	define_key("\033[27u", CODE_ESC);
}

static void start_colors(bool color)
{
	screen.color = color && has_colors() && start_color() == OK;
	if (!screen.color)
		return;
	int back = use_default_colors() == OK ? -1 : COLOR_BLACK;
	static const short fore[] = { [S_ADDED] = COLOR_GREEN, [S_CHANGED] = COLOR_YELLOW, [S_REMOVED] = COLOR_RED, [S_WARN] = COLOR_RED };
	for (short i = 0; i < (short)countof(fore); i++) {
		if (fore[i])
			init_pair(i, fore[i], (short)back);
	}
	init_pair(S_BASE, COLOR_BLACK, COLOR_GREEN);
	init_pair(S_TOP, COLOR_BLACK, COLOR_MAGENTA);
}

static int open_keyboard(struct error *err)
{
	keyboard = NULL;
	keyboard_fd = STDIN_FILENO;
	if (isatty(STDIN_FILENO))
		return 0;
	int fd = open("/dev/tty", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || !(keyboard = fdopen(fd, "r"))) {
		if (fd >= 0)
			close(fd);
		return error_set(err, ERR_USAGE, "the explorer needs a keyboard: standard input is no terminal and there is no /dev/tty");
	}
	keyboard_fd = fd;
	return 0;
}

static void close_keyboard(void)
{
	if (keyboard)
		fclose(keyboard);
	keyboard = NULL;
}

int screen_open(bool color, struct error *err)
{
	if (!isatty(STDOUT_FILENO))
		return error_set(err, ERR_USAGE, "the explorer needs a terminal: standard output is none");
	const char *name = getenv("TERM");
	int found;
	if (!name || !*name || setupterm(name, STDOUT_FILENO, &found) != OK)
		return error_set(err, ERR_ENV, "the explorer needs a terminal that it knows: TERM is '%s'", name ? name : "");
	char *cup = tigetstr("cup"), *rmcup = tigetstr("rmcup"), *cnorm = tigetstr("cnorm"), *sgr0 = tigetstr("sgr0");
	bool places = cup && cup != (char *)-1;
	snprintf(restore, sizeof restore, KEYS_OFF "%s%s%s\r\n", sgr0 && sgr0 != (char *)-1 ? sgr0 : "", cnorm && cnorm != (char *)-1 ? cnorm : "",
		 rmcup && rmcup != (char *)-1 ? rmcup : "");
	del_curterm(cur_term); /* newterm() makes its own */
	if (!places)
		return error_set(err, ERR_ENV, "the explorer needs a terminal that can place the cursor: TERM is '%s'", name);
	if (open_keyboard(err) < 0)
		return -1;
	setlocale(LC_CTYPE, "");
	screen.utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	if (tcgetattr(keyboard_fd, &saved) < 0) {
		error_errno(err, "terminal");
		close_keyboard();
		return -1;
	}
	set_escdelay(50);
	catch_signals(); /* before ncurses looks: where nobody has a handler it installs one that ends the program with 1 */
	term = newterm(name, stdout, keyboard ? keyboard : stdin);
	if (!term) {
		release_signals();
		close_keyboard();
		return error_set(err, ERR_ENV, "the terminal '%s' cannot be used", name);
	}
	raw();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	curs_set(0);
	start_colors(color);
	define_keys();
	getmaxyx(stdscr, screen.rows, screen.cols);
	refresh();
	putp(KEYS_ON);
	fflush(stdout);
	return 0;
}

void screen_close(void)
{
	putp(KEYS_OFF);
	fflush(stdout);
	endwin();
	delscreen(term);
	close_keyboard();
	release_signals();
}

void screen_suspend(void)
{
	putp(KEYS_OFF);
	fflush(stdout);
	endwin();
	raise(SIGSTOP); /* not TSTP: ncurses would put the screen back by itself, between us and the shell */
	refresh();
	putp(KEYS_ON);
	fflush(stdout);
}

/* An escape sequence that is no key of ours is swallowed, not taken for its letters. */
static int after_escape(void)
{
	wint_t c;
	if (get_wch(&c) != OK)
		return K_ESC;
	if (c != '[' && c != 'O')
		return K_OTHER;
	bool csi = c == '[';
	for (int i = 0; i < 64 && get_wch(&c) == OK; i++) {
		if (!csi || (c >= 0x40 && c <= 0x7e))
			break;
	}
	return K_OTHER;
}

static int code_key(wint_t c)
{
	if (c > CODE_CTRL && c < CODE_CTRL + 128) {
		int k = (int)c - CODE_CTRL;
		return k == 'm' ? K_CTRL_M : k == ' ' ? K_CTRL_SPACE : k == '/' ? CTRL('f') : k == 'i' ? '\t' : CTRL(k);
	}
	switch (c) {
	case KEY_UP: return K_UP;
	case KEY_DOWN: return K_DOWN;
	case KEY_LEFT: return K_LEFT;
	case KEY_RIGHT: return K_RIGHT;
	case KEY_PPAGE: return K_PGUP;
	case KEY_NPAGE: return K_PGDN;
	case KEY_HOME: case KEY_A1: return K_HOME;
	case KEY_END: case KEY_C1: return K_END;
	case KEY_BACKSPACE: case CODE_BACKSPACE: return K_BACKSPACE;
	case KEY_ENTER: case CODE_ENTER: return K_ENTER;
	case KEY_BTAB: return K_BACKTAB;
	case CODE_TAB: return '\t';
	case CODE_ESC: return K_ESC;
	case KEY_RESIZE:
		getmaxyx(stdscr, screen.rows, screen.cols);
		return K_RESIZE;
	default: return K_OTHER;
	}
}

static int read_key(void)
{
	wint_t c;
	int r = get_wch(&c);
	if (r == KEY_CODE_YES)
		return code_key(c);
	if (r != OK)
		return K_NONE;
	if (c == K_ESC)
		return after_escape();
	if (c == '\r' || c == '\n')
		return K_ENTER;
	if (c == 127 || c == 8)
		return K_BACKSPACE;
	return c == 31 ? CTRL('f') : (int)c; /* Ctrl+/ is 31, and dive's other key for the filter */
}

int screen_key(int timeout_ms)
{
	for (;;) {
		if (caught)
			return K_GONE;
		int k = read_key();
		if (k != K_NONE)
			return k;
		/* Half a second at most: a signal between the question above and here must not be slept over. */
		int wait = timeout_ms < 0 || timeout_ms > 500 ? 500 : timeout_ms;
		struct pollfd p = { .fd = keyboard_fd, .events = POLLIN };
		int n = poll(&p, 1, wait);
		if (n > 0 && p.revents & (POLLHUP | POLLERR | POLLNVAL))
			return K_GONE;
		if (n == 0 && timeout_ms >= 0) {
			timeout_ms -= wait;
			if (timeout_ms <= 0)
				return K_NONE;
		}
	}
}

void screen_clear(void) { erase(); }

void screen_flush(void) { refresh(); }

int screen_fit(struct buf *out, struct str s, int width, bool utf8)
{
	struct buf safe = BUF(0);
	text_safe(&safe, s);
	struct str rest = buf_str(&safe);
	int used = 0;
	size_t cut = 0; /* of out: where it can be cut so that one column is left for the mark */
	int cut_used = 0;
	while (rest.n) {
		u32 c;
		size_t n = text_utf8(rest, &c);
		int w = c < 127 ? 1 : utf8 ? wcwidth((wchar_t)c) : -1;
		if (used + (w < 0 ? 1 : w) > width) {
			out->n = cut;
			used = cut_used;
			if (width > 0) {
				buf_puts(out, utf8 ? "…" : "~");
				used++;
			}
			break;
		}
		if (w < 0)
			buf_puts(out, utf8 ? "\uFFFD" : "?"), w = 1;
		else if (w > 0 || used > 0) /* a combining character needs something in front */
			buf_add(out, str_head(rest, n));
		used += w;
		if (used <= width - 1) {
			cut = out->n;
			cut_used = used;
		}
		rest = str_from(rest, n);
	}
	buf_free(&safe);
	return used;
}

static attr_t attributes(int style)
{
	attr_t a = A_NORMAL;
	int kind = style & S_MASK;
	if (screen.color && kind != S_PLAIN && kind != S_DIM && kind != S_HEAD)
		a |= COLOR_PAIR(kind);
	else if (kind == S_TOP)
		a |= A_REVERSE;
	if (kind == S_DIM)
		a |= A_DIM;
	if (style & S_BOLD || kind == S_HEAD || (kind == S_WARN && !screen.color))
		a |= A_BOLD;
	if (style & (S_SELECTED | S_BAR))
		a |= A_REVERSE;
	return a;
}

int screen_put(int y, int x, int width, struct str s, int style, bool pad)
{
	if (y < 0 || y >= screen.rows || x < 0 || x >= screen.cols)
		return 0;
	width = MIN(width, screen.cols - x);
	if (width <= 0)
		return 0;
	struct buf out = BUF(0);
	int used = screen_fit(&out, s, width, screen.utf8);
	for (int i = used; pad && i < width; i++)
		buf_putc(&out, ' ');
	attrset((int)attributes(style));
	if (out.n)
		mvaddnstr(y, x, out.p, (int)out.n);
	attrset(A_NORMAL);
	buf_free(&out);
	return pad ? width : used;
}

int screen_printf(int y, int x, int width, int style, bool pad, const char *fmt, ...)
{
	char line[4096];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	return n < 0 ? 0 : screen_put(y, x, width, str_n(line, MIN((size_t)n, sizeof line - 1)), style, pad);
}

void screen_cursor(int y, int x)
{
	curs_set(y < 0 ? 0 : 1);
	if (y >= 0)
		move(MIN(y, screen.rows - 1), MIN(x, screen.cols - 1));
}
