/* registry_in.h — what registry.c and registry_push.c share: lines to a registry, and requests with the manners of registry.h. */
#ifndef PARE_TRANSPORT_REGISTRY_IN_H
#define PARE_TRANSPORT_REGISTRY_IN_H
#include "transport/auth.h"
#include "transport/registry.h"
#include <pthread.h>

/* A connection, and the memory of what is asked on it. One thread at a time has it. */
struct line {
	struct http *h;
	struct arena arena;   /* emptied when it is given back */
	const char *mount;    /* a second repository that the token has to be for; NULL */
	bool logged_in;       /* the last answer was 401, and we have logged in since: a body that is a stream has to be sent again by who has it */
	u32 asked;            /* how often registry_ask() sent the last request */
	struct line *next;
	u64 since;            /* of a blob's: how many views had been given out when it broke off */
};
/* What we may send: a token for the repository, and one for it and each that something is mounted from; or a password. */
struct ticket {
	struct ticket *next;
	char *mount, *value; /* a header line */
};
struct registry {
	struct arena arena; /* from the moment it is open on: with the lock */
	struct registry_options opt;
	const char *domain, *path, *name; /* "docker.io", "library/alpine", "docker.io/library/alpine" */
	const char *base;                 /* "https://registry-1.docker.io" */
	struct http_target target;
	pthread_mutex_t lock;
	struct line *idle, *desk; /* desk: where tokens are asked for */
	struct ticket *tickets;
	struct auth_credentials who;
	bool looked, basic;
};

struct line *registry_line(struct registry *r, struct error *err) must_check;
void registry_give(struct registry *r, struct line *l);
const char *registry_url(struct registry *r, struct line *l, const char *room, const char *which);
/* Sends it, logs in when that is asked for, follows redirects of a GET. q->url is whole. */
int registry_send(struct registry *r, struct line *l, const struct http_request *q, u32 *status, struct stream **body, struct error *err) must_check;
/* The same with patience. Requests that may be made twice only. */
int registry_ask(struct registry *r, struct line *l, const struct http_request *q, u32 *status, struct stream **body, struct error *err) must_check;
/* What came is not what was asked for, cut, too long or no document: it is the way or the other side that fails, not what the user named. -1. */
int registry_astray(struct error *err);
/* What the registry says of a request that it refused; takes the body. -1. */
int registry_refused(struct registry *r, struct line *l, u32 status, struct stream *body, const char *what, struct error *err);
#endif
