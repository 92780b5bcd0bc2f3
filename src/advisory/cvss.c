#include "advisory/cvss.h"
#include <math.h>

#define METRICS 40
struct metrics {
	struct {
		struct str name;
		char value;
	} v[METRICS];
	u32 n;
};

static int parse(struct str s, struct metrics *m)
{
	m->n = 0;
	while (s.p) {
		struct str part = str_cut(&s, '/'), name = str_cut(&part, ':');
		if (!name.n && !part.p)
			continue; /* a slash at the end */
		if (!part.p || !name.n || !part.n || m->n == METRICS)
			return -1;
		for (u32 i = 0; i < m->n; i++)
			if (str_eq(m->v[i].name, name))
				return -1;
		m->v[m->n].name = name;
		m->v[m->n++].value = part.p[0];
	}
	return 0;
}

static char get(const struct metrics *m, const char *name)
{
	for (u32 i = 0; i < m->n; i++)
		if (str_is(m->v[i].name, name))
			return m->v[i].value;
	return 0;
}

/* The weight of a metric: `values` are its letters in the order of `weights`. False: not there, or another letter. */
static bool weigh(const struct metrics *m, const char *name, const char *values, const double *weights, double *ret)
{
	char c = get(m, name);
	const char *at = c ? strchr(values, c) : NULL;
	if (!at)
		return false;
	*ret = weights[at - values];
	return true;
}

/* --- 2.0 --- */
static int score_2(const struct metrics *m, double *score)
{
	static const double av[] = { 0.395, 0.646, 1.0 }, ac[] = { 0.35, 0.61, 0.71 }, au[] = { 0.45, 0.56, 0.704 }, impact[] = { 0.0, 0.275, 0.660 };
	double a, b, u, c, i, v;
	if (!weigh(m, "AV", "LAN", av, &a) || !weigh(m, "AC", "HML", ac, &b) || !weigh(m, "Au", "MSN", au, &u) || !weigh(m, "C", "NPC", impact, &c) || !weigh(m, "I", "NPC", impact, &i) ||
		!weigh(m, "A", "NPC", impact, &v))
		return -1;
	double imp = 10.41 * (1 - (1 - c) * (1 - i) * (1 - v)), exploit = 20 * a * b * u;
	double s = (0.6 * imp + 0.4 * exploit - 1.5) * (imp > 0 ? 1.176 : 0);
	*score = s < 0 ? 0 : floor(s * 10 + 0.5) / 10;
	return 0;
}

/* --- 3.0, 3.1 --- */
/* Up to one decimal; 3.1 defines it on integers so that no platform rounds otherwise. */
static double round_up(double x, bool v31)
{
	if (!v31)
		return ceil(x * 10) / 10;
	long n = lround(x * 100000);
	return n % 10000 == 0 ? (double)n / 100000 : (floor((double)n / 10000) + 1) / 10;
}

static int score_3(const struct metrics *m, bool v31, double *score)
{
	static const double av[] = { 0.85, 0.62, 0.55, 0.2 }, ac[] = { 0.77, 0.44 }, ui[] = { 0.85, 0.62 }, impact[] = { 0.56, 0.22, 0.0 };
	static const double pr[2][3] = { { 0.85, 0.62, 0.27 }, { 0.85, 0.68, 0.5 } };
	double a, b, p, u, c, i, v;
	char s = get(m, "S");
	if (s != 'U' && s != 'C')
		return -1;
	bool changed = s == 'C';
	if (!weigh(m, "AV", "NALP", av, &a) || !weigh(m, "AC", "LH", ac, &b) || !weigh(m, "PR", "NLH", pr[changed], &p) || !weigh(m, "UI", "NR", ui, &u) || !weigh(m, "C", "HLN", impact, &c) ||
		!weigh(m, "I", "HLN", impact, &i) || !weigh(m, "A", "HLN", impact, &v))
		return -1;
	double iss = 1 - (1 - c) * (1 - i) * (1 - v), imp = changed ? 7.52 * (iss - 0.029) - 3.25 * pow(iss - 0.02, 15) : 6.42 * iss, exploit = 8.22 * a * b * p * u;
	*score = imp <= 0 ? 0 : round_up(fmin((changed ? 1.08 : 1) * (imp + exploit), 10), v31);
	return 0;
}

/* --- 4.0 (specification, section 8) --- */
/* Ten times the scores of the 270 macro vectors: by EQ1 × EQ2, then EQ3 0 and 1 by EQ4, EQ5, EQ6, then EQ3 2 (EQ6 is 1 there) by EQ4, EQ5. */
static const u8 macro_score[6][45] = {
	{ 100, 99, 98, 95, 95, 92, 100, 96, 93, 87, 91, 81, 93, 90, 89, 80, 81, 68, 98, 95, 95, 92, 90, 84, 93, 92, 89, 81, 81, 65, 88, 80, 78, 70, 69, 48, 92, 82, 72, 79, 69, 50, 69, 55, 27 },
	{ 99, 97, 95, 92, 92, 85, 95, 91, 90, 83, 84, 71, 92, 81, 82, 71, 72, 53, 95, 93, 92, 85, 85, 73, 92, 82, 80, 72, 70, 59, 84, 70, 71, 52, 50, 30, 86, 75, 52, 71, 52, 29, 63, 29, 17 },
	{ 98, 95, 94, 87, 91, 81, 94, 89, 86, 74, 77, 64, 87, 75, 74, 63, 63, 49, 94, 89, 88, 77, 76, 67, 86, 76, 74, 58, 59, 50, 72, 57, 57, 52, 52, 25, 83, 70, 54, 65, 58, 26, 53, 21, 13 },
	{ 95, 90, 88, 76, 76, 70, 90, 77, 75, 62, 61, 53, 77, 66, 68, 59, 52, 30, 89, 78, 76, 67, 62, 58, 74, 59, 57, 57, 47, 23, 61, 52, 57, 29, 24, 16, 71, 59, 30, 58, 26, 15, 23, 13, 6 },
	{ 93, 87, 86, 72, 75, 58, 86, 74, 74, 61, 56, 34, 70, 54, 52, 40, 40, 22, 85, 75, 74, 55, 62, 51, 72, 57, 55, 41, 46, 19, 53, 36, 34, 19, 19, 8, 64, 51, 20, 47, 21, 11, 24, 9, 4 },
	{ 88, 75, 73, 53, 60, 50, 73, 55, 59, 40, 41, 20, 54, 43, 45, 22, 20, 11, 75, 55, 58, 45, 40, 21, 61, 51, 48, 18, 20, 9, 46, 18, 17, 7, 8, 2, 53, 24, 14, 24, 12, 5, 10, 3, 1 },
};

/* -1: there is no such macro vector. */
static int macro(const int eq[6])
{
	if (eq[0] > 2 || eq[1] > 1 || eq[2] > 2 || eq[3] > 2 || eq[4] > 2 || eq[5] > 1 || (eq[2] == 2 && eq[5] == 0))
		return -1;
	return macro_score[eq[0] * 2 + eq[1]][eq[2] == 2 ? 36 + eq[3] * 3 + eq[4] : eq[2] * 18 + eq[3] * 6 + eq[4] * 2 + eq[5]];
}

enum { AV, PR, UI, AC, AT, VC, VI, VA, CR, IR, AR, SC, SI, SA, E4, METRICS_4 };
/* Letters from the worst to the least. S of SI and SA is theirs when modified. */
static const struct {
	char name[3];
	const char *levels;
	char worst; /* what "X" or nothing stands for; 0: it must be there */
} metric_4[METRICS_4] = {
	[AV] = { "AV", "NALP", 0 }, [PR] = { "PR", "NLH", 0 }, [UI] = { "UI", "NPA", 0 }, [AC] = { "AC", "LH", 0 }, [AT] = { "AT", "NP", 0 }, [VC] = { "VC", "HLN", 0 }, [VI] = { "VI", "HLN", 0 },
	[VA] = { "VA", "HLN", 0 }, [CR] = { "CR", "HML", 'H' }, [IR] = { "IR", "HML", 'H' }, [AR] = { "AR", "HML", 'H' }, [SC] = { "SC", "SHLN", 0 }, [SI] = { "SI", "SHLN", 0 }, [SA] = { "SA", "SHLN", 0 },
	[E4] = { "E", "APU", 'A' },
};

static int levels_4(const struct metrics *m, int level[METRICS_4])
{
	for (int i = 0; i < METRICS_4; i++) {
		char name[4] = { 'M' }, c = get(m, metric_4[i].name), mod;
		memcpy(name + 1, metric_4[i].name, 3);
		if ((!c || c == 'X') && !(c = metric_4[i].worst))
			return -1;
		const char *at = strchr(metric_4[i].levels, c);
		if (!at || c == 'S')
			return -1;
		mod = get(m, name);
		if (mod && mod != 'X' && i <= SA && !(at = strchr(metric_4[i].levels, mod)))
			return -1;
		level[i] = (int)(at - metric_4[i].levels);
	}
	return 0;
}

/* The highest vectors of each level of an equivalence set, as levels of its metrics, ended by -1. */
static const int8_t highest_1[3][4][3] = { { { 0, 0, 0 }, { -1 } }, { { 1, 0, 0 }, { 0, 1, 0 }, { 0, 0, 1 }, { -1 } }, { { 3, 0, 0 }, { 1, 1, 1 }, { -1 } } };
static const int8_t highest_2[2][3][2] = { { { 0, 0 }, { -1 } }, { { 1, 0 }, { 0, 1 }, { -1 } } };
static const int8_t highest_36[3][2][6][6] = {
	{ { { 0, 0, 0, 0, 0, 0 }, { -1 } }, { { 0, 0, 1, 1, 1, 0 }, { 0, 0, 0, 1, 1, 1 }, { -1 } } },
	{ { { 1, 0, 0, 0, 0, 0 }, { 0, 1, 0, 0, 0, 0 }, { -1 } },
		{ { 1, 0, 1, 0, 1, 0 }, { 1, 0, 0, 0, 1, 1 }, { 0, 1, 0, 1, 0, 1 }, { 0, 1, 1, 1, 0, 0 }, { 1, 1, 0, 0, 0, 1 }, { -1 } } },
	{ { { -1 } }, { { 1, 1, 1, 0, 0, 0 }, { -1 } } },
};
static const int8_t highest_4[3][2][3] = { { { 1, 0, 0 }, { -1 } }, { { 1, 1, 1 }, { -1 } }, { { 2, 2, 2 }, { -1 } } };

/* Steps from the first highest vector that lies nowhere below this one. */
static int distance(const int *level, const int8_t *highest, int width)
{
	for (; highest[0] >= 0; highest += width) {
		int sum = 0;
		bool below = false;
		for (int i = 0; i < width; i++) {
			sum += level[i] - highest[i];
			below |= level[i] < highest[i];
		}
		if (!below)
			return sum;
	}
	return 0;
}

static void sets_4(const int l[METRICS_4], int eq[6])
{
	bool net = l[AV] == 0, none = l[PR] == 0, hands_off = l[UI] == 0;
	eq[0] = net && none && hands_off ? 0 : (net || none || hands_off) && l[AV] != 3 ? 1 : 2;
	eq[1] = l[AC] == 0 && l[AT] == 0 ? 0 : 1;
	eq[2] = l[VC] == 0 && l[VI] == 0 ? 0 : l[VC] == 0 || l[VI] == 0 || l[VA] == 0 ? 1 : 2;
	eq[3] = l[SI] == 0 || l[SA] == 0 ? 0 : l[SC] <= 1 || l[SI] == 1 || l[SA] == 1 ? 1 : 2;
	eq[4] = l[E4];
	eq[5] = (l[CR] == 0 && l[VC] == 0) || (l[IR] == 0 && l[VI] == 0) || (l[AR] == 0 && l[VA] == 0) ? 0 : 1;
}

static int score_4(const struct metrics *m, double *score)
{
	static const u8 depth_1[] = { 1, 4, 5 }, depth_2[] = { 1, 2 }, depth_36[3][2] = { { 7, 6 }, { 8, 8 }, { 10, 10 } }, depth_4[] = { 6, 5, 4 };
	int l[METRICS_4], eq[6], next[5];
	if (levels_4(m, l) < 0)
		return -1;
	if (l[VC] == 2 && l[VI] == 2 && l[VA] == 2 && l[SC] == 3 && l[SI] == 3 && l[SA] == 3) {
		*score = 0;
		return 0;
	}
	sets_4(l, eq);
	int value = macro(eq);
	for (int i = 0; i < 5; i++) {
		int lower[6];
		memcpy(lower, eq, sizeof lower);
		if (i != 2) {
			lower[i]++;
		} else { /* EQ3 and EQ6 go together; from 0,0 two ways lead down */
			lower[eq[2] == 1 && eq[5] == 0 ? 5 : 2]++;
			if (eq[2] == 2)
				lower[5]++;
		}
		next[i] = macro(lower);
		if (i == 2 && eq[2] == 0 && eq[5] == 0) {
			lower[2] = 0;
			lower[5] = 1;
			next[i] = MAX(next[i], macro(lower));
		}
	}
	const double part[5] = { (double)distance(l + AV, highest_1[eq[0]][0], 3) / depth_1[eq[0]], (double)distance(l + AC, highest_2[eq[1]][0], 2) / depth_2[eq[1]],
		(double)distance(l + VC, highest_36[eq[2]][eq[5]][0], 6) / depth_36[eq[2]][eq[5]], (double)distance(l + SC, highest_4[eq[3]][0], 3) / depth_4[eq[3]], 0 };
	double sum = 0;
	int n = 0;
	for (int i = 0; i < 5; i++)
		if (next[i] >= 0) {
			sum += (value - next[i]) / 10.0 * part[i];
			n++;
		}
	double s = value / 10.0 - (n ? sum / n : 0);
	*score = s < 0 ? 0 : s > 10 ? 10 : floor(s * 10 + 0.5 + 1e-9) / 10;
	return 0;
}

int cvss_score(struct str vector, double *score)
{
	struct metrics m;
	struct str rest = str_trim(vector);
	if (!rest.n || rest.n > CVSS_VECTOR_MAX)
		return -1;
	if (rest.n > 2 && rest.p[0] == '(' && rest.p[rest.n - 1] == ')') /* as version 2 was often written */
		rest = str_n(rest.p + 1, rest.n - 2);
	bool v30 = str_starts(rest, STR("CVSS:3.0/")), v31 = str_starts(rest, STR("CVSS:3.1/")), v4 = str_starts(rest, STR("CVSS:4.0/"));
	if (v30 || v31 || v4)
		rest = str_from(rest, 9);
	else if (str_starts(rest, STR("CVSS2#")))
		rest = str_from(rest, 6);
	else if (str_starts(rest, STR("CVSS:"))) /* of a version that is not known */
		return -1;
	if (parse(rest, &m) < 0)
		return -1;
	return v4 ? score_4(&m, score) : v30 || v31 ? score_3(&m, v31, score) : score_2(&m, score);
}
