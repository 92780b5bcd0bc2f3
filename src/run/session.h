/* session.h — one run of a workload from start to end: start, ready, probes, stop; watched or not.
 *
 * Whether the image is a service is seen, not asked: its command runs until it ends (a command), or until somebody listens on a port that it exposes and stays (without EXPOSE: on any), or until it
 * only waits (no processor time for SESSION_QUIET ms, and none wanted, while processes live; with EXPOSE for ten times as long). A service gets its probes while it runs; each --exec is then one more process in it. The
 * image's health check, when it has one, is run at the end until it says healthy. Then the image's stop signal is sent, and the exit status within SESSION_STOP s is an answer, too; that it does not end (a shell as first process) is one as well.
 * In a command image every --exec is a container of its own, in place of entry point and command, and the image's own command line is the first answer.
 *
 * `duration`: then it runs on for so long before it is stopped; by hand means until a line or the end of standard input. */
#ifndef PARE_RUN_SESSION_H
#define PARE_RUN_SESSION_H
#include "run/observe.h"
#include "run/probe.h"
#include "run/tracer.h"

#define SESSION_READY 120 /* seconds to become ready */
#define SESSION_QUIET 3000
#define SESSION_STOP 20 /* seconds to end after the stop signal */
#define SESSION_DEAF 1  /* the same for what is known not to be ended by it */
#define SESSION_HEALTH 60 /* seconds to become healthy */
#define SESSION_PORTS 64

struct session_options {
	const struct probe *probes;
	u32 n_probes;
	const struct run_spec *spec; /* how containers are started: command, user, read_only, seccomp …; NULL: as the image says. No tracer in it */
	const char *const *health;   /* in place of the image's: {"CMD", …}, {"CMD-SHELL", LINE}; NULL */
	const u16 *ports;            /* in place of EXPOSE; NULL */
	u32 n_ports;
	u32 duration;          /* seconds */
	bool by_hand;
	bool deaf;             /* an earlier run has shown that the stop signal does not end it: that is not waited for once more */
	void (*ready)(void *ctx, const struct run_box *b, const u16 *ports, u32 n); /* told when a service is; NULL */
	void *ctx;
	u32 ready_seconds;     /* 0: SESSION_READY */
	bool written;          /* asked what was written, too */
	struct observed *observed; /* NULL: not watched */
	const struct tracer_options *trace;
};

struct session {
	bool service, waits;    /* waits: nobody listens on a port that it exposes, but it lives */
	bool healthy, has_health;
	bool deaf;              /* the stop signal did not end it */
	u32 stop_seconds;       /* that it was given to end; 0: it was not told to */
	u32 ready_ms;           /* how long it took */
	u16 ports[SESSION_PORTS]; /* that somebody listened on when it was ready, ascending */
	u32 n_ports;
	struct answer start;    /* of a command: its own run; of a service: its log (out, err) and the exit status after the stop signal */
	struct answer *answers; /* by probe */
	u32 n_answers;
	struct observed *written; /* paths that were made, changed or deleted (run_written); NULL: not asked */
	const char *over;       /* a budget that ended it, or NULL */
	char over_text[80];
};
/* -1 only when containers cannot be run at all; a program that fails is an answer. */
int session_run(struct run_box *b, const struct config *config, const struct session_options *opt, struct session *ret, struct error *err) must_check;
void session_free(struct session *s);
#endif
