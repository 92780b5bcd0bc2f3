/* The bytes are a Dockerfile: it is repaired, with the fixes of the rules and with edits made up from its bytes. What a repair promises must hold each time. */
#include "dockerfile_check.h"
#include "lint/fix.h"

static struct str line_of(const struct df_file *f, struct df_span s) { return str_trim(str_n(f->text.p + s.at, s.end - s.at)); }

static u32 stages(const struct df_file *f)
{
	u32 n = 0;
	for (u32 i = 0; i < f->n_instructions; i++)
		n += f->instructions[i].keyword == DF_FROM;
	return n;
}

static void promises(const struct df_file *a, const struct df_file *b)
{
	u32 k = 0;
	HOLDS(!a->refused && !b->refused);
	HOLDS(a->bom == b->bom && a->final_newline == b->final_newline && a->escape == b->escape);
	HOLDS(a->eol == DF_EOL_MIXED || a->eol == b->eol);
	HOLDS(stages(a) == stages(b) && a->n_directives == b->n_directives);
	for (u32 i = 0; i < a->n_comments; i++, k++) {
		while (k < b->n_comments && !str_eq(line_of(a, a->comments[i].span), line_of(b, b->comments[k].span)))
			k++;
		HOLDS(k < b->n_comments);
	}
	check_file(b);
}

static void repair(const struct df_file *f, enum fix_safety up_to, fix_finder *find, void *ctx)
{
	struct lint_options opt = { .codes = LINT_ALL };
	struct fix_result once, twice;
	struct error err = { 0 };
	struct df_file g;
	int r = find ? fix_apply_found(f->text, &opt, up_to, find, ctx, &once, &err) : fix_apply(f->text, &opt, up_to, &once, &err);
	HOLDS(r == 0 && once.changed == !str_eq(buf_str(&once.text), f->text));
	HOLDS(!once.changed || once.made > 0);
	if (once.changed) {
		HOLDS(df_parse(buf_str(&once.text), &g, &err) == 0);
		promises(f, &g);
		df_free(&g);
		if (!find) {
			HOLDS(fix_apply(buf_str(&once.text), &opt, up_to, &twice, &err) == 0);
			HOLDS(!twice.changed);
			fix_result_free(&twice);
		}
	}
	fix_result_free(&once);
}

/* --- edits that no rule would make --- */
static const char *const pieces[] = { "", "\n", " ", " \\\n", "RUN x\n", "\nUSER y", "FROM z\n", "# c\n", " <<E\n", "\"", "ENV A=b", "\\", "\r\n", "ONBUILD ", "`", "\nE\n" };

static u32 mix(u64 *state)
{
	*state = *state * 6364136223846793005ull + 1442695040888963407ull;
	return (u32)(*state >> 33);
}

static int make_up(void *ctx, struct str text, const struct lint_options *opt, struct diagnostics *out, struct error *err)
{
	static const struct rule none = { .name = "made-up" };
	u64 *seed = ctx;
	(void)opt, (void)err;
	for (u32 i = mix(seed) % 6; i > 0 && text.n; i--) {
		struct fix *fix = arena_new(&out->arena, struct fix);
		struct edit *e = arena_array(&out->arena, struct edit, 3);
		u32 at = mix(seed) % (u32)text.n, n = 1 + mix(seed) % 3;
		for (u32 k = 0; k < n; k++) {
			e[k].at = at;
			e[k].end = mix(seed) % 2 ? at : at + mix(seed) % 12;
			e[k].with = str_of(pieces[mix(seed) % countof(pieces)]);
			at = e[k].end + mix(seed) % 9;
		}
		*fix = (struct fix){ .safety = FIX_SAFE, .title = "t", .edits = e, .n_edits = n };
		struct diagnostic d = { .rule = &none, .code = "", .message = "", .line = 1 + mix(seed) % 8, .instruction = UINT32_MAX, .fix = fix };
		VEC_PUSH(out->v, out->n, out->cap, d);
	}
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct df_file f;
	struct error err = { 0 };
	if (size == 0 || df_parse(str_n(data + 1, size - 1), &f, &err) < 0)
		return 0;
	u64 seed = data[0];
	for (size_t i = 0; i < size; i++)
		seed = (seed ^ data[i]) * 1099511628211ull;
	repair(&f, data[0] & 1 ? FIX_SUGGESTED : FIX_SAFE, NULL, NULL);
	if (!f.refused)
		repair(&f, FIX_SAFE, make_up, &seed);
	df_free(&f);
	return 0;
}
