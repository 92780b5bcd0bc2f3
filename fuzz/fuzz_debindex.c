/* A Packages file of any bytes, what is chosen from it, and a Release. */
#include "compose/relation.h"
#include "compose/release.h"
#include "compose/solve.h"
#include "compose/sources.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_n(data, size);
	struct package_index ix;
	struct error err = { 0 };
	struct arena a = { 0 };
	struct solution s = { 0 };
	struct apt_sources sources = { 0 };
	struct release r = { .text = BUF(0) };
	struct buf key = BUF(1 << 20);
	index_open(&ix);
	if (index_read(&ix, stream_memory(text), "amd64", 0, false, &err) == 0 && ix.n) {
		index_finish(&ix);
		const char *first = arena_strdup(&a, ix.v[0].name), *last = arena_strdup(&a, ix.v[ix.n - 1].name);
		const struct solve_ask ask = { .packages = (const char *const[]){ first, last, NULL }, .recommends = size & 1 };
		if (solve(&ix, &ask, &a, &s, &err) == 0)
			for (u32 i = 0; i < s.n; i++) {
				if (!solve_explain(&ix, &s, ix.v[s.v[i].package].name, &a))
					abort();
				for (u32 k = 0; k < i; k++) /* of one name there is one version */
					if (str_eq(ix.v[s.v[i].package].name, ix.v[s.v[k].package].name))
						abort();
			}
	}
	index_free(&ix);
	buf_add(&r.text, text);
	if (r.text.n && release_parse(&r, &err) == 0) {
		struct digest d;
		u64 n;
		(void)!release_file(&r, "main/binary-amd64/Packages.xz", &d, &n);
		(void)!release_date(r.date, (s64[1]){ 0 });
	}
	release_free(&r);
	(void)(release_dearmor(text, &key, &err) < 0);
	buf_free(&key);
	sources_list(text, &a, &sources);
	sources_deb822(text, &a, &sources);
	arena_free(&a);
	return 0;
}
