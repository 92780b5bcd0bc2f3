/* VEX documents of three kinds: read, or refused; what is read is sorted, and can be applied. */
#include "advisory/vex.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vex v = { 0 };
	struct scan s = { 0 };
	struct error err = { 0 };
	if (vex_read(str_n(data, size), "v", &v, &err) < 0 && err.kind != ERR_USAGE)
		abort();
	for (u32 i = 1; i < v.n; i++)
		if (strcmp(v.v[i - 1].id, v.v[i].id) > 0)
			abort();
	struct scan_finding *f = scan_add(&s, KIND_VULNERABILITY, "CVE-2024-1", SEV_LOW);
	f->purl = "pkg:deb/debian/openssl@3.0?arch=amd64";
	f->aliases = "GHSA-a-b";
	f = scan_add(&s, KIND_VULNERABILITY, "CVE-2024-2", SEV_LOW);
	f->purl = "pkg:npm/lodash@4.0.0";
	vex_apply(&v, &s, "registry/app:1", "sha256:abc");
	for (u32 i = 0; i < s.n; i++)
		if (*s.v[i].suppressed && !strstr(s.v[i].suppressed, ", says v"))
			abort();
	vex_free(&v);
	scan_free(&s);
	return 0;
}
