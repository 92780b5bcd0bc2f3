/* A layer put together from lines that nobody vouches for: the same bytes however it is read, nothing from outside the tree. */
#include "transport/tarsplit.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define OUTSIDE "these bytes lie outside the tree"

static int tree = -1;

/* DIR/outside, DIR/tree/{a,d/b,link -> /,up -> ..}; removed again at once, but for what the descriptor keeps. */
static void put(int dir, const char *name, const char *text)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		abort();
	close(fd);
}

static char place[] = "/tmp/fuzz-tarsplit-XXXXXX";

static void clean(void)
{
	static const char *const names[] = { "tree/a", "tree/d/b", "tree/link", "tree/up", "outside" };
	int dir = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < countof(names); i++)
		unlinkat(dir, names[i], 0);
	unlinkat(dir, "tree/d", AT_REMOVEDIR);
	unlinkat(dir, "tree", AT_REMOVEDIR);
	close(dir);
	rmdir(place);
}

static void make_tree(void)
{
	if (!mkdtemp(place))
		abort();
	atexit(clean);
	int dir = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || mkdirat(dir, "tree", 0700) < 0)
		abort();
	tree = openat(dir, "tree", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (tree < 0 || mkdirat(tree, "d", 0700) < 0 || symlinkat("/", tree, "link") < 0 || symlinkat("..", tree, "up") < 0)
		abort();
	put(dir, "outside", OUTSIDE);
	put(tree, "a", "12345");
	put(tree, "d/b", "x");
	close(dir);
}

/* Length and digest of everything the stream gives, or -1. */
static s64 read_all(struct str lines, bool lazy, struct digest *d)
{
	int dup_tree = fcntl(tree, F_DUPFD_CLOEXEC, 3);
	struct stream *s = tarsplit_stream(stream_memory(lines), dup_tree, lazy);
	struct digester *hash = digester_new(DIGEST_SHA256);
	struct error err = { 0 };
	struct str view;
	s64 r = 0;
	do {
		if (stream_next(s, &view, &err) < 0) {
			if (!err.kind || !err.text[0])
				abort();
			r = -1;
			break;
		}
		if (view.n > STREAM_CHUNK || str_contains(view, STR(OUTSIDE)))
			abort();
		digester_add(hash, view);
		r += (s64)view.n;
	} while (view.n);
	*d = digester_finish(hash);
	stream_close(s);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct digest a, b;
	struct str lines = str_n(data, size);
	if (tree < 0)
		make_tree();
	s64 n = read_all(lines, false, &a), m = read_all(lines, true, &b);
	if (n != m || (n >= 0 && !digest_eq(&a, &b)))
		abort();
	if (n > 0) {
		struct error err = { 0 };
		struct stream *s = tarsplit_stream(stream_memory(lines), fcntl(tree, F_DUPFD_CLOEXEC, 3), true);
		if (stream_skip(s, (u64)n, &err) < 0 || stream_skip(s, 1, &err) == 0)
			abort();
		stream_close(s);
	}
	return 0;
}
