/* What users and services write: probe files, compose files, pages with links; and answers compared. The first byte says which. */
#include "run/compose.h"
#include "run/probe.h"

static void one_link(void *ctx, struct str link)
{
	struct buf path = BUF(0);
	if (probe_same_origin(STR("/a/b?c"), link, STR("localhost:8080"), &path) && (path.n == 0 || path.p[0] != '/' || str_contains(str_n(path.p, path.n), STR(" "))))
		abort();
	buf_free(&path);
	(*(u32 *)ctx)++;
}

static void compare(struct str s)
{
	struct answer a[3];
	char why[300], masked[120];
	for (u32 i = 0; i < 3; i++) {
		struct str part = s.p ? str_cut(&s, '\x1e') : STR("");
		a[i] = (struct answer){ .status = 0, .when = 1700000000000 + i * 100000 };
		buf_add(&a[i].out, part);
	}
	struct answer_mask *m = answer_mask_new(&a[0], &a[1]);
	(void)answer_masked(m, masked);
	(void)answer_same(m, &a[0], &a[2], why);
	if (!answer_same(m, &a[0], &a[1], why) || !answer_same(m, &a[0], &a[0], why) || !answer_same(NULL, &a[2], &a[2], why)) /* what the original gave passes */
		abort();
	for (u32 i = 0; i < 3; i++)
		a[i].log = true;
	(void)answer_same(m, &a[0], &a[2], why);
	answer_mask_free(m);
	for (u32 i = 0; i < 3; i++)
		answer_free(&a[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = { 0 };
	struct error err = { 0 };
	struct problems notes = { 0 };
	struct probe *v = NULL;
	u32 n = 0, cap = 0, links = 0;
	if (size < 2)
		return 0;
	struct str s = str_n(data + 2, size - 2);
	static const char *none[] = { NULL };
	struct config config = { .entrypoint = none, .cmd = none };
	struct compose c;
	switch (data[0]) {
	case 'p':
		if (probe_lines(&a, s, "f", &v, &n, &cap, &err) < 0 && (err.kind != ERR_USAGE || err.text[0] != 'f'))
			abort();
		break;
	case 'c':
		if (compose_parse(&a, s, "f", NULL, "web", &config, &c, &notes, &err) < 0 && err.kind == ERR_NONE)
			abort();
		break;
	case 'l':
		probe_links(s, one_link, &links);
		break;
	default:
		compare(s);
	}
	free(v);
	problems_free(&notes);
	arena_free(&a);
	return 0;
}
