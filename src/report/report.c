/* `pare IMAGE`: one screen. Where the bytes are, what is risky, what to do, most important first. A later section is one more
 * static function here, called from write_report() and write_report_json(). */
#include "report/report.h"
#include "base/jsonw.h"
#include "base/text.h"
#include "base/thread.h"
#include "report/first.h"

#define SHOW_ACTIONS 6u
#define SHOW_ACTIONS_LEAST 2u /* of bytes, and of risks */
#define SHOW_RISKS 8

struct screen {
	FILE *f;
	const struct subject *s;
	bool color;
	u32 width;
};

static void put(const struct screen *o, struct str s, size_t width) { text_put(o->f, s, width, false, false); }

static const char *paint(const struct screen *o, const char *code) { return o->color ? code : ""; }
#define BOLD "\033[1m"
#define DIM "\033[2m"
#define RED "\033[31m"
#define YELLOW "\033[33m"
#define GREEN "\033[32m"
#define PLAIN "\033[0m"
static const char *severity_color(enum severity s) { return s >= SEV_HIGH ? RED : s >= SEV_MEDIUM ? YELLOW : DIM; }

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

static void where(const struct screen *o, const struct bytes *b)
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

/* "2 critical, 5 high; 12 vulnerabilities (5 with a fix), 2 secrets". */
static void counts(const struct scan *scan, struct buf *out)
{
	static const char *const one[] = { "vulnerability", "secret", "fault of configuration", "licence" }, *const many[] = { "vulnerabilities", "secrets", "faults of configuration", "licences" };
	u32 n[SEVERITIES] = { 0 }, kind[4] = { 0 }, fixable = 0, kev = 0;
	for (u32 i = 0; i < scan->n; i++) {
		const struct scan_finding *f = &scan->v[i];
		if (*f->suppressed || f->severity == SEV_INFO)
			continue;
		n[f->severity] += f->count;
		kind[f->kind] += f->count;
		fixable += f->kind == KIND_VULNERABILITY && *f->fixed_version;
		kev += *f->kev != '\0';
	}
	for (int i = SEVERITIES - 1; i > SEV_INFO; i--)
		if (n[i])
			buf_printf(out, "%s%s %s", out->n ? ", " : "  ", TEXT_COUNT(n[i]), severity_text[i]);
	for (u32 i = 0, any = 0; i < countof(kind); i++) {
		if (!kind[i])
			continue;
		buf_printf(out, "%s%s %s", any++ ? ", " : ": ", TEXT_COUNT(kind[i]), kind[i] == 1 ? one[i] : many[i]);
		if (i == KIND_VULNERABILITY && fixable)
			buf_printf(out, " (%s with a fix)", TEXT_COUNT(fixable));
		if (i == KIND_VULNERABILITY && kev)
			buf_printf(out, ", %s known to be exploited", TEXT_COUNT(kev));
	}
}

static void risky(const struct screen *o, const struct report *x)
{
	const struct findings *f = &x->risks;
	struct buf text = BUF(0);
	counts(&x->scan, &text);
	title(o, "What is risky", buf_str(&text).p);
	buf_free(&text);
	if (f->n == 0)
		fputs("  nothing that the configuration and the files tell\n", o->f);
	for (u32 i = 0; i < f->n && i < SHOW_RISKS; i++) {
		fprintf(o->f, "  %s%-8s%s  ", paint(o, severity_color(f->v[i].severity)), severity_text[f->v[i].severity], paint(o, PLAIN));
		put(o, str_of(f->v[i].message), o->width - 12);
		putc('\n', o->f);
	}
	if (f->n > SHOW_RISKS)
		fprintf(o->f, "  %sand %u more lines (pare scan lists every finding)%s\n", paint(o, DIM), f->n - SHOW_RISKS, paint(o, PLAIN));
	if (!(x->opt->kinds & EXAMINE_VULNERABILITIES))
		fprintf(o->f, "  %svulnerabilities were not looked for: there is no advisory database (pare db update fetches one)%s\n", paint(o, DIM), paint(o, PLAIN));
}

static void instruction(const struct screen *o, s32 layer, size_t width)
{
	struct buf text = BUF(0);
	image_instruction(o->s->image, (u32)layer, &text);
	put(o, buf_str(&text), width);
	buf_free(&text);
}

static void on_bytes(const struct screen *o, const struct finding *x)
{
	fprintf(o->f, "  %s%8s%s  %s: ", paint(o, BOLD), TEXT_SIZE(x->bytes), paint(o, PLAIN), x->message);
	put(o, str_of(x->path), 60);
	if (x->count > 1)
		fprintf(o->f, " and %s more", TEXT_COUNT(x->count - 1));
	fprintf(o->f, "\n            %slayer %d: ", paint(o, DIM), x->layer);
	instruction(o, x->layer, o->width - 24);
	fprintf(o->f, "%s\n            -> %s\n", paint(o, PLAIN), x->fix);
}

static void on_upgrade(const struct screen *o, const struct scan_action *x)
{
	bool some = false;
	fprintf(o->f, "  %s%8s%s  ", paint(o, severity_color(x->first->severity)), severity_text[x->first->severity], paint(o, PLAIN));
	put(o, str_of(x->text), o->width - 12);
	fprintf(o->f, "\n            %sremoves %s %s:", paint(o, DIM), TEXT_COUNT(x->count), x->count == 1 ? "vulnerability" : "vulnerabilities");
	for (int k = SEVERITIES - 1; k >= 0; k--) {
		u32 n = x->severity[k] + (k == SEV_MEDIUM ? x->unrated : 0);
		if (n)
			fprintf(o->f, "%s %s %s", some ? "," : "", TEXT_COUNT(n), severity_text[k]), some = true;
	}
	fprintf(o->f, "%s%s\n", x->kev ? "; known to be exploited" : "", paint(o, PLAIN));
}

static void on_risk(const struct screen *o, const struct finding *x)
{
	fprintf(o->f, "  %s%8s%s  ", paint(o, severity_color(x->severity)), severity_text[x->severity], paint(o, PLAIN));
	put(o, str_of(x->message), o->width - 12);
	fprintf(o->f, "\n            %s-> ", paint(o, DIM));
	put(o, str_of(x->fix), o->width - 15);
	fprintf(o->f, "%s\n", paint(o, PLAIN));
}

/* As many as the screen has room for, but not of bytes alone, nor of risks alone, as long as there are others. */
static void advise(const struct screen *o, const struct report *x)
{
	const struct advice *a = &x->advice;
	u64 stored = o->s->rootfs->stored, rest = 0;
	struct first_action *v;
	u32 n = first_actions(a, stored, &x->risks, x->actions, x->n_actions, &v), shown[2] = { 0 }, of[2] = { 0 }, left[2] = { 0 };
	char after[64] = "";
	if (stored && a->all)
		snprintf(after, sizeof after, "  up to %s less (%.0f %%)", TEXT_SIZE(a->all), 100.0 * (double)a->all / (double)stored);
	title(o, "What to do", after);
	if (n == 0)
		fputs("  nothing: every byte is in use, as far as the facts tell\n", o->f);
	for (u32 i = 0; i < n; i++)
		of[v[i].finding && v[i].finding->bytes]++;
	for (u32 i = 0; i < n; i++) {
		bool bytes = v[i].finding && v[i].finding->bytes;
		u32 keep = MIN(of[!bytes] - shown[!bytes], SHOW_ACTIONS_LEAST - MIN(shown[!bytes], SHOW_ACTIONS_LEAST)); /* for the others */
		if (shown[0] + shown[1] + keep >= SHOW_ACTIONS) {
			left[bytes]++;
			rest += bytes ? v[i].finding->bytes : 0;
			continue;
		}
		shown[bytes]++;
		if (v[i].upgrade)
			on_upgrade(o, v[i].upgrade);
		else
			(bytes ? on_bytes : on_risk)(o, v[i].finding);
	}
	if (left[1])
		fprintf(o->f, "  %8s  in %u smaller ones (--format json lists all)\n", TEXT_SIZE(rest), left[1]);
	if (left[0])
		fprintf(o->f, "            %sand %u risk%s%s%s\n", paint(o, DIM), left[0], left[0] == 1 ? " that counts less" : "s that count less", left[1] ? "" : " (--format json lists all)", paint(o, PLAIN));
	if (a->slim)
		fprintf(o->f, "\n  `pare slim IMAGE -o OUT` takes out %s of it now, and changes nothing that runs.\n", TEXT_SIZE(a->slim));
	free(v);
}

/* Whose files are whose as `pare slim` sees it: packages of languages own nothing, their bytes are told by directory. What slimming saves is said to the byte. */
static void bytes_and_advice(const struct subject *s, struct report *x)
{
	const struct packages *p = s->packages;
	struct packages system = *p;
	system.owner = xcalloc((size_t)p->n_owner + 1, sizeof *system.owner);
	for (u32 i = 0; i < p->n_owner; i++)
		system.owner[i] = p->owner[i] && p->v[p->owner[i] - 1].origin == ORIGIN_DATABASE ? p->owner[i] : 0;
	bytes_find(s->image, s->rootfs, &system, &x->bytes);
	advice_find(s->image, s->rootfs, &x->bytes, &x->advice);
	free(system.owner);
}

/* Bytes and risks are independent questions: each gets a thread. */
static void ask(u32 what, void *ctx)
{
	struct report *x = ctx;
	const struct subject *s = x->s;
	if (what == 1) {
		if (examine(s, x->opt, &x->scan, &x->err) < 0)
			return;
		first_risks(s, &x->scan, &x->risks);
		x->n_actions = scan_actions(s, &x->scan, &x->arena, &x->actions);
		return;
	}
	bytes_and_advice(s, x);
}

int report_make(const struct subject *s, const struct examine_options *opt, struct report *ret, struct error *err)
{
	*ret = (struct report){ .s = s, .opt = opt };
	thread_each(2, ask, ret);
	if (ret->err.kind) {
		*err = ret->err;
		return -1;
	}
	return 0;
}

void report_free(struct report *x)
{
	findings_free(&x->risks);
	scan_free(&x->scan);
	free(x->actions);
	arena_free(&x->arena);
	advice_free(&x->advice);
	bytes_free(&x->bytes);
}

void write_report(FILE *f, const struct report *x, bool color, u32 width)
{
	struct screen o = { f, x->s, color, width };
	head(&o);
	where(&o, &x->bytes);
	risky(&o, x);
	advise(&o, x);
}

static void json_findings(struct jsonw *w, const char *key, const struct findings *f, const struct image *img)
{
	struct buf text = BUF(0);
	jsonw_key(w, key);
	jsonw_arr(w);
	for (u32 i = 0; i < f->n; i++) {
		const struct finding *x = &f->v[i];
		jsonw_obj(w);
		if (x->kind)
			jsonw_kz(w, "kind", x->kind);
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

/* "first": what to do, in one order. */
static void json_first(struct jsonw *w, const struct report *x)
{
	struct first_action *v;
	u32 n = first_actions(&x->advice, x->s->rootfs->stored, &x->risks, x->actions, x->n_actions, &v);
	jsonw_key(w, "first");
	jsonw_arr(w);
	for (u32 i = 0; i < n; i++) {
		const struct finding *f = v[i].finding;
		const struct scan_action *u = v[i].upgrade;
		s32 layer = f ? f->layer : u->first->layer;
		jsonw_obj(w);
		jsonw_kz(w, "kind", u ? finding_kind_text[KIND_VULNERABILITY] : f->kind ? f->kind : "bytes");
		jsonw_kz(w, "rule", u ? u->first->id : f->rule);
		jsonw_kz(w, "severity", u ? severity_text[u->first->severity] : f->kind ? severity_text[f->severity] : NULL);
		jsonw_kz(w, "message", u ? u->text : f->message);
		jsonw_kz(w, "path", u ? NULL : f->path);
		jsonw_ku(w, "count", u ? u->count : f->count);
		jsonw_ku(w, "bytes", u ? 0 : f->bytes);
		jsonw_kb(w, "exploited", u && u->kev);
		jsonw_key(w, "layer");
		if (layer >= 0)
			jsonw_s64(w, layer);
		else
			jsonw_null(w);
		jsonw_kz(w, "fix", u ? u->text : f->fix);
		jsonw_end(w);
	}
	jsonw_end(w);
	free(v);
}

static void json_counts(struct jsonw *w, const struct report *x)
{
	u32 n[SEVERITIES], kind[4] = { 0 };
	scan_count(&x->scan, n);
	jsonw_key(w, "counts");
	jsonw_obj(w);
	for (int i = SEVERITIES - 1; i >= 0; i--)
		jsonw_ku(w, severity_text[i], n[i]);
	for (u32 i = 0; i < x->scan.n; i++)
		kind[x->scan.v[i].kind] += !*x->scan.v[i].suppressed;
	for (u32 i = 0; i < countof(kind); i++)
		if (x->opt->kinds & 1u << i)
			jsonw_ku(w, finding_kind_text[i], kind[i]);
	jsonw_end(w);
}

void write_report_json(FILE *f, const struct report *x)
{
	struct jsonw w;
	const struct subject *s = x->s;
	char platform[100];
	int order[BYTES_GROUPS];
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
	jsonw_ku(&w, "base_layers", x->bytes.base_layers);
	jsonw_end(&w);
	jsonw_key(&w, "bytes");
	jsonw_arr(&w);
	u32 n = groups_by_size(&x->bytes, order);
	for (u32 i = 0; i < n; i++) {
		int g = order[i];
		jsonw_obj(&w);
		jsonw_kz(&w, "group", byte_group_id[g]);
		jsonw_ku(&w, "bytes", x->bytes.group[g].bytes);
		jsonw_ku(&w, "files", x->bytes.group[g].files);
		jsonw_key(&w, "largest");
		jsonw_arr(&w);
		for (u32 k = 0; k < BYTES_TOP && x->bytes.group[g].top[k].name; k++) {
			jsonw_obj(&w);
			jsonw_kz(&w, "name", x->bytes.group[g].top[k].name);
			jsonw_ku(&w, "bytes", x->bytes.group[g].top[k].bytes);
			jsonw_end(&w);
		}
		jsonw_end(&w);
		jsonw_end(&w);
	}
	jsonw_end(&w);
	json_findings(&w, "risks", &x->risks, s->image);
	json_findings(&w, "todo", &x->advice.findings, s->image);
	jsonw_ku(&w, "slim_saves", x->advice.slim);
	json_first(&w, x);
	json_counts(&w, x);
	json_problems(&w, "incomplete", &x->scan.problems);
	jsonw_end(&w);
}
