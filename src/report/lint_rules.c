#include "report/lint_rules.h"
#include "base/jsonw.h"
#include "base/text.h"
#include "lint/lint.h"
#include "rule/link.h"

#define WIDTH 80u

static const struct {
	const char *prefix, *name;
} tools[] = { { "hadolint", "hadolint" }, { "buildkit", "docker build --check" }, { "shellcheck", "ShellCheck" }, { "trivy", "Trivy" }, { "checkov", "Checkov" }, { "kics", "KICS" },
	{ "tally", "tally" }, { "binnacle", "binnacle" }, { "dockle", "Dockle" }, { "dockerfilelint", "dockerfilelint" }, { "dockerfile_lint", "dockerfile_lint" } };

static const char *tool_name(struct str prefix)
{
	for (size_t i = 0; i < countof(tools); i++)
		if (str_is(prefix, tools[i].prefix))
			return tools[i].name;
	return NULL;
}

static bool is_shellcheck(const struct rule *r) { return r->hadolint && strncmp(r->hadolint, "SC", 2) == 0; }

/* Every other name of a rule, in the order of the tools. */
typedef void each_name(void *ctx, const char *tool, struct str name, const char *link);

static void names_of(const struct rule *r, each_name *each, void *ctx)
{
	char link[RULE_LINK];
	struct str rest = str_of(r->aliases), tool, name;
	if (r->hadolint)
		each(ctx, is_shellcheck(r) ? "ShellCheck" : "hadolint", str_of(r->hadolint), rule_link(r, r->hadolint, link));
	if (r->buildkit)
		each(ctx, "docker build --check", str_of(r->buildkit), rule_link(r, r->buildkit, link));
	while (rule_alias_next(&rest, &tool, &name)) {
		const char *known = tool_name(tool);
		char other[40];
		snprintf(other, sizeof other, "%.*s", STR_FMT(str_head(tool, 39)));
		each(ctx, known ? known : other, name, NULL);
	}
}

/* --- for the terminal --- */
/* Words within the width, behind `indent` blanks; paragraphs stay. */
static void wrap(FILE *f, const char *text, size_t indent)
{
	struct str rest = str_of(text);
	while (rest.p) {
		struct str line = str_cut(&rest, '\n');
		size_t at = 0;
		while (line.p) {
			struct str word = str_cut(&line, ' ');
			if (!word.n)
				continue;
			if (at && at + 1 + word.n > WIDTH) {
				putc('\n', f);
				at = 0;
			}
			fprintf(f, "%*s%.*s", at ? 1 : (int)indent, "", (int)word.n, word.p);
			at += (at ? 1 : indent) + word.n;
		}
		putc('\n', f);
	}
}

static void heading(FILE *f, const char *text, bool color) { fprintf(f, color ? "\n  \033[1m%s\033[0m\n" : "\n  %s\n", text); }

static void example(FILE *f, const char *title, const char *text, bool color)
{
	struct str rest = str_of(text);
	if (!rest.n)
		return;
	heading(f, title, color);
	while (rest.p && rest.n) {
		struct str line = str_cut(&rest, '\n');
		fprintf(f, "%s%.*s\n", line.n ? "    " : "", (int)line.n, line.p);
	}
}

static void print_name(void *ctx, const char *tool, struct str name, const char *link)
{
	fprintf(ctx, "    %-20s  %.*s%s%s\n", tool, STR_FMT(name), link ? "  " : "", link ? link : "");
}

void lint_rule_explain(FILE *f, const struct rule *r, bool color)
{
	const char *code = lint_code(r, LINT_ALL);
	fprintf(f, color ? "\033[1m%s\033[0m" : "%s", r->name);
	if (strcmp(code, r->name) != 0)
		fprintf(f, "  %s", code);
	fprintf(f, "\n%s, %s, since rule set %s\n\n", r->level == LEVEL_IGNORE ? "off unless asked for" : level_text[r->level], r->topic, r->since);
	wrap(f, r->summary, 2);
	putc('\n', f);
	wrap(f, r->why, 2);
	example(f, "Bad", r->bad, color);
	example(f, "Good", r->good, color);
	if (r->hadolint || r->buildkit || r->aliases) {
		heading(f, "Also called", color);
		names_of(r, print_name, f);
	}
	heading(f, "Switch it off", color);
	fprintf(f, "    # pare ignore=%s reason=why   above the instruction\n    pare lint --ignore %s\n", r->name, r->name);
}

static void list_json(FILE *f)
{
	struct jsonw w;
	jsonw_init(&w, f, 1);
	jsonw_arr(&w);
	for (u32 i = 0; i < lint_rule_count(); i++) {
		const struct rule *r = &lint_rule_at(i)->meta;
		struct str rest = str_of(r->aliases), tool, name;
		jsonw_obj(&w);
		jsonw_kz(&w, "rule", r->name);
		jsonw_kz(&w, "code", lint_code(r, LINT_ALL));
		jsonw_kz(&w, "hadolint", r->hadolint);
		jsonw_kz(&w, "buildkit", r->buildkit);
		jsonw_key(&w, "aliases");
		jsonw_arr(&w);
		while (rule_alias_next(&rest, &tool, &name)) {
			jsonw_obj(&w);
			jsonw_ks(&w, "tool", tool);
			jsonw_ks(&w, "name", name);
			jsonw_end(&w);
		}
		jsonw_end(&w);
		jsonw_kz(&w, "level", level_text[r->level]);
		jsonw_kz(&w, "since", r->since);
		jsonw_kz(&w, "topic", r->topic);
		jsonw_kz(&w, "summary", r->summary);
		jsonw_kz(&w, "why", r->why);
		jsonw_kz(&w, "bad", r->bad);
		jsonw_kz(&w, "good", r->good);
		jsonw_end(&w);
	}
	jsonw_end(&w);
}

/* Rules by topic, then by name. */
static int by_topic(const void *a, const void *b)
{
	const struct rule *x = *(const struct rule *const *)a, *y = *(const struct rule *const *)b;
	int c = strcmp(x->topic, y->topic);
	return c ? c : strcmp(x->name, y->name);
}

static const struct rule **sorted(u32 *n)
{
	*n = lint_rule_count();
	const struct rule **v = xcalloc(*n + 1, sizeof(void *));
	for (u32 i = 0; i < *n; i++)
		v[i] = &lint_rule_at(i)->meta;
	qsort(v, *n, sizeof *v, by_topic);
	return v;
}

void lint_rules_list(FILE *f, const char *format, bool color)
{
	u32 n;
	if (strcmp(format, "json") == 0) {
		list_json(f);
		return;
	}
	const struct rule **v = sorted(&n);
	const char *topic = "";
	size_t wide = 0;
	for (u32 i = 0; i < n; i++)
		wide = MAX(wide, strlen(v[i]->name));
	for (u32 i = 0; i < n; i++) {
		const char *code = lint_code(v[i], LINT_ALL);
		if (strcmp(topic, v[i]->topic) != 0)
			fprintf(f, color ? "%s\033[1m%s\033[0m\n" : "%s%s\n", i ? "\n" : "", v[i]->topic);
		topic = v[i]->topic;
		fprintf(f, "  %-*s  %-8s  %-7s  %s\n", (int)wide, v[i]->name, strlen(code) <= 8 && strcmp(code, v[i]->name) != 0 ? code : "", v[i]->level ? level_text[v[i]->level] : "off", v[i]->summary);
	}
	fprintf(f, "\n%u rules\n", n);
	free(v);
}

/* --- the documentation --- */
static void page_name(void *ctx, const char *tool, struct str name, const char *link)
{
	if (link)
		fprintf(ctx, "| %s | [%.*s](%s) |\n", tool, STR_FMT(name), link);
	else
		fprintf(ctx, "| %s | `%.*s` |\n", tool, STR_FMT(name));
}

void lint_rule_page(FILE *f, const struct rule *r)
{
	fprintf(f, "# %s\n\n", r->name);
	fprintf(f, "%c%s.\n\n", r->summary[0] >= 'a' && r->summary[0] <= 'z' ? r->summary[0] - 32 : r->summary[0], r->summary + 1);
	fprintf(f, "| | |\n|---|---|\n| level | %s |\n| topic | %s |\n| since rule set | %s |\n", r->level ? level_text[r->level] : "off unless asked for", r->topic, r->since);
	names_of(r, page_name, f);
	fprintf(f, "\n%s\n", r->why);
	if (r->bad && r->bad[0])
		fprintf(f, "\n## Bad\n\n```dockerfile\n%s```\n", r->bad);
	if (r->good && r->good[0])
		fprintf(f, "\n## Good\n\n```dockerfile\n%s```\n", r->good);
	fprintf(f, "\n## Switch it off\n\n```dockerfile\n# pare ignore=%s reason=why\n```\n\nabove the instruction, `pare lint --ignore %s`, or below `ignored:` of the configuration file.\n", r->name, r->name);
}

void lint_rule_index(FILE *f)
{
	u32 n;
	const struct rule **v = sorted(&n);
	const char *topic = "";
	fprintf(f, "# Rules on Dockerfiles\n\nPrinted from the table of rules by `tools/rule-pages`; `pare lint --explain RULE` says the same.\n");
	for (u32 i = 0; i < n; i++) {
		const char *code = lint_code(v[i], LINT_ALL);
		if (strcmp(topic, v[i]->topic) != 0)
			fprintf(f, "\n## %c%s\n\n| rule | code | level | what is found |\n|---|---|---|---|\n", v[i]->topic[0] - 32, v[i]->topic + 1);
		topic = v[i]->topic;
		fprintf(f, "| [%s](%s.md) | %s | %s | %s |\n", v[i]->name, v[i]->name, strcmp(code, v[i]->name) != 0 ? code : "", v[i]->level ? level_text[v[i]->level] : "off", v[i]->summary);
	}
	free(v);
}
