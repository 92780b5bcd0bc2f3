/* `pare IMAGE`: one screen. Where the bytes are, what is risky, what to do, most important first. A later section is one more
 * static function here, called from write_report() and write_report_json(). */
#include "base/jsonw.h"
#include "base/text.h"
#include "base/thread.h"
#include "check/risk.h"
#include "report/advice.h"
#include "report/subject.h"

#define SHOW_ADVICE 6
#define SHOW_RISKS 10

struct screen {
	FILE *f;
	const struct subject *s;
	bool color;
	u32 width;
};

static void put(const struct screen *o, struct str s, size_t width)
{
	struct buf clean = BUF(0), fit = BUF(0);
	text_safe(&clean, s);
	text_fit(&fit, buf_str(&clean), width, false);
	fwrite(fit.p ? fit.p : "", 1, fit.n, o->f);
	buf_free(&clean);
	buf_free(&fit);
}

static const char *paint(const struct screen *o, const char *code) { return o->color ? code : ""; }
#define BOLD "\033[1m"
#define DIM "\033[2m"
#define RED "\033[31m"
#define YELLOW "\033[33m"
#define GREEN "\033[32m"
#define PLAIN "\033[0m"

static void title(const struct screen *o, const char *text, const char *after)
{
	fprintf(o->f, "\n%s%s%s%s\n", paint(o, BOLD), text, paint(o, PLAIN), after);
}

static void head(const struct screen *o)
{
	const struct image *img = o->s->image;
	const struct rootfs *r = o->s->rootfs;
	char platform[100];
	fputs(paint(o, BOLD), o->f);
	put(o, str_of(image_title(img)), 100);
	fprintf(o->f, "%s  %s", paint(o, PLAIN), img->transport);
	if (platform_text(&img->config.platform, platform)[0]) {
		fputs("  ", o->f);
		put(o, str_of(platform), 60);
	}
	if (o->s->packages && o->s->packages->os_pretty[0]) {
		fputs("  ", o->f);
		put(o, str_of(o->s->packages->os_pretty), 60);
	}
	bool plain = img->compressed_size >= r->stored;
	fprintf(o->f, "\n%s stored", TEXT_SIZE(r->stored));
	if (!plain)
		fprintf(o->f, "  %s compressed", TEXT_SIZE(img->compressed_size));
	fprintf(o->f, "  %s visible in %s files  %u layer%s\n", TEXT_SIZE(r->visible), TEXT_COUNT(r->files), img->n_layers, img->n_layers == 1 ? "" : "s");
}

static void bar(const struct screen *o, u64 part, u64 all)
{
	static const char *const eighth[] = { "", "▏", "▎", "▍", "▌", "▋", "▊", "▉" };
	u64 n = all ? part * 8 * 12 / all : 0;
	fputs(paint(o, GREEN), o->f);
	u32 cells = 0;
	for (; n >= 8; n -= 8, cells++)
		fputs("█", o->f);
	if (n)
		fputs(eighth[n], o->f), cells++;
	fputs(paint(o, PLAIN), o->f);
	for (; cells < 13; cells++)
		putc(' ', o->f);
}

static int by_group(const void *a, const void *b, void *ctx)
{
	const struct bytes *x = ctx;
	u64 p = x->group[*(const int *)a].bytes, q = x->group[*(const int *)b].bytes;
	return p != q ? (p < q) - (p > q) : *(const int *)a - *(const int *)b;
}

static u32 groups_by_size(const struct bytes *b, int order[BYTES_GROUPS])
{
	u32 n = 0;
	for (int i = 0; i < BYTES_GROUPS; i++)
		if (b->group[i].bytes)
			order[n++] = i;
	qsort_r(order, n, sizeof *order, by_group, (void *)(uintptr_t)b);
	return n;
}

static void where(const struct screen *o, struct bytes *b)
{
	int order[BYTES_GROUPS];
	u32 n = groups_by_size(b, order);
	title(o, "Where the bytes are", "");
	for (u32 i = 0; i < n; i++) {
		int g = order[i];
		struct buf detail = BUF(0);
		fprintf(o->f, "  %8s %3.0f %%  ", TEXT_SIZE(b->group[g].bytes), b->total ? 100.0 * (double)b->group[g].bytes / (double)b->total : 0);
		bar(o, b->group[g].bytes, b->total);
		fprintf(o->f, "%-23s", byte_group_title[g]);
		if (g == BYTES_BASE)
			buf_printf(&detail, "%u layer%s; ", b->base_layers, b->base_layers == 1 ? "" : "s");
		for (u32 k = 0; k < BYTES_TOP && b->group[g].top[k].name; k++)
			buf_printf(&detail, "%s%s %s", k ? ", " : "", b->group[g].top[k].name, TEXT_SIZE(b->group[g].top[k].bytes));
		fputs(paint(o, DIM), o->f);
		put(o, buf_str(&detail), o->width > 58 ? o->width - 56 : 2);
		fprintf(o->f, "%s\n", paint(o, PLAIN));
		buf_free(&detail);
	}
}

static void risky(const struct screen *o, const struct findings *f)
{
	title(o, "What is risky", "");
	if (f->n == 0)
		fputs("  nothing that the configuration and the files tell\n", o->f);
	for (u32 i = 0; i < f->n && i < SHOW_RISKS; i++) {
		const struct finding *x = &f->v[i];
		const char *color = x->severity >= SEV_HIGH ? RED : x->severity >= SEV_MEDIUM ? YELLOW : DIM;
		fprintf(o->f, "  %s%-6s%s  ", paint(o, color), severity_text[x->severity], paint(o, PLAIN));
		put(o, str_of(x->message), o->width - 11);
		putc('\n', o->f);
	}
	if (f->n > SHOW_RISKS)
		fprintf(o->f, "  and %u more (--format json lists all)\n", f->n - SHOW_RISKS);
}

static void instruction(const struct screen *o, s32 layer, size_t width)
{
	struct buf text = BUF(0);
	image_instruction(o->s->image, (u32)layer, &text);
	put(o, buf_str(&text), width);
	buf_free(&text);
}

static void advise(const struct screen *o, const struct advice *a, u64 stored)
{
	char after[64] = "";
	if (stored && a->all)
		snprintf(after, sizeof after, "  up to %s less (%.0f %%)", TEXT_SIZE(a->all), 100.0 * (double)a->all / (double)stored);
	title(o, "What to do", after);
	if (a->findings.n == 0)
		fputs("  nothing: every byte is in use, as far as the facts tell\n", o->f);
	for (u32 i = 0; i < a->findings.n && i < SHOW_ADVICE; i++) {
		const struct finding *x = &a->findings.v[i];
		fprintf(o->f, "  %s%8s%s  %s: ", paint(o, BOLD), TEXT_SIZE(x->bytes), paint(o, PLAIN), x->message);
		put(o, str_of(x->path), 60);
		if (x->count > 1)
			fprintf(o->f, " and %s more", TEXT_COUNT(x->count - 1));
		fprintf(o->f, "\n            %slayer %d: ", paint(o, DIM), x->layer);
		instruction(o, x->layer, o->width - 24);
		fprintf(o->f, "%s\n            -> %s\n", paint(o, PLAIN), x->fix);
	}
	if (a->findings.n > SHOW_ADVICE) {
		u64 rest = 0;
		for (u32 i = SHOW_ADVICE; i < a->findings.n; i++)
			rest += a->findings.v[i].bytes;
		fprintf(o->f, "  %8s  in %u smaller ones (--format json lists all)\n", TEXT_SIZE(rest), a->findings.n - SHOW_ADVICE);
	}
	if (a->slim)
		fprintf(o->f, "\n  `pare slim IMAGE -o OUT` takes out %s of it now, and changes nothing that runs.\n", TEXT_SIZE(a->slim));
}

/* All that the report says. The two questions are independent: each gets a thread. */
struct answers {
	const struct subject *s;
	struct bytes bytes;
	struct advice advice;
	struct findings risks;
};

static void ask(u32 what, void *ctx)
{
	struct answers *x = ctx;
	const struct subject *s = x->s;
	if (what == 1) {
		risk_find(s->image, s->rootfs, &x->risks);
		return;
	}
	bytes_find(s->image, s->rootfs, s->packages, &x->bytes);
	advice_find(s->image, s->rootfs, &x->bytes, &x->advice);
}

static void answers_find(const struct subject *s, struct answers *ret)
{
	*ret = (struct answers){ .s = s };
	thread_each(2, ask, ret);
}

static void answers_free(struct answers *x)
{
	findings_free(&x->risks);
	advice_free(&x->advice);
	bytes_free(&x->bytes);
}

void write_report(FILE *f, const struct subject *s, bool color, u32 width)
{
	struct screen o = { f, s, color, width };
	struct answers x;
	answers_find(s, &x);
	head(&o);
	where(&o, &x.bytes);
	risky(&o, &x.risks);
	advise(&o, &x.advice, s->rootfs->stored);
	answers_free(&x);
}

static void json_findings(struct jsonw *w, const char *key, const struct findings *f, const struct image *img)
{
	struct buf text = BUF(0);
	jsonw_key(w, key);
	jsonw_arr(w);
	for (u32 i = 0; i < f->n; i++) {
		const struct finding *x = &f->v[i];
		jsonw_obj(w);
		jsonw_kz(w, "rule", x->rule);
		jsonw_kz(w, "severity", severity_text[x->severity]);
		jsonw_kz(w, "message", x->message);
		jsonw_ku(w, "count", x->count);
		jsonw_ku(w, "bytes", x->bytes);
		jsonw_kz(w, "path", x->path);
		jsonw_key(w, "layer");
		if (x->layer >= 0)
			jsonw_s64(w, x->layer);
		else
			jsonw_null(w);
		buf_clear(&text);
		if (x->layer >= 0)
			image_instruction(img, (u32)x->layer, &text);
		jsonw_kz(w, "instruction", x->layer >= 0 ? text.p : NULL);
		jsonw_kz(w, "fix", x->fix);
		jsonw_end(w);
	}
	jsonw_end(w);
	buf_free(&text);
}

void write_report_json(FILE *f, const struct subject *s)
{
	struct jsonw w;
	struct answers x;
	char platform[100];
	int order[BYTES_GROUPS];
	answers_find(s, &x);
	jsonw_init(&w, f, 2);
	jsonw_obj(&w);
	jsonw_key(&w, "image");
	jsonw_obj(&w);
	jsonw_kz(&w, "reference", s->image->reference);
	jsonw_kz(&w, "transport", s->image->transport);
	jsonw_kz(&w, "digest", s->image->digest.alg ? DIGEST_STR(&s->image->digest) : NULL);
	jsonw_kz(&w, "platform", platform_text(&s->image->config.platform, platform)[0] ? platform : NULL);
	jsonw_ku(&w, "size", s->image->size);
	jsonw_ku(&w, "compressed_size", s->image->compressed_size);
	jsonw_ku(&w, "visible", s->rootfs->visible);
	jsonw_ku(&w, "files", s->rootfs->files);
	jsonw_ku(&w, "layers", s->image->n_layers);
	jsonw_ku(&w, "base_layers", x.bytes.base_layers);
	jsonw_end(&w);
	jsonw_key(&w, "bytes");
	jsonw_arr(&w);
	u32 n = groups_by_size(&x.bytes, order);
	for (u32 i = 0; i < n; i++) {
		int g = order[i];
		jsonw_obj(&w);
		jsonw_kz(&w, "group", byte_group_id[g]);
		jsonw_ku(&w, "bytes", x.bytes.group[g].bytes);
		jsonw_ku(&w, "files", x.bytes.group[g].files);
		jsonw_key(&w, "largest");
		jsonw_arr(&w);
		for (u32 k = 0; k < BYTES_TOP && x.bytes.group[g].top[k].name; k++) {
			jsonw_obj(&w);
			jsonw_kz(&w, "name", x.bytes.group[g].top[k].name);
			jsonw_ku(&w, "bytes", x.bytes.group[g].top[k].bytes);
			jsonw_end(&w);
		}
		jsonw_end(&w);
		jsonw_end(&w);
	}
	jsonw_end(&w);
	json_findings(&w, "risks", &x.risks, s->image);
	json_findings(&w, "todo", &x.advice.findings, s->image);
	jsonw_ku(&w, "slim_saves", x.advice.slim);
	json_incomplete(&w, &s->problems);
	jsonw_end(&w);
	answers_free(&x);
}
