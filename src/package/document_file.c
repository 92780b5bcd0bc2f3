/* document_file.c — SBOMs where they are found: in an image, and where the user says. */
#include "base/file.h"
#include "package/document.h"
#include "package/lang.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- in an image --- */
/* The names that Bitnami (.spdx-NAME.spdx), Wolfi (NAME.spdx.json), Python wheels (sboms/NAME.cdx.json) and the tools that write SBOMs use. */
static bool named_so(struct str dir, struct str name)
{
	static const char *const ends[] = { ".spdx", ".spdx.json", ".cdx", ".cdx.json", ".cyclonedx.json", ".sbom", ".sbom.json", ".syft.json", ".bom.json", "bom.json", "sbom.json", ".spdx.tv", "bom.xml", ".cdx.xml" };
	for (size_t i = 0; i < countof(ends); i++)
		if (lang_iends(name, str_of(ends[i])))
			return true;
	return str_is(dir, "var/lib/db/sbom");
}

static bool sniff(struct str dir, struct str name, const struct tar_entry *e, struct str head)
{
	(void)e;
	return named_so(dir, name) && document_sniff(head);
}

static void put(struct note_writer *w, const struct package *k)
{
	const struct {
		u8 tag;
		const char *z;
	} fields[] = { { NOTE_TYPE, k->type }, { NOTE_NAME, k->name }, { NOTE_VERSION, k->version }, { NOTE_ARCH, k->arch }, { NOTE_SOURCE_NAME, k->source_name }, { NOTE_SOURCE_VERSION, k->source_version },
		       { NOTE_LICENSE, k->license }, { NOTE_SUMMARY, k->summary }, { NOTE_MODULE, k->module }, { NOTE_VENDOR, k->vendor }, { NOTE_DEPENDS, k->depends }, { NOTE_INSIDE, k->path }, { NOTE_PURL, k->purl } };
	note_put(w, NOTE_PACKAGE, STR(""));
	for (size_t i = 0; i < countof(fields); i++)
		note_text(w, fields[i].tag, str_of(fields[i].z));
}

static int take(struct str dir, struct str name, struct str content, struct buf *note, struct error *err)
{
	struct note_writer w;
	struct error e = { 0 };
	struct packages *p = packages_new();
	(void)dir, (void)name;
	note_begin(&w, note);
	if (document_read(content, false, p, NULL, &e) < 0) {
		note_damage(&w, "%s", e.text);
	} else {
		for (u32 i = 0; i < p->n; i++)
			put(&w, &p->v[i]);
		for (u32 i = 0; i < p->problems.n; i++)
			note_damage(&w, "%s", p->problems.v[i]);
	}
	packages_free(p);
	return note_end(&w, err);
}

const struct collector document_collector = { .id = COLLECT_SBOM, .version = 1, .name = "sbom", .limit = DOCUMENT_COLLECTED, .sniff = sniff, .take = take };

static void read_documents(const struct rootfs *r, struct packages *p)
{
	autofree node_id *files = NULL;
	u32 n = packages_noted(p, r, COLLECT_SBOM, &files);
	for (u32 i = 0; i < n; i++) {
		u32 first = p->n, count = packages_load(p, r, files[i], COLLECT_SBOM, "generic", true);
		for (u32 k = first; k < first + count; k++)
			p->v[k].origin = ORIGIN_DOCUMENT;
	}
}

const struct ecosystem document_ecosystem = { .type = "sbom", .collector = &document_collector, .set = COLLECT_PACKAGES, .read = read_documents };

/* --- where the user says --- */
#define LOOK ((size_t)(64 * KiB))

/* What stands at the beginning of a pipe, and stays there (tee(2)). A writer may be slow: what could be an SBOM is waited for until it says so, or has said COLLECT_HEAD bytes of something else. */
static size_t look_into_pipe(int fd, char *to, size_t size)
{
	size_t n = 0;
	for (u32 tries = 0; tries < 400; tries++) {
		int p[2];
		struct pollfd poll_it = { .fd = fd, .events = POLLIN };
		if (pipe2(p, O_CLOEXEC) < 0)
			return 0;
		ssize_t got = tee(fd, p[1], size, 0);
		got = got > 0 ? read(p[0], to, (size_t)got) : got;
		close(p[0]);
		close(p[1]);
		bool more = got > 0 && (size_t)got > n;
		n = got > 0 ? (size_t)got : 0;
		struct str head = str_trim(str_n(to, n));
		bool maybe = n && n < COLLECT_HEAD && (head.n == 0 || head.p[0] == '{' || head.p[0] == '#' || head.p[0] == '<' || head.p[0] == 'S' || head.p[0] == '\xef');
		if (!maybe || document_sniff(head) || (!more && poll(&poll_it, 1, 0) == 1 && (poll_it.revents & POLLHUP)))
			break;
		usleep(more ? 1000 : 10000);
	}
	return n;
}

static const char *plain_location(const char *location) { return strncmp(location, "sbom:", 5) == 0 ? location + 5 : location; }

bool document_named(const char *location)
{
	const char *path = plain_location(location);
	bool pipe_in = strcmp(path, "-") == 0, answer = false;
	if (path != location)
		return true;
	int fd = pipe_in ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	if (fd < 0)
		return false;
	if (fstat(fd, &st) == 0 && (S_ISREG(st.st_mode) || (pipe_in && S_ISFIFO(st.st_mode)))) {
		autofree char *head = xmalloc(LOOK);
		off_t at = pipe_in && S_ISREG(st.st_mode) ? lseek(fd, 0, SEEK_CUR) : 0;
		ssize_t n = S_ISREG(st.st_mode) ? pread(fd, head, LOOK, at < 0 ? 0 : at) : (ssize_t)look_into_pipe(fd, head, LOOK);
		answer = n > 0 && document_sniff(str_n(head, (size_t)n));
	}
	if (!pipe_in)
		close(fd);
	return answer;
}

int packages_of_document(const char *location, struct packages **ret, struct document_about *about, struct error *err)
{
	const char *path = plain_location(location);
	struct buf text = BUF(0);
	int r = strcmp(path, "-") == 0 ? file_read_fd(STDIN_FILENO, DOCUMENT_MAX, "standard input", &text, err) : file_read(path, DOCUMENT_MAX, &text, err);
	if (r == 0) {
		struct packages *p = packages_new();
		*about = (struct document_about){ 0 };
		r = document_read(buf_str(&text), true, p, about, err);
		if (r == 0) {
			packages_finish(p);
			*ret = p;
		} else {
			packages_free(p);
			problems_free(&about->unverified);
			free(about->unidentified);
			error_wrap(err, "%s", path);
		}
	}
	buf_free(&text);
	return r;
}
