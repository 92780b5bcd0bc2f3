#include "command/ci.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/text.h"
#include <math.h>
#include <unistd.h>
#include <yaml.h>

static bool is_off(const char *v) { return strcmp(v, "disabled") == 0 || strcmp(v, "off") == 0 || strcmp(v, "false") == 0 || !*v; }

static int ratio(const char *name, const char *value, double *ret, struct error *err)
{
	char *end;
	double v = strtod(value, &end);
	if (end == value || *end || !(v >= 0 && v <= 1))
		return error_set(err, ERR_USAGE, "%s: '%.60s' is no number from 0 to 1", name, value);
	*ret = v;
	return 0;
}

int ci_set(struct ci_rules *r, const char *name, const char *value, struct error *err)
{
	bool on = !is_off(value);
	if (strcmp(name, "lowestEfficiency") == 0) {
		r->efficiency_on = on;
		return on ? ratio(name, value, &r->efficiency, err) : 0;
	}
	if (strcmp(name, "highestUserWastedPercent") == 0) {
		r->percent_on = on;
		return on ? ratio(name, value, &r->percent, err) : 0;
	}
	if (strcmp(name, "highestWastedBytes") == 0) {
		r->bytes_on = on;
		if (on && !text_parse_size(str_of(value), &r->bytes))
			return error_set(err, ERR_USAGE, "%s: '%.60s' is no size", name, value);
	}
	return 0; /* other keys are other programs' */
}

/* The scalars below `rules:`. */
static int read_rules(struct ci_rules *r, struct str text, const char *file, struct error *err)
{
	yaml_parser_t p;
	yaml_event_t e;
	int status = 0, depth = 0;
	bool in_rules = false, done = false;
	char key[64] = "";
	if (!yaml_parser_initialize(&p))
		return error_set(err, ERR_ENV, "YAML: no memory");
	yaml_parser_set_input_string(&p, (const unsigned char *)text.p, text.n);
	while (!done && status == 0) {
		if (!yaml_parser_parse(&p, &e)) {
			status = error_set(err, ERR_USAGE, "%s: not YAML: %s (line %zu)", file, p.problem ? p.problem : "damaged", p.problem_mark.line + 1);
			break;
		}
		switch (e.type) {
		case YAML_MAPPING_START_EVENT:
		case YAML_SEQUENCE_START_EVENT:
			depth++;
			in_rules = depth == 2 ? strcmp(key, "rules") == 0 : in_rules && depth < 2;
			key[0] = '\0';
			break;
		case YAML_MAPPING_END_EVENT:
		case YAML_SEQUENCE_END_EVENT:
			if (--depth == 1)
				in_rules = false;
			key[0] = '\0';
			break;
		case YAML_SCALAR_EVENT: {
			const char *v = (const char *)e.data.scalar.value;
			if (!key[0]) {
				snprintf(key, sizeof key, "%s", v);
			} else {
				if (in_rules && depth == 2 && (status = ci_set(r, key, v, err)) < 0)
					error_wrap(err, "%s", file);
				key[0] = '\0';
			}
			break;
		}
		case YAML_STREAM_END_EVENT: done = true; break;
		default: break;
		}
		yaml_event_delete(&e);
	}
	yaml_parser_delete(&p);
	return status;
}

int ci_load(const char *file, struct ci_rules *ret, struct error *err)
{
	struct ci_rules r = { .efficiency_on = true, .efficiency = 0.9, .percent_on = true, .percent = 0.1 };
	struct buf text = BUF(0);
	const char *name = file ? file : ".dive-ci";
	int status = 0;
	if (file || access(name, F_OK) == 0) {
		status = file_read(name, MiB, &text, err);
		if (status < 0)
			err->kind = ERR_USAGE;
		else
			status = read_rules(&r, buf_str(&text), name, err);
	}
	buf_free(&text);
	if (status == 0)
		*ret = r;
	return status;
}

static u32 verdict(FILE *f, const char *name, bool on, bool fails, const char *text)
{
	if (f)
		fprintf(f, "%s  %-24s %s\n", !on ? "SKIP" : fails ? "FAIL" : "PASS", name, on ? text : "disabled");
	return on && fails;
}

u32 ci_check(const struct ci_rules *r, const struct dive *d, FILE *f)
{
	char text[160];
	u32 failed = 0;
	snprintf(text, sizeof text, "%.4f, lowest %.4f", d->efficiency, r->efficiency);
	failed += verdict(f, "lowestEfficiency", r->efficiency_on, r->efficiency > d->efficiency, text);
	snprintf(text, sizeof text, "%s, highest %s", TEXT_SIZE(d->wasted_bytes), TEXT_SIZE(r->bytes));
	failed += verdict(f, "highestWastedBytes", r->bytes_on, d->wasted_bytes > r->bytes, text);
	snprintf(text, sizeof text, "%.4f, highest %.4f", d->user_wasted_percent, r->percent);
	/* 0/0 is no failure, x/0 is one: comparisons with NaN are false. */
	failed += verdict(f, "highestUserWastedPercent", r->percent_on, r->percent < d->user_wasted_percent, text);
	return failed;
}
