/* ports.c — on which TCP ports something listens in a box (in the keeper). */
#include "run/keeper.h"
#include <dirent.h>
#include <unistd.h>

/* The sockets that processes here have open: on the machine's own network others listen, too. */
static void own_sockets(u64 **v, u32 *n, u32 *cap)
{
	DIR *d = opendir("/proc");
	for (struct dirent *e; d && (e = readdir(d));) {
		char path[300], link[64];
		if (e->d_name[0] < '0' || e->d_name[0] > '9')
			continue;
		snprintf(path, sizeof path, "/proc/%s/fd", e->d_name);
		DIR *f = opendir(path);
		for (struct dirent *x; f && (x = readdir(f));) {
			unsigned long long inode;
			ssize_t k = readlinkat(dirfd(f), x->d_name, link, sizeof link - 1);
			link[MAX(k, 0)] = '\0';
			if (sscanf(link, "socket:[%llu]", &inode) == 1)
				VEC_PUSH(*v, *n, *cap, (u64)inode);
		}
		if (f)
			closedir(f);
	}
	if (d)
		closedir(d);
}

static bool among(u64 x, const u64 *v, u32 n)
{
	for (u32 i = 0; i < n; i++)
		if (v[i] == x)
			return true;
	return false;
}

#define PORTS_MAX 1024u
struct ports {
	u16 v[PORTS_MAX];
	u32 n;
	u64 *own; /* inodes; NULL: all are ours */
	u32 n_own, cap_own;
};

static void ports_of(const char *path, struct ports *p)
{
	FILE *f = fopen(path, "re");
	char line[512];
	while (f && fgets(line, sizeof line, f)) {
		unsigned port, state;
		unsigned long long inode;
		if (sscanf(line, " %*u: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*x:%*x %*x:%*x %*x %*u %*u %llu", &port, &state, &inode) != 3 || state != 10)
			continue;
		bool have = p->own && !among(inode, p->own, p->n_own);
		for (u32 i = 0; i < p->n; i++)
			have |= p->v[i] == port;
		if (!have && p->n < PORTS_MAX)
			p->v[p->n++] = (u16)port;
	}
	if (f)
		fclose(f);
}

void ports_tell(const struct keeper *k, json_t *reply)
{
	struct ports *p = xcalloc(1, sizeof *p);
	if (k->host_network) {
		p->own = xmalloc(sizeof *p->own);
		p->cap_own = 1;
		own_sockets(&p->own, &p->n_own, &p->cap_own);
	}
	ports_of("/proc/self/net/tcp", p);
	ports_of("/proc/self/net/tcp6", p);
	json_t *a = json_array();
	for (u32 i = 0; i < p->n; i++)
		json_array_append_new(a, json_integer(p->v[i]));
	json_object_set_new(reply, "ports", a);
	free(p->own);
	free(p);
}
