/* probe.h — what a user tells to try: requests and commands; and what came of it, to compare.
 *
 *   --http-probe "[METHOD ]PATH|URL" then, each on its own line, header fields, an empty line, the body ("GET" when there is no method). A URL says scheme and port; else the port is the first
 *                one of EXPOSE that answers, TLS is spoken where plain HTTP is refused.  "crawl PATH": follows links of the same origin from there, at most PROBE_CRAWL pages.
 *   --exec "COMMAND LINE"            split into words as a shell does, no shell started
 *   --exec-file FILE                 one command line each line, # comments; a line "http …" is a request, lines behind it that begin with a blank are its header fields, with "> " its body's lines
 *   --compose FILE[:SERVICE]         compose.h
 *
 * A probe's answer is status, a few header fields and body; or exit status, output and error output. Answers are compared after what differs between runs of the same image has been left out:
 * the original runs twice or more, and what its runs do not agree on (an ID, a port, a PID) may be another one of its kind in the place where it stands. Times may differ by as much as the
 * answers lie apart, so that a wrong time zone is seen. A body that cannot be aligned is compared by what all runs of the original have in common, by its words and its length.
 *
 * Logs (answer.log) are sets of lines without their numbers: what counts is a line that tells of an error and that no run of the original had.
 *
 * Ceilings: PROBE_BODY of a body, PROBE_SECONDS of one probe, PROBE_FILE of a file, PROBE_MAX probes. */
#ifndef PARE_RUN_PROBE_H
#define PARE_RUN_PROBE_H
#include "base/arena.h"
#include "run/box.h"

#define PROBE_BODY ((size_t)(16 * MiB))
#define PROBE_SECONDS 60
#define PROBE_CRAWL 200
#define PROBE_FILE ((size_t)(1 * MiB))
#define PROBE_MAX 10000u
#define PROBE_WORDS 4096u

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
int probe_file(struct arena *a, const char *path, struct probe **v, u32 *n, u32 *cap, struct error *err) must_check; /* --exec-file, --verify; *v is the caller's to free */
int probe_lines(struct arena *a, struct str text, const char *name, struct probe **v, u32 *n, u32 *cap, struct error *err) must_check; /* the text of one */
/* Words as a shell makes them of a line: blanks, '…', "…", \; nothing is expanded. NULL-terminated. ERR_USAGE: an open quote, no word. */
int probe_words(struct arena *a, struct str line, const char *const **ret, u32 *n, struct error *err) must_check;

struct answer {
	bool failed;        /* no answer at all; `error` says why */
	char error[200];
	int status;         /* HTTP or exit */
	bool http, log;     /* what it is of: out and err of a log are compared as one */
	u16 port;           /* that was asked */
	bool tls;
	s64 when;           /* milliseconds since 1970 */
	struct buf fields;  /* "content-type: …\n" those that matter, sorted */
	struct buf out, err;
};
void answer_free(struct answer *a);
void answer_copy(struct answer *to, const struct answer *from);

/* Where requests without a port go: found with the first of them. `ports`: candidates in the order in which they are tried. */
struct probe_place {
	const u16 *ports;
	u32 n_ports;
	u16 port;  /* 0: not found yet */
	bool tls;
};
/* EXEC runs in `c` when that runs, else in a container of its own with `spec` (tracer and limits in it). -1 only when containers cannot be run. */
int probe_do(struct run_box *b, struct run_container *c, const struct run_spec *spec, const struct probe *p, struct probe_place *place, struct answer *ret, struct error *err) must_check;
/* Addresses that a page leads to (href, src, srcset, poster), entities replaced; comments, scripts and style sheets are passed over. */
void probe_links(struct str html, void (*link)(void *ctx, struct str link), void *ctx);
/* What such an address in a page (its path) is as a path of the same origin (`host`: "localhost:8080"); false: it leads elsewhere. */
bool probe_same_origin(struct str page, struct str link, struct str host, struct buf *ret);

/* What answers of the same program differ in by nature: made of answers of the original, used on others. At most ANSWER_RUNS are kept. */
#define ANSWER_RUNS 6
struct answer_mask;
struct answer_mask *answer_mask_new(const struct answer *a, const struct answer *b);
void answer_mask_add(struct answer_mask *m, const struct answer *more);
void answer_mask_free(struct answer_mask *m);
/* What the runs of the original do not agree on, for people: "3 words of the output"; "" nothing. */
const char *answer_masked(const struct answer_mask *m, char out[120]);
/* `why`: one line, "status 200, then 500"; m NULL: nothing differs by nature. */
bool answer_same(const struct answer_mask *m, const struct answer *before, const struct answer *after, char why[300]);
/* One line of what it is: "200, text/html, 1,234 bytes", "exit status 0, 12 bytes". */
const char *answer_brief(const struct answer *a, char out[120]);
#endif
