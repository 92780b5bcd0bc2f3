/* The bytes are a database of rpm, in any of its forms, of which every second package goes. What comes out is a database in which as many are left as were said to be. */
#include "package/rpm.h"
#include "package/rpm_rewrite.h"

struct count {
	u32 asked, left;
};

static bool second(void *ctx, struct str name, struct str version, struct str arch)
{
	struct count *c = ctx;
	(void)name, (void)version, (void)arch;
	c->left += c->asked & 1;
	return c->asked++ & 1;
}

static bool all(void *ctx, struct str name, struct str version, struct str arch)
{
	(void)name, (void)version, (void)arch;
	*(u32 *)ctx += 1;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str file = str_n(data, size);
	struct buf out = BUF(0), again = BUF(0);
	struct error err = { 0 };
	struct count c = { 0 };
	u32 n = 0;
	if (!rpm_can_rewrite(file))
		return 0;
	if (rpm_rewrite(file, second, &c, &out, &err) == 0) {
		if (rpm_rewrite(buf_str(&out), all, &n, &again, &err) < 0 || n != c.left)
			abort();
		if (str_starts(file, STR("RpmP"))) /* NDB's generation */
			memcpy(again.p + 8, out.p + 8, 4);
		if (!str_eq(buf_str(&out), buf_str(&again)))
			abort();
	}
	buf_free(&out);
	buf_free(&again);
	return 0;
}
