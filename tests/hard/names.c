/* names.c — accounts, services, protocols and hosts, as the name service has them. */
#include <grp.h>
#include <netdb.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

int main(int n, char **v)
{
	if (n < 3) {
		puts("plain");
		return 0;
	}
	if (!strcmp(v[1], "user")) {
		struct passwd *p = getpwnam(v[2]);
		printf("%s\n", p ? p->pw_dir : "-");
		return !p;
	}
	if (!strcmp(v[1], "group")) {
		struct group *g = getgrnam(v[2]);
		printf("%d\n", g ? (int)g->gr_gid : -1);
		return !g;
	}
	if (!strcmp(v[1], "service")) {
		struct servent *s = getservbyname(v[2], "tcp");
		printf("%d\n", s ? s->s_port : -1);
		return !s;
	}
	if (!strcmp(v[1], "protocol")) {
		struct protoent *p = getprotobyname(v[2]);
		printf("%d\n", p ? p->p_proto : -1);
		return !p;
	}
	struct addrinfo *a = NULL;
	int bad = getaddrinfo(v[2], NULL, NULL, &a);
	char text[128] = "-";
	if (!bad)
		getnameinfo(a->ai_addr, a->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST);
	puts(text);
	return bad != 0;
}
