#include "report/build_progress.h"
#include "base/crypto.h"
#include "base/jsonw.h"
#include "base/file.h"
#include "base/text.h"
#include "base/thread.h"
#include <sys/ioctl.h>
#include <time.h>

#define TAIL_LINES 30u     /* of a failing step */
#define TAIL_BYTES (64 * KiB)
#define LINE_MAX_BYTES ((size_t)(32 * KiB)) /* of a step's output that has no end of line */
#define WIDTH 80u        /* of a terminal that does not say */
#define TICK_MS 200      /* the line on a terminal tells how long it takes already, whatever a step prints */

struct shown { /* a step */
	u32 number;
	char *name;
	double began;
	struct buf line[2]; /* that has no end yet, by stream */
	struct buf tail;    /* the last lines */
	bool runs, failed, header;
	struct shown *next;
};
struct build_progress {
	FILE *f;
	enum build_progress_kind kind;
	bool explain;
	size_t live;     /* columns of the line that is there and will be wiped */
	struct shown *steps;
	struct buf last; /* the last line of output */
	struct buf out;  /* what is written at once */
	pthread_mutex_t lock;
	pthread_cond_t end;
	pthread_t ticker;
	bool ended;
	struct buf source;
	char *look;      /* of what failed: the Dockerfile's lines; the command to look around in what it left */
	double start;
};

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void *tick(void *arg);

struct build_progress *build_progress_new(FILE *f, enum build_progress_kind kind, bool explain)
{
	struct build_progress *p = xcalloc(1, sizeof *p);
	p->f = f;
	p->kind = kind;
	p->explain = explain;
	p->start = now();
	p->last = (struct buf)BUF(LINE_MAX_BYTES * 8);
	p->out = (struct buf)BUF(0);
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->end, NULL);
	if (kind == BUILD_PROGRESS_TTY) {
		p->ticker = thread_start(tick, p);
		file_say_at_signal("\n");
	}
	return p;
}

static struct shown *shown(struct build_progress *p, const struct build_event *e)
{
	struct shown **at = &p->steps;
	while (*at && (*at)->number != e->step)
		at = &(*at)->next;
	if (!*at) {
		*at = xcalloc(1, sizeof **at);
		(*at)->number = e->step;
		(*at)->name = xstrdup(e->name ? e->name : "");
		(*at)->began = now();
		for (int i = 0; i < 2; i++)
			(*at)->line[i] = (struct buf)BUF(LINE_MAX_BYTES * 2);
		(*at)->tail = (struct buf)BUF(8 * TAIL_BYTES);
	}
	return *at;
}

static void put(FILE *f, struct str s)
{
	struct buf safe = BUF(0);
	text_safe(&safe, s);
	fwrite(safe.p ? safe.p : "", 1, safe.n, f);
	buf_free(&safe);
}

/* --- one line on a terminal --- */
static size_t columns(const struct build_progress *p)
{
	struct winsize w;
	return ioctl(fileno(p->f), TIOCGWINSZ, &w) == 0 && w.ws_col ? w.ws_col : WIDTH;
}

static void wipe(struct build_progress *p)
{
	size_t rows = p->live ? (p->live - 1) / columns(p) : 0; /* more than one when the terminal became narrower */
	if (rows)
		fprintf(p->f, "\033[%zuA", rows);
	if (p->live)
		fputs(rows ? "\r\033[J" : "\r\033[K", p->f);
	p->live = 0;
}

/* "NAME 12.3s (+2)  the last line of output": of a long name as much as leaves room for what comes behind it. */
static void draw(struct build_progress *p)
{
	const struct shown *one = NULL;
	size_t width = columns(p) - 1, room;
	u32 running = 0;
	for (const struct shown *s = p->steps; s; s = s->next)
		if (s->runs) {
			running++;
			one = s;
		}
	wipe(p);
	if (!one || !width)
		return;
	struct buf text = BUF(0), safe = BUF(0), line = BUF(0);
	buf_printf(&text, " %.1fs", now() - one->began);
	if (running > 1)
		buf_printf(&text, " (+%u)", running - 1);
	text_safe(&safe, str_of(one->name));
	room = width > text.n ? width - text.n : 0;
	size_t behind = p->last.n ? MIN(text_width(buf_str(&p->last)) + 2, room / 2) : 0;
	text_fit(&line, buf_str(&safe), room - behind, false);
	buf_add(&line, buf_str(&text));
	buf_clear(&safe);
	if (p->last.n) {
		buf_puts(&line, "  ");
		text_safe(&safe, buf_str(&p->last));
	}
	buf_add(&line, buf_str(&safe));
	buf_clear(&safe);
	text_fit(&safe, buf_str(&line), width, false);
	fwrite(safe.p, 1, safe.n, p->f);
	p->live = text_width(buf_str(&safe));
	fflush(p->f);
	buf_free(&text);
	buf_free(&safe);
	buf_free(&line);
}

static void *tick(void *arg)
{
	struct build_progress *p = arg;
	pthread_mutex_lock(&p->lock);
	while (!p->ended) {
		struct timespec until;
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += TICK_MS * 1000000L;
		until.tv_sec += until.tv_nsec / 1000000000L;
		until.tv_nsec %= 1000000000L;
		pthread_cond_timedwait(&p->end, &p->lock, &until);
		if (!p->ended && p->live)
			draw(p);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* --- output of a step --- */
static void remember(struct shown *s, struct str line)
{
	buf_add(&s->tail, str_head(line, LINE_MAX_BYTES));
	buf_puts(&s->tail, "\n");
	if (s->tail.n > TAIL_BYTES) {
		size_t keep = TAIL_BYTES / 2;
		memmove(s->tail.p, s->tail.p + s->tail.n - keep, keep);
		s->tail.n = keep;
	}
}

static void header(struct build_progress *p, struct shown *s)
{
	if (s->header)
		return;
	s->header = true;
	fprintf(p->f, "#%u ", s->number);
	put(p->f, str_of(s->name));
	fputs("\n", p->f);
}

/* Lines of output, however many came at once: in one call. */
static void put_out(struct build_progress *p)
{
	if (p->out.n)
		fwrite(p->out.p, 1, p->out.n, p->f);
	buf_clear(&p->out);
}

static void one_line(struct build_progress *p, struct shown *s, struct str line)
{
	while (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	const char *over = line.n ? memrchr(line.p, '\r', line.n) : NULL; /* what was written over is not shown */
	if (over)
		line = str_from(line, (size_t)(over - line.p) + 1);
	remember(s, line);
	if (p->kind == BUILD_PROGRESS_PLAIN) {
		buf_printf(&p->out, "#%u %.3f ", s->number, now() - s->began);
		text_safe(&p->out, line);
		buf_puts(&p->out, "\n");
	}
	buf_clear(&p->last);
	buf_add(&p->last, str_head(line, LINE_MAX_BYTES));
}

static void output(struct build_progress *p, struct shown *s, const struct build_event *e)
{
	struct buf *have = &s->line[e->stream == 2];
	for (struct str rest = e->text; rest.p;) {
		struct str piece = str_cut(&rest, '\n');
		bool whole = rest.p != NULL;
		while (have->n + piece.n > LINE_MAX_BYTES) { /* no end of line for that long: it is cut */
			size_t n = LINE_MAX_BYTES - MIN(have->n, LINE_MAX_BYTES);
			buf_add(have, str_head(piece, n));
			one_line(p, s, buf_str(have));
			buf_clear(have);
			piece = str_from(piece, n);
		}
		buf_add(have, piece);
		if (!whole)
			break;
		one_line(p, s, buf_str(have));
		buf_clear(have);
	}
	put_out(p);
}

static void flush(struct build_progress *p, struct shown *s)
{
	for (int i = 0; i < 2; i++) {
		if (s->line[i].n)
			one_line(p, s, buf_str(&s->line[i]));
		buf_clear(&s->line[i]);
	}
	put_out(p);
}

/* --- records --- */
static void base64(struct str bytes, struct buf *out)
{
	autofree u8 *text = xmalloc((bytes.n + 2) / 3 * 4 + 1);
	int n = bytes.n ? crypto()->base64_encode(text, (const u8 *)bytes.p, (int)MIN(bytes.n, (size_t)GiB)) : 0;
	buf_add(out, str_n(text, (size_t)n));
}

/* With a fraction, as BuildKit has it: who adds up how long steps took needs that. */
static void put_time(struct jsonw *w, const char *key, double at)
{
	char text[40], whole[64];
	text_time((s64)at, text);
	snprintf(whole, sizeof whole, "%.*s.%06uZ", (int)strcspn(text, "Z"), text, (unsigned)((at - (double)(s64)at) * 1e6));
	jsonw_kz(w, key, whole);
}

static void record(struct build_progress *p, const struct shown *s, const struct build_event *e)
{
	struct jsonw w;
	jsonw_init(&w, p->f, 0);
	jsonw_obj(&w);
	if (e->kind == BUILD_OUTPUT || e->kind == BUILD_NOTE) {
		struct buf data = BUF(0);
		base64(e->text, &data);
		jsonw_key(&w, e->kind == BUILD_NOTE ? "warnings" : "logs");
		jsonw_arr(&w);
		jsonw_obj(&w);
		jsonw_kz(&w, "vertex", e->digest ? e->digest : "");
		if (e->kind == BUILD_NOTE) {
			jsonw_ku(&w, "level", 1);
			jsonw_ks(&w, "short", buf_str(&data));
		} else {
			jsonw_ku(&w, "stream", (u64)e->stream);
			jsonw_ks(&w, "data", buf_str(&data));
			put_time(&w, "timestamp", now());
		}
		jsonw_end(&w);
		jsonw_end(&w);
		buf_free(&data);
	} else {
		jsonw_key(&w, "vertexes");
		jsonw_arr(&w);
		jsonw_obj(&w);
		jsonw_kz(&w, "digest", e->digest ? e->digest : "");
		jsonw_kz(&w, "name", s->name);
		put_time(&w, "started", s->began);
		if (e->kind != BUILD_STARTED)
			put_time(&w, "completed", now());
		if (e->kind == BUILD_CACHED)
			jsonw_kb(&w, "cached", true);
		if (e->kind == BUILD_FAILED)
			jsonw_ks(&w, "error", e->text);
		jsonw_end(&w);
		jsonw_end(&w);
	}
	jsonw_end(&w);
	fflush(p->f);
}

/* --- events --- */
static void said(struct build_progress *p, struct shown *s, const char *what, struct str text, double seconds)
{
	if (p->kind == BUILD_PROGRESS_PLAIN) {
		header(p, s);
		fprintf(p->f, "#%u %s", s->number, what);
		if (seconds >= 0)
			fprintf(p->f, " %.1fs", seconds);
		if (text.n)
			fputs(" ", p->f);
		put(p->f, text);
		fputs("\n", p->f);
	} else if (p->kind == BUILD_PROGRESS_TTY) {
		wipe(p);
		char time[32] = "";
		bool done = strcmp(what, "DONE") == 0;
		size_t width = columns(p), taken = 4 + (done ? 0 : strlen(what) + 1);
		if (seconds >= 0)
			snprintf(time, sizeof time, "  %.1fs", seconds);
		taken += strlen(time);
		fprintf(p->f, " => %s%s", done ? "" : what, done ? "" : " ");
		text_put(p->f, str_of(s->name), width > taken ? width - taken : 1, false, false);
		fprintf(p->f, "%s\n", time);
		draw(p);
	}
}

static void started(struct build_progress *p, struct shown *s, const struct build_event *e)
{
	s->runs = true;
	if (p->kind == BUILD_PROGRESS_PLAIN)
		header(p, s);
	if (p->explain && e->text.p && p->kind != BUILD_PROGRESS_RAWJSON) {
		wipe(p);
		if (p->kind != BUILD_PROGRESS_PLAIN) {
			put(p->f, str_of(s->name));
			fputs("\n", p->f);
		}
		for (struct str rest = e->text; rest.p;) {
			struct str line = str_cut(&rest, '\n');
			if (!line.n)
				continue;
			fputs("   not in the cache: ", p->f);
			put(p->f, line);
			fputs("\n", p->f);
		}
	}
	if (p->kind == BUILD_PROGRESS_TTY)
		draw(p);
}

static void note(struct build_progress *p, const struct build_event *e)
{
	if (p->kind == BUILD_PROGRESS_QUIET || p->kind == BUILD_PROGRESS_RAWJSON)
		return;
	wipe(p);
	fputs("pare: ", p->f);
	put(p->f, e->text);
	fputs("\n", p->f);
}

static void on_event(struct build_progress *p, const struct build_event *e)
{
	if (e->kind == BUILD_NOTE)
		note(p, e);
	if (e->kind == BUILD_SOURCE && !p->source.n) {
		buf_add(&p->source, e->text);
		p->look = e->look ? xstrdup(e->look) : NULL;
	}
	struct shown *s = e->step ? shown(p, e) : NULL;
	if (s && e->kind == BUILD_STARTED)
		s->began = now();
	if (p->kind == BUILD_PROGRESS_RAWJSON && (s || e->kind == BUILD_NOTE))
		record(p, s, e);
	if (!s || e->kind == BUILD_NOTE)
		return;
	if (e->kind == BUILD_OUTPUT) {
		output(p, s, e);
		if (p->kind == BUILD_PROGRESS_TTY)
			draw(p);
		return;
	}
	flush(p, s);
	s->runs = false;
	switch (e->kind) {
	case BUILD_STARTED:
		started(p, s, e);
		break;
	case BUILD_CACHED:
		said(p, s, "CACHED", (struct str){ 0 }, -1);
		break;
	case BUILD_DONE:
		said(p, s, "DONE", (struct str){ 0 }, e->seconds);
		break;
	default:
		s->failed = true;
		said(p, s, "ERROR", e->text, -1);
		break;
	}
	fflush(p->f);
}

void build_progress_event(void *ctx, const struct build_event *e)
{
	struct build_progress *p = ctx;
	pthread_mutex_lock(&p->lock);
	on_event(p, e);
	pthread_mutex_unlock(&p->lock);
}

static void show_failure(struct build_progress *p, const struct shown *s)
{
	struct str rest = buf_str(&s->tail);
	u32 lines = 0;
	for (size_t i = 0; i < rest.n; i++)
		lines += rest.p[i] == '\n';
	if (!lines || p->kind == BUILD_PROGRESS_PLAIN || p->kind == BUILD_PROGRESS_RAWJSON)
		return;
	fputs("------\n > ", p->f);
	put(p->f, str_of(s->name));
	fputs(":\n", p->f);
	while (rest.n) {
		struct str line = str_cut(&rest, '\n');
		if (lines-- > TAIL_LINES)
			continue;
		put(p->f, line);
		fputs("\n", p->f);
	}
	fputs("------\n", p->f);
}

/* What the build failed at, and the way into what it left. */
static void show_source(struct build_progress *p)
{
	if (p->kind != BUILD_PROGRESS_RAWJSON)
		for (struct str rest = buf_str(&p->source); rest.n;) {
			struct str line = str_cut(&rest, '\n');
			for (struct str part = line; part.p;) { /* tabs are of the file, and stay */
				put(p->f, str_cut(&part, '\t'));
				if (part.p)
					fputs("\t", p->f);
			}
			fputs("\n", p->f);
		}
	if (p->look && p->kind != BUILD_PROGRESS_RAWJSON) {
		bool shell = strncmp(p->look, "pare run ", 9) == 0;
		fputs(shell ? "to look around in it: " : "what it left: ", p->f);
		put(p->f, str_of(p->look));
		fputs("\n", p->f);
	}
	buf_free(&p->source);
	free(p->look);
}

void build_progress_end(struct build_progress *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->ended = true;
	pthread_cond_signal(&p->end);
	pthread_mutex_unlock(&p->lock);
	if (p->kind == BUILD_PROGRESS_TTY)
		pthread_join(p->ticker, NULL);
	file_say_at_signal(NULL);
	wipe(p);
	for (struct shown *s = p->steps, *next; s; s = next) {
		next = s->next;
		if (s->failed)
			show_failure(p, s);
		free(s->name);
		buf_free(&s->line[0]);
		buf_free(&s->line[1]);
		buf_free(&s->tail);
		free(s);
	}
	show_source(p);
	buf_free(&p->last);
	buf_free(&p->out);
	fflush(p->f);
	pthread_cond_destroy(&p->end);
	pthread_mutex_destroy(&p->lock);
	free(p);
}
