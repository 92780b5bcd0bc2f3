/* sources.h — which archives packages come from: what SPEC says, the host's apt sources where they fit (sources.list(5), both formats), or the distribution's own mirrors. */
#ifndef PARE_COMPOSE_SOURCES_H
#define PARE_COMPOSE_SOURCES_H
#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

#define SOURCES_MAX 256u

struct apt_source { /* one suite of one archive */
	const char *uri, *suite;
	const char *const *components; /* NULL-terminated */
	const char *const *archs;      /* NULL: any */
	const char *const *signed_by;  /* keyrings (paths), and fingerprints of the keys of them that count; NULL: the default */
	struct str key;                /* an armored key that stands in the sources themselves; n 0: none */
	bool trusted;                  /* [trusted=yes] */
	bool any_date;                 /* Valid-Until is not asked */
};
struct apt_sources {
	struct apt_source *v;
	u32 n;
};

/* `dir`: "/etc/apt": sources.list, sources.list.d/ *.list and *.sources, and whether apt.conf.d asks for no Valid-Until. What is not understood is passed over, as is what is for sources alone (deb-src). */
int sources_host(const char *dir, struct arena *a, struct apt_sources *ret, struct error *err) must_check;
/* One file's text of either format. */
void sources_list(struct str text, struct arena *a, struct apt_sources *ret);
void sources_deb822(struct str text, struct arena *a, struct apt_sources *ret);

struct recipe;
/* Those for a recipe and an architecture. ERR_USAGE: no suite is said. */
int sources_of(const struct recipe *r, const char *arch, struct arena *a, struct apt_sources *ret, struct error *err) must_check;
#endif
