/* The sets of rules, one a topic, in the order in which they are asked; and finding a rule by any of its names. */
#include "lint/lint.h"
#include <pthread.h>

extern const struct lint_rule rules_driver[];
extern const struct lint_rule rules_apt[];
extern const struct lint_rule rules_apk[];
extern const struct lint_rule rules_rpm[];
extern const struct lint_rule rules_pip[];
extern const struct lint_rule rules_npm[];
extern const struct lint_rule rules_gem[];
extern const struct lint_rule rules_golang[];
extern const struct lint_rule rules_download[];
extern const struct lint_rule rules_base_image[];
extern const struct lint_rule rules_stage[];
extern const struct lint_rule rules_copy[];
extern const struct lint_rule rules_user[];
extern const struct lint_rule rules_label[];
extern const struct lint_rule rules_command[];
extern const struct lint_rule rules_instruction[];
extern const struct lint_rule rules_run[];
extern const struct lint_rule rules_security[];
extern const struct lint_rule rules_secrets[];
extern const struct lint_rule rules_base[];
extern const struct lint_rule rules_order[];
extern const struct lint_rule rules_cache[];
extern const struct lint_rule rules_waste[];
extern const struct lint_rule rules_shellcheck[];
extern const struct lint_rule rules_errors[];
extern const struct lint_rule rules_pragma[];
extern const struct lint_rule rules_buildkit[];

const struct lint_rule *const lint_rule_sets[] = {
	rules_driver,
	rules_apt,
	rules_apk,
	rules_rpm,
	rules_pip,
	rules_npm,
	rules_gem,
	rules_golang,
	rules_download,
	rules_base_image,
	rules_stage,
	rules_copy,
	rules_user,
	rules_label,
	rules_command,
	rules_instruction,
	rules_run,
	rules_security,
	rules_secrets,
	rules_base,
	rules_order,
	rules_cache,
	rules_waste,
	rules_shellcheck,
	rules_errors,
	rules_pragma,
	rules_buildkit,
	NULL,
};

/* --- names: our own, the tools' codes, aliases with and without the tool's prefix --- */
#define RULES_MAX 1024
#define SLOTS 8192 /* a power of two */

struct slot {
	struct str tool, name; /* tool: empty, or the prefix that must match when one is given */
	u32 rule;              /* 1 + index */
};
static struct slot *slots;
static const struct lint_rule *all[RULES_MAX];
static u32 n_rules, n_names;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static u32 hash(struct str s)
{
	u32 h = 2166136261u;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		h = (h ^ (u8)(c >= 'A' && c <= 'Z' ? c + 32 : c)) * 16777619u;
	}
	return h ^ h >> 15;
}

static void name_add(struct str tool, struct str name, u32 rule)
{
	if (!name.n || n_names + 1 >= SLOTS)
		return;
	u32 i = hash(name) % SLOTS;
	while (slots[i].rule)
		i = (i + 1) % SLOTS;
	slots[i] = (struct slot){ tool, name, rule + 1 };
	n_names++;
}

static void list_rules(void)
{
	for (const struct lint_rule *const *set = lint_rule_sets; *set; set++)
		for (const struct lint_rule *r = *set; r->meta.name && n_rules < RULES_MAX; r++)
			all[n_rules++] = r;
	slots = xcalloc(SLOTS, sizeof *slots);
	for (u32 i = 0; i < n_rules; i++)
		name_add(STR("pare"), str_of(all[i]->meta.name), i);
	for (u32 i = 0; i < n_rules; i++) {
		const struct rule *r = &all[i]->meta;
		struct str rest = str_of(r->aliases), tool, name;
		name_add(STR("hadolint"), str_of(r->hadolint), i);
		name_add(STR("buildkit"), str_of(r->buildkit), i);
		while (rule_alias_next(&rest, &tool, &name))
			name_add(tool, name, i);
	}
}

u32 lint_rule_count(void)
{
	pthread_once(&once, list_rules);
	return n_rules;
}

const struct lint_rule *lint_rule_at(u32 i) { return i < lint_rule_count() ? all[i] : NULL; }

static u32 index_of(const struct lint_rule *r)
{
	u32 i = 0;
	while (i < n_rules && all[i] != r)
		i++;
	return i;
}

static const struct lint_rule *find(struct str tool, struct str name, const struct lint_rule *after)
{
	u32 best = UINT32_MAX; /* index of the first behind `after`, in the order of the sets */
	for (u32 i = hash(name) % SLOTS; slots[i].rule; i = (i + 1) % SLOTS) {
		u32 k = slots[i].rule - 1;
		if (k < best && str_ieq(slots[i].name, name) && (!tool.n || str_ieq(slots[i].tool, tool)) && (!after || k > index_of(after)))
			best = k;
	}
	return best == UINT32_MAX ? NULL : all[best];
}

const struct lint_rule *lint_rule_named(struct str name, const struct lint_rule *after)
{
	pthread_once(&once, list_rules);
	const struct lint_rule *r = find(str_n("", 0), name, after);
	if (r)
		return r;
	struct str rest = name, tool = str_cut(&rest, ':');
	if (!rest.p) { /* tally writes tool/name */
		rest = name;
		tool = str_cut(&rest, '/');
	}
	return rest.p ? find(tool, rest, after) : NULL;
}

const struct lint_rule *lint_rule_find(struct str name) { return lint_rule_named(name, NULL); }
