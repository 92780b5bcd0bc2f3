/* What is said of a document: its findings, what stands behind the one under the cursor, and the edits that remove them. */
#include "base/text.h"
#include "lint/fix.h"
#include "lsp/server.h"
#include "rule/link.h"

/* --- diagnostics --- */
static void write_tags(struct jsonw *w, const struct rule *r)
{
	bool deprecated = strstr(r->name, "deprecated") || (r->buildkit && (strstr(r->buildkit, "Deprecated") || strncmp(r->buildkit, "Legacy", 6) == 0));
	bool unnecessary = strstr(r->name, "unused") != NULL;
	if (!deprecated && !unnecessary)
		return;
	jsonw_key(w, "tags");
	jsonw_arr(w);
	jsonw_u64(w, unnecessary ? 1 : 2);
	jsonw_end(w);
}

static void message_of(struct buf *out, const struct diagnostic *x)
{
	text_safe(out, str_of(x->message));
	if (!x->bytes)
		return;
	buf_printf(out, " (%s%s", x->estimated ? "about " : "", TEXT_SIZE(x->bytes));
	if (x->bytes_in) {
		buf_puts(out, " in ");
		text_safe(out, str_of(x->bytes_in));
	}
	buf_putc(out, ')');
}

static void write_diagnostic(struct jsonw *w, const struct lsp *s, struct document *d, const struct diagnostic *x)
{
	static const u8 severity[] = { 4, 4, 3, 2, 1 };
	char link[RULE_LINK];
	const char *page = rule_link(x->rule, x->code, link);
	struct buf text = BUF(0);
	message_of(&text, x);
	jsonw_obj(w);
	write_range(w, "range", s, d, x->at, x->end);
	jsonw_ku(w, "severity", severity[x->level]);
	jsonw_kz(w, "code", x->code);
	if (page) {
		jsonw_key(w, "codeDescription");
		jsonw_obj(w);
		jsonw_kz(w, "href", page);
		jsonw_end(w);
	}
	jsonw_kz(w, "source", "pare");
	jsonw_ks(w, "message", buf_str(&text));
	write_tags(w, x->rule);
	jsonw_end(w);
	buf_free(&text);
}

static void publish_begin(struct lsp *s, struct jsonw *w, const struct document *d)
{
	message_begin(s, w);
	jsonw_kz(w, "method", "textDocument/publishDiagnostics");
	jsonw_key(w, "params");
	jsonw_obj(w);
	jsonw_kz(w, "uri", d->uri);
}

static void publish_end(struct lsp *s, struct jsonw *w)
{
	jsonw_end(w);
	jsonw_end(w);
	message_send(s, w);
}

void publish(struct lsp *s, struct document *d)
{
	struct jsonw w;
	document_judge(d, s->host);
	d->unpublished = false;
	publish_begin(s, &w, d);
	jsonw_key(&w, "version");
	jsonw_s64(&w, d->version);
	jsonw_key(&w, "diagnostics");
	jsonw_arr(&w);
	for (u32 i = 0; i < d->found.n; i++)
		write_diagnostic(&w, s, d, &d->found.v[i]);
	if (!d->opened) {
		struct buf text = BUF(0);
		text_safe(&text, str_of(d->err.text));
		jsonw_obj(&w);
		write_range(&w, "range", s, d, 0, 0);
		jsonw_ku(&w, "severity", 1);
		jsonw_kz(&w, "source", "pare");
		jsonw_ks(&w, "message", buf_str(&text));
		jsonw_end(&w);
		buf_free(&text);
	}
	publish_end(s, &w);
}

void publish_nothing(struct lsp *s, const struct document *d)
{
	struct jsonw w;
	publish_begin(s, &w, d);
	jsonw_key(&w, "diagnostics");
	jsonw_arr(&w);
	publish_end(s, &w);
}

/* --- hover --- */
static void plain(struct buf *out, const struct lsp *s, struct str text)
{
	if (s->markdown)
		text_markdown(out, text);
	else
		text_safe(out, text);
}

/* As code, where that can be told apart: a backquote would end it, so it becomes another mark. */
static void code(struct buf *out, const struct lsp *s, struct str text)
{
	struct buf safe = BUF(0);
	text_safe(&safe, str_head(text, 200));
	for (size_t i = 0; s->markdown && i < safe.n; i++)
		if (safe.p[i] == '`')
			safe.p[i] = '\'';
	buf_puts(out, s->markdown ? "`" : "");
	buf_add(out, buf_str(&safe));
	buf_puts(out, s->markdown ? "`" : "");
	buf_free(&safe);
}

static void say_finding(struct buf *out, const struct lsp *s, const struct diagnostic *x)
{
	struct buf message = BUF(0);
	char link[RULE_LINK];
	const char *page = rule_link(x->rule, x->code, link), *bold = s->markdown ? "**" : "";
	message_of(&message, x);
	buf_printf(out, "%s%s%s ", bold, x->code, bold);
	if (strcmp(x->code, x->rule->name) != 0) {
		code(out, s, str_of(x->rule->name));
		buf_putc(out, ' ');
	}
	buf_printf(out, "(%s): ", level_text[x->level]);
	plain(out, s, buf_str(&message));
	buf_puts(out, "\n\n");
	if (x->rule->why)
		buf_printf(out, "%s\n\n", x->rule->why);
	if (x->rule->aliases) {
		buf_puts(out, "Elsewhere: ");
		code(out, s, str_of(x->rule->aliases));
		buf_puts(out, "\n\n");
	}
	if (x->fix)
		buf_printf(out, "Fix%s: %s\n\n", x->fix->safety == FIX_SAFE ? "" : " (look at it)", x->fix->title);
	if (page)
		buf_printf(out, s->markdown ? "[%s](%s)\n\n" : "%s: %s\n\n", x->code, page);
	buf_free(&message);
}

static void say_stage(struct buf *out, const struct lsp *s, const struct lint *l, u32 instruction)
{
	u32 stage = l->graph.stage_of[instruction];
	if (stage == DF_NONE || stage >= l->graph.n_stages) {
		buf_puts(out, "Before the first stage: only FROM sees what is set here.\n");
		return;
	}
	const struct df_stage *st = &l->graph.stages[stage];
	const struct df_state *state = l->graph.state[instruction];
	buf_printf(out, "Stage %u of %u", stage + 1, l->graph.n_stages);
	if (st->name.p) {
		buf_puts(out, ", ");
		code(out, s, st->name);
	}
	if (st->image.n) {
		buf_puts(out, ", from ");
		code(out, s, st->image_known ? st->image_expanded : st->image);
	}
	buf_puts(out, st->target ? ": the image that is built." : st->ships ? ": its layers are in the image." : st->needed ? ": it only builds; the image takes files from it." :
		": nothing of it is in the image.");
	if (state && (state->user.p || state->workdir.p)) {
		buf_puts(out, " Here");
		if (state->user.p) {
			buf_puts(out, " the user is ");
			code(out, s, state->user);
		}
		if (state->workdir.p) {
			buf_puts(out, state->user.p ? ", the directory " : " the directory is ");
			code(out, s, state->workdir);
		}
		buf_putc(out, '.');
	}
	buf_putc(out, '\n');
}

static bool covers(const struct diagnostic *x, u32 at, u32 end) { return x->at <= end && at <= MAX(x->end, x->at); }

static const struct df_instruction *instruction_at(const struct df_file *f, u32 offset)
{
	for (u32 i = 0; i < f->n_instructions; i++)
		if (f->instructions[i].span.at <= offset && offset <= f->instructions[i].span.end)
			return &f->instructions[i];
	return NULL;
}

void answer_hover(struct lsp *s, const json_t *id, struct document *d, u32 offset)
{
	struct buf text = BUF(0);
	struct df_span range = { UINT32_MAX, 0 };
	struct jsonw w;
	document_judge(d, s->host);
	for (u32 i = 0; i < d->found.n; i++)
		if (covers(&d->found.v[i], offset, offset)) {
			say_finding(&text, s, &d->found.v[i]);
			range = (struct df_span){ MIN(range.at, d->found.v[i].at), MAX(range.end, d->found.v[i].end) };
		}
	const struct df_instruction *in = d->opened ? instruction_at(&d->lint.file, offset) : NULL;
	if (in) {
		if (text.n)
			buf_puts(&text, s->markdown ? "---\n\n" : "");
		else
			range = in->word.span;
		say_stage(&text, s, &d->lint, in->index);
	}
	answer_begin(s, &w, id);
	if (text.n) {
		jsonw_obj(&w);
		jsonw_key(&w, "contents");
		jsonw_obj(&w);
		jsonw_kz(&w, "kind", s->markdown ? "markdown" : "plaintext");
		jsonw_ks(&w, "value", buf_str(&text));
		jsonw_end(&w);
		write_range(&w, "range", s, d, range.at, range.end);
		jsonw_end(&w);
	} else {
		jsonw_null(&w);
	}
	message_send(s, &w);
	buf_free(&text);
}

/* --- actions --- */
#define ACTIONS_MAX 500 /* nobody reads a longer menu */

static bool wanted(const json_t *only, const char *kind)
{
	if (!only)
		return true;
	for (size_t i = 0; i < json_array_size(only); i++) {
		const char *k = json_string_value(json_array_get(only, i));
		size_t n = k ? strlen(k) : 0;
		if (k && (n == 0 || (strncmp(kind, k, n) == 0 && (kind[n] == '\0' || kind[n] == '.'))))
			return true;
	}
	return false;
}

static void edit_begin(struct jsonw *w, const struct lsp *s, const struct document *d)
{
	jsonw_key(w, "edit");
	jsonw_obj(w);
	if (!s->versioned_edits) {
		jsonw_key(w, "changes");
		jsonw_obj(w);
		jsonw_key(w, d->uri);
		jsonw_arr(w);
		return;
	}
	jsonw_key(w, "documentChanges");
	jsonw_arr(w);
	jsonw_obj(w);
	jsonw_key(w, "textDocument");
	jsonw_obj(w);
	jsonw_kz(w, "uri", d->uri);
	jsonw_key(w, "version");
	jsonw_s64(w, d->version);
	jsonw_end(w);
	jsonw_key(w, "edits");
	jsonw_arr(w);
}

static void edit_end(struct jsonw *w, const struct lsp *s)
{
	for (int i = 0; i < (s->versioned_edits ? 4 : 3); i++)
		jsonw_end(w);
}

static void write_edit(struct jsonw *w, const struct lsp *s, struct document *d, u32 at, u32 end, struct str with)
{
	jsonw_obj(w);
	write_range(w, "range", s, d, at, end);
	jsonw_ks(w, "newText", with);
	jsonw_end(w);
}

static void write_quick_fix(struct jsonw *w, const struct lsp *s, struct document *d, const struct diagnostic *x)
{
	char title[300];
	snprintf(title, sizeof title, "%s (%s)", x->fix->title, x->code);
	jsonw_obj(w);
	jsonw_kz(w, "title", title);
	jsonw_kz(w, "kind", "quickfix");
	jsonw_key(w, "diagnostics");
	jsonw_arr(w);
	write_diagnostic(w, s, d, x);
	jsonw_end(w);
	if (x->fix->safety == FIX_SAFE)
		jsonw_kb(w, "isPreferred", true);
	edit_begin(w, s, d);
	for (u32 i = 0; i < x->fix->n_edits; i++)
		write_edit(w, s, d, x->fix->edits[i].at, x->fix->edits[i].end, x->fix->edits[i].with);
	edit_end(w, s);
	jsonw_end(w);
}

static bool line_start(struct str s, size_t at) { return at == 0 || s.p[at - 1] == '\n'; }

/* Only one offer a rule and instruction: the comment silences all its findings there. */
static bool offered(const struct document *d, u32 i)
{
	const struct diagnostic *x = &d->found.v[i];
	for (u32 k = i; k-- > 0 && d->found.v[k].line == x->line;)
		if (d->found.v[k].instruction == x->instruction && strcmp(d->found.v[k].code, x->code) == 0)
			return true;
	return false;
}

/* A comment above the instruction that switches the rule off there; hadolint's where it has the rule, so that both tools heed it. */
static void write_ignore(struct jsonw *w, const struct lsp *s, struct document *d, const struct diagnostic *x)
{
	const struct df_file *f = &d->lint.file;
	bool hadolint = x->rule->hadolint && strcmp(x->code, x->rule->hadolint) == 0;
	char title[200], comment[200];
	u32 at = f->lines[f->instructions[x->instruction].line - 1];
	snprintf(title, sizeof title, "Ignore %s here", x->code);
	snprintf(comment, sizeof comment, "# %s ignore=%s%s", hadolint ? "hadolint" : "pare", hadolint ? x->code : x->rule->name, f->eol == DF_EOL_CRLF ? "\r\n" : "\n");
	jsonw_obj(w);
	jsonw_kz(w, "title", title);
	jsonw_kz(w, "kind", "quickfix");
	jsonw_key(w, "diagnostics");
	jsonw_arr(w);
	write_diagnostic(w, s, d, x);
	jsonw_end(w);
	edit_begin(w, s, d);
	write_edit(w, s, d, at, at, str_of(comment));
	edit_end(w, s);
	jsonw_end(w);
}

/* One edit of whole lines that makes `after` of `before`: an editor cannot name the place inside a line's end. */
static struct edit difference(struct str before, struct str after)
{
	size_t n = MIN(before.n, after.n), head = 0, tail = 0;
	while (head < n && before.p[head] == after.p[head])
		head++;
	while (!line_start(before, head))
		head--;
	while (tail < n - head && before.p[before.n - 1 - tail] == after.p[after.n - 1 - tail])
		tail++;
	while (tail && !(line_start(before, before.n - tail) && line_start(after, after.n - tail)))
		tail--;
	return (struct edit){ (u32)head, (u32)(before.n - tail), str_n(after.p + head, after.n - tail - head) };
}

static void write_fix_all(struct jsonw *w, const struct lsp *s, struct document *d)
{
	struct lint_options opt = { 0 };
	struct fix_result r = { 0 };
	struct error err = { 0 };
	if (s->host->options && s->host->options(s->host->ctx, d->path, &opt, &err) < 0)
		return;
	if (fix_apply(buf_str(&d->text), &opt, FIX_SAFE, &r, &err) < 0)
		return;
	if (r.changed) {
		struct edit e = difference(buf_str(&d->text), buf_str(&r.text));
		jsonw_obj(w);
		jsonw_kz(w, "title", "Fix everything that is safe to fix (pare)");
		jsonw_kz(w, "kind", "source.fixAll.pare");
		edit_begin(w, s, d);
		write_edit(w, s, d, e.at, e.end, e.with);
		edit_end(w, s);
		jsonw_end(w);
	}
	fix_result_free(&r);
}

void answer_actions(struct lsp *s, const json_t *id, struct document *d, u32 at, u32 end, const json_t *only)
{
	struct jsonw w;
	bool safe = false, quick = wanted(only, "quickfix");
	u32 n = 0;
	document_judge(d, s->host);
	answer_begin(s, &w, id);
	jsonw_arr(&w);
	for (u32 i = 0; i < d->found.n; i++) {
		const struct diagnostic *x = &d->found.v[i];
		safe |= x->fix && x->fix->safety == FIX_SAFE;
		if (x->fix && quick && covers(x, at, end) && n++ < ACTIONS_MAX)
			write_quick_fix(&w, s, d, x);
	}
	for (u32 i = 0; i < d->found.n && quick && n < ACTIONS_MAX && !d->lint.refused; i++)
		if (covers(&d->found.v[i], at, end) && d->found.v[i].instruction < d->lint.file.n_instructions && !offered(d, i) && n++ < ACTIONS_MAX)
			write_ignore(&w, s, d, &d->found.v[i]);
	if (safe && wanted(only, "source.fixAll.pare"))
		write_fix_all(&w, s, d);
	jsonw_end(&w);
	message_send(s, &w);
}
