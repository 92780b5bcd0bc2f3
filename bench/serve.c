/* serve.c — a server of files, and who asks it, to measure what watching a server costs.
 *
 *   serve PORT DIR                     answers on 127.0.0.1; a process, connections kept; a file is opened, looked at, sent and closed for each request, as servers do
 *   serve ask PORT PATH SECONDS CONNS  asks on CONNS connections at once; prints requests per second
 *
 * Linked statically, it is an image by itself. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define REQUEST 4096

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct sockaddr_in here(const char *port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(port)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* false: the connection is at its end. A request comes in one piece here. */
static int answer(int s, const char *dir)
{
	char in[REQUEST], path[REQUEST + 512], head[256], *end;
	ssize_t n = read(s, in, sizeof in - 1);
	if (n <= 4 || strncmp(in, "GET /", 5) != 0)
		return 0;
	in[n] = '\0';
	if (!(end = strchr(in + 4, ' ')))
		return 0;
	*end = '\0';
	snprintf(path, sizeof path, "%s%s", dir, in + 4);
	struct stat st = { 0 };
	int f = strstr(path, "..") ? -1 : open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	int found = f >= 0 && fstat(f, &st) == 0 && S_ISREG(st.st_mode);
	n = snprintf(head, sizeof head, "HTTP/1.1 %s\r\nContent-Length: %lld\r\n\r\n", found ? "200 OK" : "404 Not Found", found ? (long long)st.st_size : 0);
	int good = send(s, head, (size_t)n, found ? MSG_MORE : 0) == n && (!found || sendfile(s, f, NULL, (size_t)st.st_size) == st.st_size);
	if (f >= 0)
		close(f);
	return good;
}

static void serve(const char *port, const char *dir)
{
	struct sockaddr_in a = here(port);
	int l = socket(AF_INET, SOCK_STREAM, 0), e = epoll_create1(0), one = 1;
	setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(l, (struct sockaddr *)&a, sizeof a) < 0 || listen(l, 128) < 0)
		die("serve");
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = l }, got[64];
	epoll_ctl(e, EPOLL_CTL_ADD, l, &ev);
	for (;;) {
		int n = epoll_wait(e, got, 64, -1);
		for (int i = 0; i < n; i++) {
			int s = got[i].data.fd;
			if (s == l) {
				ev.data.fd = accept(l, NULL, NULL);
				if (ev.data.fd >= 0) {
					setsockopt(ev.data.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
					epoll_ctl(e, EPOLL_CTL_ADD, ev.data.fd, &ev);
				}
			} else if (!answer(s, dir)) {
				close(s);
			}
		}
	}
}

static int connected(const char *port, int patient)
{
	struct sockaddr_in a = here(port);
	double until = now() + (patient ? 20 : 1);
	int s = -1, one = 1;
	while (now() < until) {
		s = socket(AF_INET, SOCK_STREAM, 0);
		if (connect(s, (struct sockaddr *)&a, sizeof a) == 0) {
			setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
			return s;
		}
		close(s);
		usleep(20000);
	}
	die("connect");
	return -1;
}

static void ask(const char *port, const char *path, double seconds, int conns)
{
	char request[512], in[1 << 16];
	int size = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
	struct pollfd p[64];
	long left[64], whole = 0, answers = 0;
	conns = conns < 1 ? 1 : conns > 64 ? 64 : conns;
	for (int i = 0; i < conns; i++) {
		p[i] = (struct pollfd){ .fd = connected(port, i == 0), .events = POLLIN };
		left[i] = 0;
		if (write(p[i].fd, request, (size_t)size) != size)
			die("write");
	}
	double begin = now(), end = begin + seconds;
	while (now() < end) {
		poll(p, (nfds_t)conns, 1000);
		for (int i = 0; i < conns; i++) {
			if (!p[i].revents)
				continue;
			ssize_t n = read(p[i].fd, in, sizeof in - 1);
			if (n <= 0)
				die("answer");
			if (!left[i]) { /* the head comes in one piece */
				in[n] = '\0';
				char *length = strstr(in, "Content-Length: "), *body = strstr(in, "\r\n\r\n");
				if (strncmp(in, "HTTP/1.1 200", 12) != 0 || !length || !body)
					die("answer");
				whole = atol(length + 16) + (body + 4 - in);
				left[i] = whole;
			}
			if ((left[i] -= n) > 0)
				continue;
			left[i] = 0;
			answers++;
			if (write(p[i].fd, request, (size_t)size) != size)
				die("write");
		}
	}
	printf("%.1f\n", (double)answers / (now() - begin));
}

int main(int argc, char **argv)
{
	if (argc == 6 && strcmp(argv[1], "ask") == 0)
		ask(argv[2], argv[3], atof(argv[4]), atoi(argv[5]));
	else if (argc == 3)
		serve(argv[1], argv[2]);
	else
		return 2;
	return 0;
}
