/* The one program of the images that test_run.py makes: does what its first argument says, and prints what it sees. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static void *rest(void *arg)
{
	pause();
	return arg;
}

static void who(void)
{
	gid_t groups[64];
	int n = getgroups(64, groups);
	char cwd[4096];
	printf("uid=%d gid=%d groups=", getuid(), getgid());
	for (int i = 0; i < n; i++)
		printf(i ? ",%d" : "%d", groups[i]);
	printf(" cwd=%s\n", getcwd(cwd, sizeof cwd));
	for (char **e = environ; *e; e++)
		puts(*e);
}

static int about(const char *path)
{
	struct stat st;
	char to[4096] = "", names[4096];
	if (lstat(path, &st) < 0)
		return printf("%s: %s\n", path, strerror(errno)), 1;
	if (S_ISLNK(st.st_mode) && readlink(path, to, sizeof to - 1) < 0)
		return 1;
	printf("%s %o %d:%d %lld %lld %d %s", path, st.st_mode, st.st_uid, st.st_gid, S_ISDIR(st.st_mode) ? 0LL : (long long)st.st_size, (long long)st.st_mtime, S_ISDIR(st.st_mode) ? 0 : (int)st.st_nlink, to);
	ssize_t n = llistxattr(path, names, sizeof names);
	for (ssize_t at = 0; at < n; at += (ssize_t)strlen(names + at) + 1)
		printf(" %s", names + at);
	printf("\n");
	return 0;
}

static int list(const char *path)
{
	struct dirent **v;
	int n = scandir(path, &v, NULL, alphasort);
	for (int i = 0; i < n; i++)
		if (strcmp(v[i]->d_name, ".") && strcmp(v[i]->d_name, ".."))
			puts(v[i]->d_name);
	return n < 0;
}

static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	int r = fd < 0 || write(fd, text, strlen(text)) < 0;
	if (r)
		printf("%s: %s\n", path, strerror(errno));
	return r;
}

static int show(const char *path)
{
	char b[65536];
	ssize_t n;
	int fd = path[0] == '-' ? 0 : open(path, O_RDONLY);
	while ((n = read(fd, b, sizeof b)) > 0)
		fwrite(b, 1, (size_t)n, stdout);
	return n < 0 ? printf("%s: %s\n", path, strerror(errno)), 1 : 0;
}

static void fill(const char *dir)
{
	static char b[1 << 20];
	for (int i = 0;; i++) {
		char path[4096];
		snprintf(path, sizeof path, "%s/%d", dir, i);
		int fd = open(path, O_WRONLY | O_CREAT, 0600);
		for (int k = 0; k < 8 && write(fd, b, sizeof b) > 0; k++) {
		}
		close(fd);
	}
}

static void deaf(void)
{
	for (int s = 1; s < 65; s++)
		signal(s, SIG_IGN);
}

int main(int n, char **a)
{
	const char *what = n > 1 ? a[1] : "", *x = n > 2 ? a[2] : "", *y = n > 3 ? a[3] : "";
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!strcmp(what, "say"))
		return puts(x), fprintf(stderr, "%s\n", y), 0;
	if (!strcmp(what, "who"))
		return who(), 0;
	if (!strcmp(what, "exit"))
		return atoi(x);
	if (!strcmp(what, "die"))
		*(volatile int *)8 = 0;
	if (!strcmp(what, "about"))
		return about(x);
	if (!strcmp(what, "list"))
		return list(x);
	if (!strcmp(what, "show"))
		return show(x);
	if (!strcmp(what, "put"))
		return put(x, y);
	if (!strcmp(what, "change")) /* some of each */
		return put("/new", "12345") || put("/etc/there", "changed") || unlink("/etc/gone") || mkdir("/made", 0755) || put("/made/in", "x") || rename("/etc/moved", "/etc/here");
	if (!strcmp(what, "device")) { /* the host's first disk, or what stands there */
		int r = mknod("/disk", S_IFBLK | 0600, makedev(atoi(x), atoi(y)));
		int fd = open("/disk", O_RDONLY);
		return printf("%d %d\n", r, fd), fd >= 0;
	}
	if (!strcmp(what, "mount"))
		return printf("%d\n", mount("none", "/etc", "tmpfs", 0, NULL)), 0;
	if (!strcmp(what, "bomb"))
		for (;;)
			fork();
	if (!strcmp(what, "threads"))
		for (;;) {
			pthread_t t;
			pthread_attr_t attr;
			pthread_attr_init(&attr);
			pthread_attr_setstacksize(&attr, 65536);
			if (pthread_create(&t, &attr, rest, NULL))
				sleep(1);
		}
	if (!strcmp(what, "daemon")) { /* two that nobody waits for, in sessions of their own */
		if (fork() == 0) {
			setsid();
			if (fork() == 0) {
				deaf();
				for (;;)
					pause();
			}
			_exit(0);
		}
		return wait(NULL) < 0;
	}
	if (!strcmp(what, "deaf")) {
		deaf();
		puts("deaf");
		for (;;)
			pause();
	}
	if (!strcmp(what, "fill"))
		fill(x);
	if (!strcmp(what, "flood"))
		for (long i = 0, most = atol(x); i < most; i++)
			puts("0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456");
	if (!strcmp(what, "deep")) { /* deeper than any path that can be said */
		for (int i = 0; i < atoi(x); i++)
			if (mkdir("d", 0700) < 0 || chdir("d") < 0)
				return 1;
		return 0;
	}
	if (!strcmp(what, "connect")) {
		struct sockaddr_in s = { .sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(y)) };
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		inet_pton(AF_INET, x, &s.sin_addr);
		return printf("%s\n", connect(fd, (struct sockaddr *)&s, sizeof s) == 0 ? "connected" : strerror(errno)), 0;
	}
	return 0;
}
