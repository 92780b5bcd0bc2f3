/* budget.c — what is counted of a container while it runs, and what ends it: time, processes, bytes written, the room on the disk. In the keeper, between two questions. */
#include "run/keeper.h"
#include <dirent.h>
#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define TICK 100 /* ms between two looks */

/* Of all processes in one PID namespace below ours. */
void budget_count(pid_t first, struct counted *ret)
{
	char want[64], is[64], path[300];
	*ret = (struct counted){ 0 };
	snprintf(path, sizeof path, "/proc/%d/ns/pid", (int)first);
	ssize_t n = readlink(path, want, sizeof want);
	DIR *d = n > 0 ? opendir("/proc") : NULL;
	u64 hz = (u64)sysconf(_SC_CLK_TCK);
	for (struct dirent *e; d && (e = readdir(d));) {
		char text[1024];
		if (e->d_name[0] < '0' || e->d_name[0] > '9')
			continue;
		snprintf(path, sizeof path, "/proc/%s/ns/pid", e->d_name);
		if (readlink(path, is, sizeof is) != n || memcmp(is, want, (size_t)n) != 0)
			continue;
		ret->processes++;
		snprintf(path, sizeof path, "/proc/%s/stat", e->d_name);
		autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
		ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
		if (got <= 0)
			continue;
		text[got] = '\0';
		char *at = strrchr(text, ')'); /* its name may hold anything */
		struct str rest = str_of(at ? at + 1 : ""), f = { 0 };
		for (u32 i = 2; i <= 20 && rest.p; i++) {
			u64 v;
			f = str_cut(&rest, ' ');
			if ((i == 14 || i == 15) && str_to_u64(f, &v))
				ret->us += v * 1000000 / hz;
			if (i == 20 && str_to_u64(f, &v) && v > 1)
				ret->processes += (u32)(v - 1); /* threads are processes, too */
		}
	}
	if (d)
		closedir(d);
}

/* Of all processes here, without looking at any of them: a fork bomb leaves no time for that. */
static u32 count_all(void)
{
	u32 n = 0;
	DIR *d = opendir("/proc");
	for (struct dirent *e; d && (e = readdir(d));)
		n += e->d_name[0] >= '0' && e->d_name[0] <= '9';
	if (d)
		closedir(d);
	return n;
}

static void check_written(struct keeper *k, struct process *p, u64 now)
{
	u64 bytes = k->limits.written == UINT64_MAX ? 0 : overlay_bytes(k, p->id), took = keeper_now() - now;
	struct statvfs v;
	if (bytes == UINT64_MAX)
		process_over(p, "%u levels of directories", OVERLAY_DEPTH);
	else if (bytes > k->limits.written)
		process_over(p, "%llu bytes written", (unsigned long long)k->limits.written);
	else if (statvfs(k->dir, &v) == 0 && (u64)v.f_bavail * v.f_frsize < k->floor)
		process_over(p, "the room on the disk");
	p->next_look = now + MAX((u64)250, took * 20);
}

void budget_look(struct keeper *k)
{
	u64 now = keeper_now();
	if (now < k->tick + TICK)
		return;
	k->tick = now;
	bool bounded = k->limits.processes != UINT32_MAX;
	u32 all = bounded ? count_all() : 0, alone = 0;
	for (u32 i = 0; i < k->n; i++)
		alone += k->v[i].runs && !k->v[i].exec;
	bool threads = bounded && now >= k->next_count; /* are only seen by looking at each process */
	for (u32 i = 0; i < k->n; i++) {
		struct process *p = &k->v[i];
		if (!p->runs || p->gone)
			continue;
		if (now > p->deadline)
			process_over(p, "%u seconds", k->limits.seconds);
		if (p->exec)
			continue;
		struct counted c = { .processes = alone == 1 ? all : 0 };
		if (c.processes <= k->limits.processes && (threads || all > k->limits.processes))
			budget_count(p->pid, &c);
		if (c.processes > k->limits.processes)
			process_over(p, "%u processes", k->limits.processes);
		if (now >= p->next_look)
			check_written(k, p, now);
	}
	if (threads)
		k->next_count = now + 10 * (keeper_now() - now) + 500;
}
