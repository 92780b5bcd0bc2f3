/* The first byte chooses: the rest is a file that is asked everything, one value of records, or one vulnerability. */
#include "advisory/record.h"
#include "advisory/tree.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

static void use(struct str s)
{
	static volatile u8 sink;
	for (size_t i = 0; i < s.n; i += 97)
		sink ^= (u8)s.p[i];
	if (s.n)
		sink ^= (u8)s.p[s.n - 1];
}

static int record(void *ctx, const struct db_record *r)
{
	const struct str all[] = { r->id, r->ecosystem, r->package, r->introduced, r->fixed, r->last_affected, r->severity, r->reason, r->advisory, r->module, r->arches, r->cpe, r->source };
	for (size_t i = 0; i < countof(all); i++)
		use(all[i]);
	for (u32 i = 0; i < r->n_versions; i++)
		use(r->versions[i]);
	if (!fix_state_text[r->state])
		abort();
	return ++*(u32 *)ctx > 100000;
}

static int source(void *ctx, const struct db_source *s)
{
	use(s->kind);
	use(s->location);
	use(s->newest);
	return ++*(u32 *)ctx > 100000;
}

static void vuln(const struct db_vuln *v)
{
	use(v->title);
	use(v->description);
	for (u32 i = 0; i < v->n_aliases; i++)
		use(v->aliases[i]);
	for (u32 i = 0; i < v->n_cvss; i++)
		use(v->cvss[i].vector);
}

static void whole_file(struct str bytes)
{
	char path[64];
	int fd = memfd_create("db", MFD_CLOEXEC);
	if (fd < 0 || write(fd, bytes.p, bytes.n) != (ssize_t)bytes.n)
		abort();
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	struct db *d;
	struct error err = { 0 };
	struct arena a = { 0 };
	u32 n = 0;
	struct db_vuln v;
	struct db_kev k;
	struct db_epss e;
	struct db_eol o;
	if (db_open(path, &d, &err) == 0) {
		(void)!db_each(d, record, &n, &err);
		(void)!db_affected(d, STR("PyPI"), STR("A_b"), record, &n, &err);
		(void)!db_by_id(d, STR("CVE-2024-0001"), record, &n, &err);
		(void)!db_by_name(d, STR("A_b"), record, &n, &err);
		(void)!db_sources(d, source, &n);
		if (db_vuln(d, &a, STR("CVE-2024-0001"), &v))
			vuln(&v);
		if (db_kev(d, STR("CVE-2024-0001"), &k))
			use(k.due_date);
		if (db_epss(d, STR("CVE-2024-0001"), &e) && !(e.score >= 0 && e.score <= 1))
			abort();
		if (db_eol(d, STR("debian"), STR("12"), &o))
			use(o.eol);
		db_close(d);
	} else if (err.kind != ERR_INPUT) {
		abort();
	}
	arena_free(&a);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct str rest = str_n(data + 1, size - 1);
	if (data[0] % 3 == 0) {
		whole_file(rest);
	} else if (data[0] % 3 == 1) {
		struct decoder d = { rest, 0, false };
		struct version_list versions = { 0 };
		struct db_record r;
		u32 n = 0;
		while (decode_record(&d, STR("npm"), STR("a"), &versions, &r) > 0 && record(&n, &r) == 0)
			;
		free(versions.v);
	} else {
		struct arena a = { 0 };
		struct db_vuln v;
		if (decode_vuln(rest, &a, &v))
			vuln(&v);
		arena_free(&a);
	}
	return 0;
}
