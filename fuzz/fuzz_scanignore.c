/* Ignore files of three kinds: read whole, or refused with what is wrong; what is read can be applied. */
#include "rule/scanignore.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const ids[] = { "CVE-2024-1", "GHSA-a-b", "aws-access-key-id" };
	struct scan_ignores l = { 0 };
	struct scan s = { 0 };
	struct error err = { 0 };
	if (scan_ignores_read(str_n(data, size), "f", &l, &err) < 0 && (err.kind != ERR_USAGE || err.text[0] != 'f'))
		abort();
	for (u32 i = 0; i < countof(ids); i++) {
		struct scan_finding *f = scan_add(&s, i == 2 ? KIND_SECRET : KIND_VULNERABILITY, ids[i], SEV_LOW);
		f->package = "openssl";
		f->purl = "pkg:deb/debian/openssl@1?arch=x";
		f->path = "/srv/app/key";
		f->aliases = "A B";
	}
	scan_ignores_apply(&l, &s, "2026-01-31");
	for (u32 i = 0; i < s.n; i++)
		if (*s.v[i].suppressed && strncmp(s.v[i].suppressed, "ignored by f:", 13))
			abort();
	scan_ignores_free(&l);
	scan_free(&s);
	return 0;
}
