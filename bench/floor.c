/* floor.c — the least work that reading an image with every digest verified can be, to measure against.
 *
 *   floor gzip|zstd|plain BLOB...
 *
 * One thread a blob: inflate it (isa-l for gzip, libzstd for zstd, nothing for plain) and hash with OpenSSL's SHA-256 what comes out. No
 * tar, no facts, no digest of the stored bytes. Prints "sha256 bytes name" a blob. */
#include <fcntl.h>
#include <isa-l/igzip_lib.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#define CHUNK ((size_t)128 * 1024)
enum kind { GZIP, ZSTD, PLAIN };

struct job {
	enum kind kind;
	const char *path;
	pthread_t thread;
	uint64_t bytes;
	unsigned char sum[32];
};

static void die(const char *path, const char *what)
{
	fprintf(stderr, "floor: %s: %s\n", path, what);
	exit(1);
}

static size_t fill(int fd, uint8_t *in, const char *path)
{
	ssize_t n = read(fd, in, CHUNK);
	if (n < 0)
		die(path, "cannot be read");
	return (size_t)n;
}

static void take(struct job *j, EVP_MD_CTX *md, const uint8_t *p, size_t n)
{
	EVP_DigestUpdate(md, p, n);
	j->bytes += n;
}

static void run_gzip(struct job *j, int fd, EVP_MD_CTX *md, uint8_t *in, uint8_t *out)
{
	struct inflate_state *st = aligned_alloc(64, (sizeof *st + 63) / 64 * 64);
	if (!st)
		die(j->path, "no memory");
	isal_inflate_init(st);
	st->crc_flag = ISAL_GZIP;
	size_t n;
	while ((n = fill(fd, in, j->path)) > 0) {
		st->next_in = in;
		st->avail_in = (uint32_t)n;
		do {
			if (st->block_state == ISAL_BLOCK_FINISH) { /* the next member */
				isal_inflate_reset(st);
				st->crc_flag = ISAL_GZIP;
			}
			st->next_out = out;
			st->avail_out = CHUNK;
			if (isal_inflate(st) != ISAL_DECOMP_OK)
				die(j->path, "damaged gzip");
			take(j, md, out, CHUNK - st->avail_out);
		} while (st->avail_in || st->avail_out == 0);
	}
	free(st);
}

static void run_zstd(struct job *j, int fd, EVP_MD_CTX *md, uint8_t *in, uint8_t *out)
{
	ZSTD_DCtx *z = ZSTD_createDCtx();
	size_t n;
	while ((n = fill(fd, in, j->path)) > 0) {
		ZSTD_inBuffer from = { in, n, 0 };
		ZSTD_outBuffer to;
		do {
			to = (ZSTD_outBuffer){ out, CHUNK, 0 };
			if (ZSTD_isError(ZSTD_decompressStream(z, &to, &from)))
				die(j->path, "damaged zstd");
			take(j, md, out, to.pos);
		} while (from.pos < from.size || to.pos == to.size);
	}
	ZSTD_freeDCtx(z);
}

static void *run(void *arg)
{
	struct job *j = arg;
	int fd = open(j->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		die(j->path, "cannot be opened");
	uint8_t *in = malloc(CHUNK), *out = malloc(CHUNK);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	if (!in || !out || !md || !EVP_DigestInit_ex(md, EVP_sha256(), NULL))
		die(j->path, "no memory");
	if (j->kind == GZIP) {
		run_gzip(j, fd, md, in, out);
	} else if (j->kind == ZSTD) {
		run_zstd(j, fd, md, in, out);
	} else {
		size_t n;
		while ((n = fill(fd, in, j->path)) > 0)
			take(j, md, in, n);
	}
	EVP_DigestFinal_ex(md, j->sum, NULL);
	EVP_MD_CTX_free(md);
	free(in);
	free(out);
	close(fd);
	return NULL;
}

int main(int argc, char **argv)
{
	static const char *const names[] = { "gzip", "zstd", "plain" };
	enum kind kind = GZIP;
	while (argc > 2 && kind <= PLAIN && strcmp(argv[1], names[kind]) != 0)
		kind++;
	if (argc < 3 || kind > PLAIN) {
		fprintf(stderr, "floor gzip|zstd|plain BLOB...\n");
		return 2;
	}
	int n = argc - 2;
	struct job *jobs = calloc((size_t)n, sizeof *jobs);
	if (!jobs)
		return 1;
	for (int i = 0; i < n; i++) {
		jobs[i].kind = kind;
		jobs[i].path = argv[i + 2];
		if (pthread_create(&jobs[i].thread, NULL, run, &jobs[i]) != 0)
			die(jobs[i].path, "no thread");
	}
	for (int i = 0; i < n; i++) {
		pthread_join(jobs[i].thread, NULL);
		for (int b = 0; b < 32; b++)
			printf("%02x", jobs[i].sum[b]);
		printf(" %llu %s\n", (unsigned long long)jobs[i].bytes, jobs[i].path);
	}
	free(jobs);
	return 0;
}
