/* probe.h — what a user tells to try: requests and commands; and what came of it, to compare.
 *
 *   --http-probe "[METHOD ]PATH|URL" then, each on its own line, header fields, an empty line, the body ("GET" when there is no method). A URL says scheme and port; else the port is the first
 *                one of EXPOSE that answers, TLS is spoken where plain HTTP is refused.  "crawl PATH": follows links of the same origin from there, at most PROBE_CRAWL pages.
 *   --exec "COMMAND LINE"            split into words as a shell does, no shell started
 *   --exec-file FILE                 one command line each line, # comments
 *   --compose FILE[:SERVICE]         command, entrypoint, environment, user, healthcheck, ports of the service that uses this image
 *
 * A probe's answer is status, a few header fields and body; or exit status, output and error output. Answers are compared after what differs between two runs of the same image has been
 * left out: the original runs twice, and what its two runs do not agree on (a time, an ID, a port, a PID) is masked in both texts where it stands; a body that cannot be aligned is compared by
 * status, type and length class. What is masked is said.
 *
 * Ceilings: PROBE_BODY of a body, PROBE_SECONDS of one probe. */
#ifndef PARE_RUN_PROBE_H
#define PARE_RUN_PROBE_H
#include "base/arena.h"
#include "run/box.h"

#define PROBE_BODY ((size_t)(16 * MiB))
#define PROBE_SECONDS 60
#define PROBE_CRAWL 200

enum probe_kind { PROBE_HTTP, PROBE_EXEC };
struct probe {
	enum probe_kind kind;
	const char *text;          /* as given, for people (first line) */
	/* HTTP */
	const char *method, *path; /* path with the query */
	const char *const *fields; /* "Name: value", NULL-terminated */
	struct str body;           /* p NULL: none */
	u16 port;                  /* 0: to be found */
	bool tls, crawl;
	/* EXEC */
	const char *const *argv;   /* NULL-terminated */
};
int probe_http(struct arena *a, const char *text, struct probe *ret, struct error *err) must_check;
int probe_exec(struct arena *a, const char *text, struct probe *ret, struct error *err) must_check;
int probe_file(struct arena *a, const char *path, struct probe **v, u32 *n, u32 *cap, struct error *err) must_check; /* --exec-file, --verify: lines that begin with "http " are requests */

struct answer {
	bool failed;        /* no answer at all; `error` says why */
	char error[200];
	int status;         /* HTTP or exit */
	struct buf fields;  /* "content-type: …\n" those that matter, sorted */
	struct buf out, err;
};
void answer_free(struct answer *a);
/* EXEC runs in `c` when that runs, else in a container of its own with `spec` (tracer and limits in it). */
int probe_do(struct run_box *b, struct run_container *c, const struct run_spec *spec, const struct probe *p, struct answer *ret, struct error *err) must_check;

/* What two answers of the same program differ in by nature: made of two answers of the original, used on a third. */
struct answer_mask;
struct answer_mask *answer_mask_new(const struct answer *a, const struct answer *b);
void answer_mask_free(struct answer_mask *m);
/* `why`: one line, "status 200, then 500"; m NULL: nothing differs by nature. */
bool answer_same(const struct answer_mask *m, const struct answer *before, const struct answer *after, char why[300]);
#endif
