/* feed_sink.h — a writer that keeps nothing but what it was told last: for fuzzers of importers, which would else measure LMDB. */
#ifndef FUZZ_FEED_SINK_H
#define FUZZ_FEED_SINK_H
#include "advisory/feed_job.h"
#include "base/hash.h"

static u64 sunk;

static void sink(struct str s)
{
	if (s.n && !s.p)
		abort();
	sunk += s.n ? hash64(s, 1) : 0; /* reads all of it: a sanitizer sees what is not there */
}

int db_add_record(struct db_writer *w, const struct db_record *r, struct error *err)
{
	const struct str all[] = { r->id, r->ecosystem, r->package, r->introduced, r->fixed, r->last_affected, r->severity, r->reason, r->advisory, r->module, r->arches, r->cpe, r->source };
	(void)w, (void)err;
	if (!r->id.n || !r->package.n || !r->ecosystem.n || r->state > FIX_UNKNOWN)
		abort();
	for (size_t i = 0; i < countof(all); i++)
		sink(all[i]);
	for (u32 i = 0; i < r->n_versions; i++)
		sink(r->versions[i]);
	return 0;
}

int db_add_vuln(struct db_writer *w, const struct db_vuln *v, struct error *err)
{
	const struct str all[] = { v->id, v->title, v->description, v->published, v->modified, v->severity };
	(void)w, (void)err;
	for (size_t i = 0; i < countof(all); i++)
		sink(all[i]);
	for (u32 i = 0; i < v->n_aliases; i++)
		sink(v->aliases[i]);
	for (u32 i = 0; i < v->n_references; i++)
		sink(v->references[i]);
	for (u32 i = 0; i < v->n_cwes; i++)
		sink(v->cwes[i]);
	for (u32 i = 0; i < v->n_cvss; i++) {
		sink(v->cvss[i].source);
		sink(v->cvss[i].version);
		sink(v->cvss[i].vector);
	}
	return 0;
}

int db_add_kev(struct db_writer *w, struct str id, const struct db_kev *k, struct error *err)
{
	(void)w, (void)err;
	sink(id);
	sink(k->date_added);
	sink(k->due_date);
	return 0;
}

int db_add_epss(struct db_writer *w, struct str id, const struct db_epss *e, struct error *err)
{
	(void)w, (void)err;
	if (e->score < 0 || e->score > 1 || e->percentile < 0 || e->percentile > 1)
		abort();
	sink(id);
	return 0;
}

int db_add_eol(struct db_writer *w, const struct db_eol *e, struct error *err)
{
	(void)w, (void)err;
	sink(e->product);
	sink(e->cycle);
	sink(e->codename);
	sink(e->release);
	sink(e->eol);
	sink(e->extended);
	return 0;
}

int db_add_source(struct db_writer *w, const struct db_source *s, struct error *err)
{
	(void)w, (void)err;
	sink(s->location);
	return 0;
}
#endif
