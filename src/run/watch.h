/* watch.h — which system calls name files, and what they do with them: by name, for every architecture; numbers come from libseccomp. */
#ifndef PARE_RUN_WATCH_H
#define PARE_RUN_WATCH_H
#include "run/observe.h"

enum watch_kind {
	WATCH_LOOK,   /* existence or metadata; follows a last link */
	WATCH_LLOOK,  /* the same of the link itself */
	WATCH_OPEN,   /* flags in an argument */
	WATCH_OPENAT2,/* flags in a struct open_how */
	WATCH_EXEC,
	WATCH_CHANGE, /* metadata or length */
	WATCH_LCHANGE,
	WATCH_MAKE,
	WATCH_DELETE,
	WATCH_BIND,   /* a struct sockaddr */
};

struct watch_call {
	const char *name;
	u8 kind;
	int8_t dir, path;  /* which argument; dir -1: the working directory */
	int8_t flags;      /* AT_… or O_… ; -1: none */
	int8_t pointless;  /* of AT_… flags: with AT_EMPTY_PATH it is about a descriptor, and is not stopped */
	struct {
		u8 kind;
		int8_t dir, path; /* a second name; path -1: none */
	} other;
};
extern const struct watch_call watch_calls[];
extern const u32 watch_calls_n;

#define WATCH_ARCHS 2u
struct watch_table { /* index + 1 into watch_calls by number, 0: none; of this architecture and the 32-bit one it also runs */
	u32 arch[WATCH_ARCHS]; /* AUDIT_ARCH_… */
	u8 index[WATCH_ARCHS][OBSERVED_CALLS];
};
void watch_table_make(struct watch_table *t);
/* The filter, as linux.seccomp of the runtime specification; the caller frees it. `all`: every call, but for those that a runtime needs before anybody can answer (they are part of every
 * profile). `opened`: opening for reading with O_NONBLOCK, as servers do with what they are asked for, is watched otherwise and does not stop. `descriptors`: calls that are `pointless` stop, too. */
char *watch_filter(bool all, bool opened, bool descriptors);
#endif
