#include "rule/gate.h"

/* A fraction: digits, a point, digits. */
static bool fraction(struct str s, double *ret)
{
	double v = 0, unit = 1;
	bool point = false, digits = false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '.' && !point) {
			point = true;
		} else if (s.p[i] >= '0' && s.p[i] <= '9' && i < 12) {
			v = v * 10 + (s.p[i] - '0');
			unit *= point ? 10 : 1;
			digits = true;
		} else {
			return false;
		}
	}
	*ret = v / unit;
	return digits;
}

static bool parse_one(struct str s, struct gate *g)
{
	for (u32 i = 0; i < SEVERITIES; i++)
		if (str_ieq(s, str_of(severity_text[i]))) {
			*g = (struct gate){ .test = GATE_SEVERITY, .value = i };
			return true;
		}
	for (u32 i = 0; i <= KIND_LICENSE; i++)
		if (str_is(s, finding_kind_text[i])) {
			*g = (struct gate){ .test = GATE_KIND, .value = i };
			return true;
		}
	static const struct {
		const char *word;
		enum gate_test test;
	} words[] = { { "kev", GATE_KEV }, { "fixable", GATE_FIXABLE }, { "eol", GATE_EOL }, { "reachable", GATE_REACHABLE } };
	for (size_t i = 0; i < countof(words); i++)
		if (str_is(s, words[i].word)) {
			*g = (struct gate){ .test = words[i].test };
			return true;
		}
	bool epss = str_starts(s, STR("epss>"));
	if (!epss && !str_starts(s, STR("cvss>")))
		return false;
	*g = (struct gate){ .test = epss ? GATE_EPSS : GATE_CVSS };
	return fraction(str_from(s, 5), &g->limit);
}

int gates_parse(struct str list, struct gates *g, struct error *err)
{
	while (list.p) {
		struct str term = str_trim(str_cut(&list, ','));
		if (!term.n)
			continue;
		while (term.p) {
			struct str word = str_trim(str_cut(&term, '+'));
			struct gate one;
			if (g->n == GATES_MAX)
				return error_set(err, ERR_USAGE, "--fail-on: over %d conditions", GATES_MAX);
			if (!parse_one(word, &one))
				return error_set(err, ERR_USAGE, "--fail-on %.*s: none of critical high medium low info kev epss>X cvss>X fixable eol reachable vulnerability secret config license", STR_FMT(str_head(word, 60)));
			one.and_next = term.p != NULL;
			g->v[g->n++] = one;
		}
	}
	return 0;
}

static bool holds(const struct gate *g, const struct scan_finding *f)
{
	switch (g->test) {
	case GATE_SEVERITY: return f->severity >= g->value;
	case GATE_KEV: return *f->kev != '\0';
	case GATE_EPSS: return f->epss > g->limit;
	case GATE_CVSS: return f->cvss > g->limit;
	case GATE_FIXABLE: return *f->fixed_version != '\0';
	case GATE_KIND: return f->kind == g->value;
	case GATE_EOL: return strcmp(f->id, "os-end-of-life") == 0;
	case GATE_REACHABLE: return f->kind == KIND_VULNERABILITY && f->reachable != REACHABLE_NO;
	}
	return false;
}

u32 gates_count(const struct gates *g, const struct scan *s)
{
	u32 n = 0;
	for (u32 i = 0; i < s->n; i++) {
		const struct scan_finding *f = &s->v[i];
		bool fails = false;
		for (u32 k = 0; k < g->n && !fails && !*f->suppressed && !f->known; k++) {
			fails = holds(&g->v[k], f);
			while (g->v[k].and_next && k + 1 < g->n)
				fails &= holds(&g->v[++k], f);
		}
		n += fails;
	}
	return n;
}
