/* engine_socket.h — a connection to a container engine that runs here: Docker's, or Podman's service, which answers the same requests.
 *
 * "docker" (NULL): DOCKER_HOST; else the context of DOCKER_CONTEXT or of config.json's currentContext, with its certificates; else the usual socket. "podman": CONTAINER_HOST; else
 * $XDG_RUNTIME_DIR/podman/podman.sock; else /run/podman/podman.sock. Anything with "://" is the place itself: unix://PATH, tcp://HOST:PORT, http://, https://. */
#ifndef PARE_TRANSPORT_ENGINE_SOCKET_H
#define PARE_TRANSPORT_ENGINE_SOCKET_H
#include "base/arena.h"
#include "transport/http.h"

/* *prefix: what stands before every path, "/v1.41", the version of the API that both sides know; "" when the engine doesn't tell. ERR_USAGE: a place that is none; ERR_ENV: nobody there. */
int engine_socket_open(struct arena *a, const char *which, struct http **ret, const char **prefix, struct error *err) must_check;
#endif
