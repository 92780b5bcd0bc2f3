/* `pare lint --format sarif`: SARIF 2.1.0, for code scanning. Results first, then the tool with the rules that were found (rules[] is in the order of their first
 * finding), so that nothing of a file is kept. Columns count code points; ends are exclusive, as ours are. */
#include "base/hash.h"
#include "base/text.h"
#include "report/lint_writer.h"
#include "rule/link.h"

struct used {
	const struct rule *rule;
	const char *code;
};
struct sarif {
	struct used *rules;
	u32 n, cap;
	struct buf notes; /* NAME "\0" WHY "\0", of files that could not be read */
};

static void begin(struct lint_report *r)
{
	struct jsonw *w = &r->json;
	r->state = xcalloc(1, sizeof(struct sarif));
	jsonw_init(w, r->f, 1);
	jsonw_obj(w);
	jsonw_kz(w, "$schema", "https://json.schemastore.org/sarif-2.1.0.json");
	jsonw_kz(w, "version", "2.1.0");
	jsonw_key(w, "runs");
	jsonw_arr(w);
	jsonw_obj(w);
	jsonw_kz(w, "columnKind", "unicodeCodePoints");
	jsonw_kz(w, "defaultSourceLanguage", "dockerfile");
	jsonw_key(w, "results");
	jsonw_arr(w);
}

static u32 rule_index(struct sarif *s, const struct diagnostic *d)
{
	for (u32 i = 0; i < s->n; i++)
		if (strcmp(s->rules[i].code, d->code) == 0) /* two rules of ours may have one code: readers know a rule by it */
			return i;
	VEC_PUSH(s->rules, s->n, s->cap, ((struct used){ d->rule, d->code }));
	return s->n - 1;
}

static void text_object(struct jsonw *w, const char *key, const char *text)
{
	jsonw_key(w, key);
	jsonw_obj(w);
	jsonw_kz(w, "text", text);
	jsonw_end(w);
}

/* A path as a URI reference (RFC 3986): every byte that is not plain is escaped; a colon in the first part of a relative path would be taken for a scheme's. */
static void uri_of(const char *path, struct buf *out)
{
	if (path[0] == '/')
		buf_puts(out, "file://");
	for (const char *p = path; *p; p++) {
		u8 c = (u8)*p;
		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-._~/@+,=", c))
			buf_putc(out, (char)c);
		else
			buf_printf(out, "%%%02X", c);
	}
}

static void location(struct jsonw *w, const char *path)
{
	struct buf uri = BUF(0);
	uri_of(path, &uri);
	jsonw_key(w, "artifactLocation");
	jsonw_obj(w);
	jsonw_ks(w, "uri", buf_str(&uri));
	jsonw_end(w);
	buf_free(&uri);
}

static void region(struct jsonw *w, const char *key, u32 line, u32 column, u32 end_line, u32 end_column)
{
	jsonw_key(w, key);
	jsonw_obj(w);
	jsonw_ku(w, "startLine", line);
	jsonw_ku(w, "startColumn", column);
	jsonw_ku(w, "endLine", end_line);
	jsonw_ku(w, "endColumn", end_column);
	jsonw_end(w);
}

static void write_fix(struct jsonw *w, const char *path, const struct df_file *file, const struct fix *fix)
{
	jsonw_key(w, "fixes");
	jsonw_arr(w);
	jsonw_obj(w);
	text_object(w, "description", fix->title);
	jsonw_key(w, "artifactChanges");
	jsonw_arr(w);
	jsonw_obj(w);
	location(w, path);
	jsonw_key(w, "replacements");
	jsonw_arr(w);
	for (u32 i = 0; i < fix->n_edits; i++) {
		struct df_position a = df_position(file, fix->edits[i].at), b = df_position(file, fix->edits[i].end);
		jsonw_obj(w);
		region(w, "deletedRegion", a.line, a.column, b.line, b.column);
		if (fix->edits[i].with.n) {
			jsonw_key(w, "insertedContent");
			jsonw_obj(w);
			jsonw_ks(w, "text", fix->edits[i].with);
			jsonw_end(w);
		}
		jsonw_end(w);
	}
	for (int i = 0; i < 4; i++) /* replacements and its change, artifactChanges and its fix … */
		jsonw_end(w);
	jsonw_end(w); /* … fixes */
}

/* What a finding is about, wherever in the file it stands: its code and its instruction's text (its line's, where there is none). */
static u64 content_hash(const struct lint_file *file, const struct diagnostic *d)
{
	const struct df_file *df = &file->lint->file;
	struct str text = { "", 0 };
	if (d->instruction < df->n_instructions) {
		text = df->instructions[d->instruction].text.s;
	} else if (d->line && d->line <= df->n_lines) {
		struct str rest = str_from(df->text, df->lines[d->line - 1]);
		text = str_trim(str_cut(&rest, '\n'));
	}
	return hash64(text, hash64(str_of(d->code), 0));
}

static const char *level(enum level l) { return l == LEVEL_ERROR ? "error" : l == LEVEL_WARNING ? "warning" : "note"; }

static void write_result(struct lint_report *r, const struct lint_file *file, const struct diagnostic *d, u64 hash, u32 occurrence)
{
	struct jsonw *w = &r->json;
	const char *path = lint_report_path(r, file);
	char print[40];
	jsonw_obj(w);
	jsonw_kz(w, "ruleId", d->code);
	jsonw_ku(w, "ruleIndex", rule_index(r->state, d));
	jsonw_kz(w, "level", level(d->level));
	text_object(w, "message", d->message);
	jsonw_key(w, "locations");
	jsonw_arr(w);
	jsonw_obj(w);
	jsonw_key(w, "physicalLocation");
	jsonw_obj(w);
	location(w, path);
	region(w, "region", d->line, d->column, d->end_line, d->end_column);
	jsonw_end(w);
	jsonw_end(w);
	jsonw_end(w);
	jsonw_key(w, "partialFingerprints");
	jsonw_obj(w);
	snprintf(print, sizeof print, "%016llx:%u", (unsigned long long)hash, occurrence);
	jsonw_kz(w, "primaryLocationLineHash", print);
	jsonw_end(w);
	if (d->fix)
		write_fix(w, path, &file->lint->file, d->fix);
	jsonw_key(w, "properties");
	jsonw_obj(w);
	jsonw_kz(w, "rule", d->rule->name);
	if (d->bytes) {
		jsonw_ku(w, "bytes", d->bytes);
		jsonw_kb(w, "bytes_estimated", d->estimated);
		jsonw_kz(w, "bytes_in", d->bytes_in);
	}
	if (d->fix)
		jsonw_kz(w, "fix_safety", d->fix->safety == FIX_SAFE ? "safe" : "suggested");
	jsonw_end(w);
	jsonw_end(w);
}

struct seen {
	u64 hash;
	u32 at;
};
static int by_hash(const void *a, const void *b)
{
	const struct seen *x = a, *y = b;
	return x->hash != y->hash ? (x->hash < y->hash ? -1 : 1) : x->at < y->at ? -1 : x->at > y->at;
}

static void file(struct lint_report *r, const struct lint_file *file)
{
	struct sarif *s = r->state;
	if (file->unreadable) {
		buf_add(&s->notes, str_n(file->name, strlen(file->name) + 1));
		buf_add(&s->notes, str_n(file->unreadable, strlen(file->unreadable) + 1));
	}
	u32 n = file->d->n;
	autofree struct seen *seen = xcalloc(n + 1, sizeof *seen);
	autofree u32 *occurrence = xcalloc(n + 1, sizeof *occurrence);
	for (u32 i = 0; i < n; i++)
		seen[i] = (struct seen){ content_hash(file, &file->d->v[i]), i };
	qsort(seen, n, sizeof *seen, by_hash);
	for (u32 i = 0; i < n; i++)
		occurrence[seen[i].at] = i && seen[i].hash == seen[i - 1].hash ? occurrence[seen[i - 1].at] + 1 : 1;
	for (u32 i = 0; i < n; i++)
		write_result(r, file, &file->d->v[i], content_hash(file, &file->d->v[i]), occurrence[i]);
}

/* Markdown of a rule's page: why, and both examples. */
static void write_help(struct jsonw *w, const struct rule *r)
{
	struct buf md = BUF(0);
	buf_printf(&md, "%s\n\n%s\n", r->summary, r->why ? r->why : "");
	if (r->bad)
		buf_printf(&md, "\nBad:\n\n```dockerfile\n%s```\n", r->bad);
	if (r->good)
		buf_printf(&md, "\nGood:\n\n```dockerfile\n%s```\n", r->good);
	jsonw_key(w, "help");
	jsonw_obj(w);
	jsonw_kz(w, "text", r->why ? r->why : r->summary);
	jsonw_ks(w, "markdown", buf_str(&md));
	jsonw_end(w);
	buf_free(&md);
}

static void write_rule(struct jsonw *w, const struct used *u)
{
	const struct rule *r = u->rule;
	char link[RULE_LINK];
	const char *uri = rule_link(r, u->code, link);
	enum level by_default = r->level ? r->level : LEVEL_INFO;
	jsonw_obj(w);
	jsonw_kz(w, "id", u->code);
	jsonw_kz(w, "name", r->name);
	text_object(w, "shortDescription", r->summary);
	text_object(w, "fullDescription", r->why ? r->why : r->summary);
	write_help(w, r);
	if (uri)
		jsonw_kz(w, "helpUri", uri);
	jsonw_key(w, "defaultConfiguration");
	jsonw_obj(w);
	if (r->level == LEVEL_IGNORE)
		jsonw_kb(w, "enabled", false);
	jsonw_kz(w, "level", level(by_default));
	jsonw_end(w);
	jsonw_key(w, "properties");
	jsonw_obj(w);
	jsonw_key(w, "tags");
	jsonw_arr(w);
	if (r->topic)
		jsonw_str(w, str_of(r->topic));
	for (struct str rest = str_of(r->aliases); rest.n;) {
		struct str alias = str_cut(&rest, ' ');
		if (alias.n)
			jsonw_str(w, alias);
	}
	jsonw_end(w);
	jsonw_kz(w, "problem.severity", by_default == LEVEL_ERROR ? "error" : by_default == LEVEL_WARNING ? "warning" : "recommendation");
	if (r->topic && strcmp(r->topic, "security") == 0) /* what makes GitHub show it among the security alerts */
		jsonw_kz(w, "security-severity", by_default == LEVEL_ERROR ? "8.0" : by_default == LEVEL_WARNING ? "5.0" : "2.0");
	jsonw_end(w);
	jsonw_end(w);
}

static void write_invocation(struct jsonw *w, const struct lint_report *r, const struct sarif *s)
{
	jsonw_key(w, "invocations");
	jsonw_arr(w);
	jsonw_obj(w);
	jsonw_kb(w, "executionSuccessful", r->unreadable == 0);
	jsonw_key(w, "toolExecutionNotifications");
	jsonw_arr(w);
	for (struct str rest = buf_str(&s->notes); rest.n;) {
		struct str name = str_cut(&rest, '\0'), why = str_cut(&rest, '\0');
		jsonw_obj(w);
		jsonw_kz(w, "level", "error");
		jsonw_key(w, "message");
		jsonw_obj(w);
		jsonw_ks(w, "text", why);
		jsonw_end(w);
		jsonw_key(w, "locations");
		jsonw_arr(w);
		jsonw_obj(w);
		jsonw_key(w, "physicalLocation");
		jsonw_obj(w);
		location(w, name.p); /* terminated: the separator is a zero */
		for (int i = 0; i < 4; i++)
			jsonw_end(w);
	}
	jsonw_end(w);
	jsonw_end(w);
	jsonw_end(w);
}

static void end(struct lint_report *r)
{
	struct sarif *s = r->state;
	struct jsonw *w = &r->json;
	jsonw_end(w);
	write_invocation(w, r, s);
	jsonw_key(w, "tool");
	jsonw_obj(w);
	jsonw_key(w, "driver");
	jsonw_obj(w);
	jsonw_kz(w, "name", "pare");
	jsonw_kz(w, "fullName", "pare lint");
	jsonw_kz(w, "version", PARE_VERSION);
	jsonw_kz(w, "semanticVersion", PARE_VERSION);
	jsonw_key(w, "rules");
	jsonw_arr(w);
	for (u32 i = 0; i < s->n; i++)
		write_rule(w, &s->rules[i]);
	jsonw_end(w);
	jsonw_end(w);
	jsonw_end(w);
	jsonw_end(w); /* run */
	jsonw_end(w); /* runs */
	jsonw_end(w);
	free(s->rules);
	buf_free(&s->notes);
	free(s);
	r->state = NULL;
}

const struct lint_writer lint_writer_sarif = { "sarif", begin, file, end };
