/* `pare lint` for people: a line a finding, in columns that are as wide as the file needs, and what it all comes to.
 *
 *     app/Dockerfile:3   warning  DL3009*  ~38.2 MB  package lists stay in the layer
 *     app/Dockerfile:12  style    DL3059             a RUN follows a RUN
 *
 *     2 findings in 1 of 4 files: 1 warning, 1 style; about 38.2 MB
 *     * --fix repairs 1 */
#include "base/text.h"
#include "report/lint_writer.h"
#include <sys/ioctl.h>

struct table {
	bool some;      /* a file with findings was printed */
	size_t width;   /* of the terminal; 0: none, don't wrap */
	u32 suggested;  /* fixes that want an eye */
};

static const char *const level_color[] = { "", "\033[2m", "\033[36m", "\033[33m", "\033[1;31m" };

static void begin(struct lint_report *r)
{
	struct winsize ws;
	struct table *t = xcalloc(1, sizeof *t);
	if (r->color && ioctl(fileno(r->f), TIOCGWINSZ, &ws) == 0 && ws.ws_col >= 60)
		t->width = ws.ws_col;
	r->state = t;
}

static void color(const struct lint_report *r, const char *code)
{
	if (r->color)
		fputs(code, r->f);
}

static void blanks(FILE *f, size_t n)
{
	while (n--)
		putc(' ', f);
}

struct columns {
	size_t code, size, line; /* widths; size 0: no finding has bytes */
};

static void size_text(const struct diagnostic *d, char out[24])
{
	out[0] = '\0';
	if (d->bytes)
		snprintf(out, 24, "%s%s", d->estimated ? "~" : "", TEXT_SIZE(d->bytes));
}

static size_t digits(u32 n)
{
	size_t k = 1;
	while (n /= 10)
		k++;
	return k;
}

/* Words of the message from column `indent` on, on further lines where the terminal ends. */
static void message(FILE *f, struct str s, size_t indent, size_t width)
{
	size_t room = width > indent + 20 ? width - indent : SIZE_MAX, at = 0;
	while (s.p) {
		struct str word = str_cut(&s, ' ');
		size_t w = text_width(word);
		if (at && at + 1 + w > room) {
			putc('\n', f);
			blanks(f, indent);
			at = 0;
		}
		if (at)
			putc(' ', f);
		fwrite(word.p, 1, word.n, f);
		at += w + (at ? 1 : 0);
	}
	putc('\n', f);
}

static void row(const struct lint_report *r, const struct diagnostic *d, struct str name, const struct columns *c)
{
	const struct table *t = r->state;
	struct buf text = BUF(0);
	char size[24];
	color(r, "\033[1m");
	fwrite(name.p, 1, name.n, r->f);
	color(r, "\033[0m");
	fprintf(r->f, ":%u", d->line);
	blanks(r->f, c->line - digits(d->line) + 2);
	color(r, level_color[d->level]);
	fprintf(r->f, "%-7s", level_text[d->level]);
	color(r, "\033[0m");
	fprintf(r->f, "  %s%s", d->code, d->fix ? "*" : "");
	blanks(r->f, c->code - strlen(d->code) - (d->fix != NULL) + 2);
	size_text(d, size);
	if (c->size)
		fprintf(r->f, "%*s  ", (int)c->size, size);
	text_safe(&text, str_of(d->message));
	size_t indent = text_width(name) + 1 + c->line + 2 + 7 + 2 + c->code + 2 + (c->size ? c->size + 2 : 0);
	message(r->f, buf_str(&text), indent, t->width);
	buf_free(&text);
}

static void file(struct lint_report *r, const struct lint_file *file)
{
	struct table *t = r->state;
	struct columns c = { 0 };
	struct buf name = BUF(0);
	char size[24];
	for (u32 i = 0; i < file->d->n; i++) {
		const struct diagnostic *d = &file->d->v[i];
		size_text(d, size);
		c.code = MAX(c.code, strlen(d->code) + (d->fix != NULL));
		c.size = MAX(c.size, strlen(size));
		c.line = MAX(c.line, digits(d->line));
		t->suggested += d->fix && d->fix->safety == FIX_SUGGESTED;
	}
	if (file->d->n && t->some)
		putc('\n', r->f);
	t->some |= file->d->n > 0;
	text_safe(&name, str_of(strcmp(file->name, "-") == 0 ? "standard input" : file->name));
	for (u32 i = 0; i < file->d->n; i++)
		row(r, &file->d->v[i], buf_str(&name), &c);
	buf_free(&name);
}

static void part(FILE *f, u32 n, const char *one, const char *many, const char **between)
{
	if (!n)
		return;
	fprintf(f, "%s%s %s", *between, TEXT_COUNT(n), n == 1 ? one : many);
	*between = ", ";
}

static void end(struct lint_report *r)
{
	struct table *t = r->state;
	FILE *f = r->f;
	u32 all = 0, safe = r->fixable - t->suggested;
	const char *between = ": ";
	for (enum level l = LEVEL_STYLE; l <= LEVEL_ERROR; l++)
		all += r->count[l];
	if (t->some)
		putc('\n', f);
	if (!all) {
		fprintf(f, "%s file%s, no findings", TEXT_COUNT(r->seen), r->seen == 1 ? "" : "s");
	} else {
		fprintf(f, "%s finding%s", TEXT_COUNT(all), all == 1 ? "" : "s");
		if (r->seen > 1)
			fprintf(f, " in %s of %s files", TEXT_COUNT(r->with_findings), TEXT_COUNT(r->seen));
		part(f, r->count[LEVEL_ERROR], "error", "errors", &between);
		part(f, r->count[LEVEL_WARNING], "warning", "warnings", &between);
		part(f, r->count[LEVEL_INFO], "info", "info", &between);
		part(f, r->count[LEVEL_STYLE], "style", "style", &between);
		if (r->bytes)
			fprintf(f, "; %s%s", r->estimated ? "about " : "", TEXT_SIZE(r->bytes));
	}
	if (r->unreadable)
		fprintf(f, "; %s could not be read", TEXT_COUNT(r->unreadable));
	if (r->refused)
		fprintf(f, "; %s do%s not parse", TEXT_COUNT(r->refused), r->refused == 1 ? "es" : "");
	putc('\n', f);
	if (safe)
		fprintf(f, "* --fix repairs %s", TEXT_COUNT(safe));
	if (t->suggested)
		fprintf(f, "%s--fix=suggested %s%s", safe ? ", " : "* ", safe ? "" : "repairs ", TEXT_COUNT(t->suggested));
	if (safe && t->suggested)
		fputs(" more", f);
	if (r->fixable)
		putc('\n', f);
	free(t);
	r->state = NULL;
}

const struct lint_writer lint_writer_table = { "table", begin, file, end, false };
