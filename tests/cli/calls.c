/* A program that does nothing when it is trained, and with an argument calls what a C library has, one function after the other: what each of them says. Under a profile it says the same. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <grp.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/sendfile.h>
#include <sys/shm.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>
#include <utime.h>

#define SAY(x)                                                                        \
	do {                                                                          \
		errno = 0;                                                            \
		long said = (long)(x);                                                \
		printf("%s: %s %s\n", #x, said == -1 ? "-1" : "", strerror(errno));   \
	} while (0)
extern char **environ;

static void *thread(void *a) { return a; }
static void signalled(int s) { (void)s; }
static int walked(const char *p, const struct stat *s, int t, struct FTW *f) { return (void)p, (void)s, (void)t, (void)f, 0; }

static void processes(char **v)
{
	char *self[] = { v[0], "child", "child", NULL };
	pid_t p;
	int status;
	SAY(posix_spawn(&p, v[0], NULL, NULL, self, environ));
	SAY(waitpid(p, &status, 0) == p);
	p = fork();
	if (p == 0)
		_exit(execve(v[0], self, environ));
	SAY(waitpid(p, &status, 0) == p);
	p = vfork();
	if (p == 0)
		_exit(3);
	SAY(waitpid(p, &status, 0) == p);
	printf("%d\n", WEXITSTATUS(status));
	pthread_t t;
	cpu_set_t cpus;
	struct sched_param param = { 0 };
	SAY(pthread_create(&t, NULL, thread, NULL));
	SAY(pthread_join(t, NULL));
	SAY(setpriority(PRIO_PROCESS, 0, 5));
	SAY(sched_setscheduler(0, SCHED_OTHER, &param));
	SAY(sched_getaffinity(0, sizeof cpus, &cpus) > 0);
	SAY(sched_setaffinity(0, sizeof cpus, &cpus));
	SAY(setgroups(0, NULL));
	SAY(setegid(getegid()));
	SAY(setreuid(getuid(), geteuid()));
	SAY(setresgid(getgid(), getgid(), getgid()));
	SAY(setuid(getuid()));
	SAY(chroot("/"));
	SAY(kill(getpid(), SIGUSR1));
	SAY(setsid() > 0);
	SAY(personality(0xffffffff));
}

static void files(void)
{
	char name[] = "tXXXXXX", other[] = "uXXXXXX", text[64];
	int f = open("a", O_RDWR | O_CREAT, 0644), g = open("z", O_RDWR | O_CREAT, 0644), ends[2], more[2];
	struct iovec v = { text, 4 };
	glob_t found;
	SAY(write(f, "hello", 5));
	SAY(getxattr("a", "user.x", text, sizeof text));
	SAY(setxattr("a", "user.x", "1", 1, 0));
	SAY(chown("a", getuid(), getgid()));
	SAY(fchmodat(AT_FDCWD, "a", 0600, 0));
	SAY(utimensat(AT_FDCWD, "a", NULL, 0));
	SAY(utime("a", NULL));
	SAY(link("a", "b"));
	SAY(symlink("a", "c"));
	SAY(mkfifo("d", 0600));
	SAY(truncate("a", 3));
	SAY(posix_fallocate(f, 0, 10));
	SAY(posix_fadvise(f, 0, 0, POSIX_FADV_NORMAL));
	SAY(syncfs(f));
	SAY(copy_file_range(f, NULL, g, NULL, 3, 0));
	SAY(pipe(ends));
	SAY(pipe(more));
	SAY(splice(f, &(loff_t){ 0 }, ends[1], NULL, 3, 0));
	SAY(tee(ends[0], more[1], 3, 0));
	SAY(vmsplice(more[1], &v, 1, 0));
	SAY(mkdtemp(name) != NULL);
	SAY(mkstemp(other) >= 0);
	SAY(rename("b", "e"));
	SAY(remove("e"));
	SAY(glob("/etc/*", 0, NULL, &found) <= GLOB_NOMATCH);
	SAY(nftw("/etc", walked, 5, FTW_CHDIR));
	SAY(flock(f, LOCK_SH));
	SAY(sem_open("/x", O_CREAT, 0600, 1) != SEM_FAILED);
	SAY(sem_unlink("/x"));
	SAY(shm_open("/y", O_CREAT | O_RDWR, 0600) >= 0);
	SAY(inotify_add_watch(inotify_init1(0), "/tmp", IN_CREATE));
	SAY(memfd_create("m", 0) >= 0);
}

static void others(void)
{
	int l = socket(AF_INET, SOCK_STREAM, 0), k = socket(AF_INET, SOCK_STREAM, 0), pair[2], e, t, id;
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof in;
	struct addrinfo *found;
	struct ifaddrs *addresses;
	char text[64];
	struct iovec v = { text, sizeof text };
	struct mmsghdr m = { .msg_hdr = { .msg_iov = &v, .msg_iovlen = 1 } };
	SAY(bind(l, (void *)&in, sizeof in));
	SAY(listen(l, 5));
	SAY(getsockname(l, (void *)&in, &n));
	SAY(connect(k, (void *)&in, n));
	SAY(accept4(l, NULL, NULL, SOCK_NONBLOCK) >= 0);
	SAY(sendfile(k, open("/tmp/a", O_RDONLY), NULL, 3));
	SAY(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
	SAY(sendmmsg(pair[0], &m, 1, 0));
	SAY(recvmmsg(pair[1], &m, 1, 0, NULL));
	SAY(getaddrinfo("localhost", NULL, NULL, &found));
	SAY(getifaddrs(&addresses));
	struct epoll_event event = { 0 };
	struct itimerval interval = { 0 };
	struct itimerspec later = { .it_value = { 100, 0 } };
	struct sigevent none = { .sigev_notify = SIGEV_NONE };
	timer_t timer;
	sigset_t set;
	sigemptyset(&set);
	SAY((e = epoll_create1(0)) >= 0);
	SAY(epoll_ctl(e, EPOLL_CTL_ADD, eventfd(0, 0), &event));
	SAY(epoll_wait(e, &event, 1, 0));
	SAY(signalfd(-1, &set, 0) >= 0);
	SAY((t = timerfd_create(CLOCK_MONOTONIC, 0)) >= 0);
	SAY(timerfd_settime(t, 0, &later, NULL));
	SAY(timer_create(CLOCK_MONOTONIC, &none, &timer));
	SAY(timer_settime(timer, 0, &later, NULL));
	SAY(timer_delete(timer));
	SAY(setitimer(ITIMER_REAL, &interval, NULL));
	SAY(alarm(0));
	void *at = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	SAY(mlock(at, 4096));
	SAY(munlock(at, 4096));
	SAY(mincore(at, 4096, (void *)text));
	SAY(madvise(at, 4096, MADV_DONTNEED));
	SAY((id = shmget(IPC_PRIVATE, 4096, 0600)) >= 0);
	SAY(shmctl(id, IPC_RMID, NULL));
	SAY((id = semget(IPC_PRIVATE, 1, 0600)) >= 0);
	SAY(semctl(id, 0, IPC_RMID));
	SAY((id = msgget(IPC_PRIVATE, 0600)) >= 0);
	SAY(msgctl(id, IPC_RMID, NULL));
}

int main(int c, char **v)
{
	if (c != 2)
		return c == 1 ? puts("ready") < 0 : 7;
	setvbuf(stdout, NULL, _IONBF, 0);
	signal(SIGUSR1, signalled);
	if (chdir("/tmp") < 0)
		return 1;
	processes(v);
	files();
	others();
	return 0;
}
