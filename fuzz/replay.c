/* replay.c — runs a fuzzer's inputs again, without a fuzzer: files, and the files of directories, given as arguments.
 *
 * Linked with one fuzz_*.c under the sanitizers of gcc or clang, which end the program at the first fault; the name of the input is printed
 * before, so that it can be found. The last line is "replay: N inputs"; status 1 when a file cannot be read or there are none. */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned inputs;
static bool failed;
static char current[4096];

/* Called by the sanitizers when they end the program: says which input it was. */
void __asan_on_error(void);
void __asan_on_error(void) { fprintf(stderr, "replay: while running %s\n", current); }

static void fail(const char *path)
{
	fprintf(stderr, "replay: %s: %s\n", path, strerror(errno));
	failed = true;
}

static void replay_file(const char *path, size_t size)
{
	/* exactly as large as the input, so that a read behind its end is seen */
	uint8_t *data = malloc(size ? size : 1);
	FILE *f = fopen(path, "rb");
	if (!data || !f || fread(data, 1, size, f) != size) {
		fail(path);
	} else {
		snprintf(current, sizeof current, "%s", path);
		if (getenv("REPLAY_VERBOSE"))
			fprintf(stderr, "replay: %s\n", path);
		LLVMFuzzerTestOneInput(data, size);
		inputs++;
	}
	if (f)
		fclose(f);
	free(data);
}

static int visible(const struct dirent *d) { return d->d_name[0] != '.'; }

static void replay_path(const char *path, int depth)
{
	struct stat st;
	if (stat(path, &st) < 0) {
		fail(path);
		return;
	}
	if (S_ISREG(st.st_mode)) {
		replay_file(path, (size_t)st.st_size);
		return;
	}
	struct dirent **names = NULL;
	int n = S_ISDIR(st.st_mode) && depth < 4 ? scandir(path, &names, visible, alphasort) : 0;
	if (n < 0)
		fail(path);
	for (int i = 0; i < n; i++) {
		char below[4096];
		if (snprintf(below, sizeof below, "%s/%s", path, names[i]->d_name) < (int)sizeof below)
			replay_path(below, depth + 1);
		free(names[i]);
	}
	free(names);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		replay_path(argv[i], 0);
	printf("replay: %u input%s\n", inputs, inputs == 1 ? "" : "s");
	return failed || inputs == 0;
}
