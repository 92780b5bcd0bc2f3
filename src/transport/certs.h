/* certs.h — whom to believe that it is a registry, and who we are to it, besides the system's authorities: certs.d(5).
 *
 * A directory holds authorities (*.crt) and client certificates (NAME.cert with NAME.key). Without one that was named, the first of these that is there counts:
 * ~/.config/containers/certs.d/HOST[:PORT], /etc/containers/certs.d/HOST[:PORT], /etc/docker/certs.d/HOST[:PORT]. */
#ifndef PARE_TRANSPORT_CERTS_H
#define PARE_TRANSPORT_CERTS_H
#include "base/arena.h"
#include "transport/http.h"

#define CERTS_MAX ((size_t)MiB) /* of all authorities together */

/* Fills authorities, cert and key of *ret; they stay as they are when there is nothing. `dir`: NULL, or the directory that was named, which has to be there. ERR_USAGE, ERR_ENV. */
int certs_find(struct arena *a, const char *host, const char *dir, struct http_target *ret, struct error *err) must_check;
#endif
