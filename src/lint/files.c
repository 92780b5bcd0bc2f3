#include "lint/files.h"
#include "base/buf.h"
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

static bool ends_i(struct str s, struct str end) { return s.n > end.n && str_ieq(str_from(s, s.n - end.n), end); }

bool lint_is_dockerfile_name(struct str name)
{
	static const char *const names[] = { "dockerfile", "containerfile" };
	if (ends_i(name, STR(".dockerignore")) || ends_i(name, STR(".swp")) || ends_i(name, STR("~")) || ends_i(name, STR(".orig")) || ends_i(name, STR(".rej")))
		return false;
	for (size_t i = 0; i < countof(names); i++) {
		struct str n = str_of(names[i]);
		if (name.n >= n.n && str_ieq(str_head(name, n.n), n) && (name.n == n.n || strchr(".-_", name.p[n.n])))
			return true;
		if (name.n > n.n && str_ieq(str_from(name, name.n - n.n), n) && name.p[name.n - n.n - 1] == '.')
			return true;
	}
	return false;
}

static void add(struct lint_paths *p, const char *path)
{
	if (p->n >= FILES_MAX)
		return;
	VEC_PUSH(p->v, p->n, p->cap, path);
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static void walk(struct lint_paths *p, const char *dir, u32 depth)
{
	DIR *d = opendir(dir);
	char **v = NULL;
	u32 n = 0, cap = 0;
	if (!d) {
		problem_add(&p->problems, "%s: %s", dir, strerror(errno));
		return;
	}
	for (struct dirent *e; (e = readdir(d));) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 || strcmp(e->d_name, ".git") == 0)
			continue;
		char *path = arena_printf(&p->arena, "%s%s%s", strcmp(dir, ".") == 0 ? "" : dir, strcmp(dir, ".") == 0 ? "" : "/", e->d_name);
		VEC_PUSH(v, n, cap, path);
	}
	closedir(d);
	if (n)
		qsort(v, n, sizeof *v, by_name);
	for (u32 i = 0; i < n; i++) {
		struct stat st;
		const char *name = strrchr(v[i], '/');
		if (lstat(v[i], &st) < 0)
			continue;
		if (S_ISDIR(st.st_mode) && depth < FILES_DEPTH)
			walk(p, v[i], depth + 1);
		else if (S_ISREG(st.st_mode) && lint_is_dockerfile_name(str_of(name ? name + 1 : v[i])))
			add(p, v[i]);
	}
	free(v);
}

void lint_paths_find(char **operands, u32 n, struct lint_paths *ret)
{
	*ret = (struct lint_paths){ 0 };
	for (u32 i = 0; i < n; i++) {
		struct stat st;
		if (strcmp(operands[i], "-") != 0 && stat(operands[i], &st) == 0 && S_ISDIR(st.st_mode))
			walk(ret, operands[i], 0);
		else
			add(ret, operands[i]);
	}
}

void lint_paths_free(struct lint_paths *p)
{
	free(p->v);
	problems_free(&p->problems);
	arena_free(&p->arena);
	*p = (struct lint_paths){ 0 };
}
