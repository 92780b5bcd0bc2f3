/* rpm_header.c — one package's header (rpm's docs/manual/hregions.md, lib/header.c), all numbers big-endian:
 *
 *      u32 entries | u32 bytes | entries × { u32 tag, type, offset, count } | bytes of data
 *
 * Offsets count from the beginning of the data. A tag that stands twice counts as it stands last: what rpm adds when it installs
 * (relocated names) follows behind the signed region. */
#include "base/buf.h"
#include "package/rpm.h"

enum type { CHAR = 1, INT8, INT16, INT32, INT64, STRING, BIN, STRING_ARRAY, I18N };
enum want { NAME, VERSION, RELEASE, EPOCH, SUMMARY, SIZE, LICENSE, GROUP, ARCH, OLDFILENAMES, STATES, FLAGS, SOURCERPM, REQUIREFLAGS, REQUIRENAME, REQUIREVERSION, DIRINDEXES, BASENAMES, DIRNAMES, LONGSIZE, VENDOR, MODULE, PROVIDENAME, WANTS };
static const struct {
	u32 tag;
	enum type type;
} wanted[WANTS] = {
	[NAME] = { 1000, STRING },	      [VERSION] = { 1001, STRING },	[RELEASE] = { 1002, STRING },		 [EPOCH] = { 1003, INT32 },
	[SUMMARY] = { 1004, I18N },	      [SIZE] = { 1009, INT32 },		[LICENSE] = { 1014, STRING },		 [GROUP] = { 1016, I18N },
	[ARCH] = { 1022, STRING },	      [OLDFILENAMES] = { 1027, STRING_ARRAY }, [STATES] = { 1029, CHAR },	 [FLAGS] = { 1037, INT32 },
	[SOURCERPM] = { 1044, STRING },	      [REQUIREFLAGS] = { 1048, INT32 }, [REQUIRENAME] = { 1049, STRING_ARRAY }, [REQUIREVERSION] = { 1050, STRING_ARRAY },
	[DIRINDEXES] = { 1116, INT32 },	      [BASENAMES] = { 1117, STRING_ARRAY }, [DIRNAMES] = { 1118, STRING_ARRAY }, [LONGSIZE] = { 5009, INT64 },
	[VENDOR] = { 1011, STRING },	      [MODULE] = { 5096, STRING },      [PROVIDENAME] = { 1047, STRING_ARRAY },
};
#define FLAG_GHOST (1u << 6) /* may be there, is not part of the package */
#define SENSE_LESS 2u
#define SENSE_GREATER 4u
#define SENSE_EQUAL 8u
#define SENSE_RPMLIB (1u << 24) /* what rpm itself must be able to */
enum { STATE_NORMAL = 0, STATE_NETSHARED = 3 };

struct header {
	struct str data;
	struct {
		u32 offset, count; /* count 0: not there */
	} at[WANTS];
};

/* Strings are given as STRING, as I18N (the first is the untranslated one) and as arrays of one. */
static bool type_fits(enum type want, u32 have)
{
	bool text = have == STRING || have == I18N || have == STRING_ARRAY;
	if (want == STRING || want == I18N || want == STRING_ARRAY)
		return text;
	return want == CHAR ? have == CHAR || have == INT8 : have == want;
}

/* An entry that points outside of the data is damage, but only to what it would have told. */
static int parse(struct str blob, struct header *h, struct note_writer *w, struct error *err)
{
	if (blob.n < 8)
		return error_set(err, ERR_INPUT, "%zu bytes are no header", blob.n);
	u64 entries = rpm_be32(blob.p), bytes = rpm_be32(blob.p + 4);
	if (entries == 0 || entries > RPM_ENTRIES_MAX || 8 + entries * 16 + bytes > blob.n)
		return error_set(err, ERR_INPUT, "a header of %llu entries and %llu bytes in %zu", (unsigned long long)entries, (unsigned long long)bytes, blob.n);
	*h = (struct header){ .data = str_n(blob.p + 8 + entries * 16, (size_t)bytes) };
	for (u64 i = 0; i < entries; i++) {
		const char *e = blob.p + 8 + i * 16;
		u32 tag = rpm_be32(e), type = rpm_be32(e + 4), offset = rpm_be32(e + 8), count = rpm_be32(e + 12);
		for (u32 k = 0; k < WANTS; k++) {
			static const u8 width[] = { [CHAR] = 1, [INT32] = 4, [INT64] = 8, [STRING] = 1, [STRING_ARRAY] = 1, [I18N] = 1 };
			if (wanted[k].tag != tag)
				continue;
			/* A string takes a byte at least, its end: so every count is bounded by the bytes that are there. */
			if (!type_fits(wanted[k].type, type) || count == 0 || offset >= bytes || (u64)count * width[wanted[k].type] > bytes - offset)
				note_damage(w, "a header's tag %u, type %u: %u items at %u of %llu bytes", tag, type, count, offset, (unsigned long long)bytes);
			else {
				h->at[k].offset = offset;
				h->at[k].count = count;
			}
		}
	}
	return 0;
}

/* Takes a terminated string off the front. */
static bool cut_string(struct str *rest, struct str *s)
{
	const char *end = rest->n ? memchr(rest->p, '\0', rest->n) : NULL;
	if (!end)
		return false;
	*s = str_n(rest->p, (size_t)(end - rest->p));
	*rest = str_from(*rest, s->n + 1);
	return true;
}

static struct str items(const struct header *h, enum want k) { return h->at[k].count ? str_from(h->data, h->at[k].offset) : STR(""); }

static struct str text(const struct header *h, enum want k)
{
	struct str rest = items(h, k), s = { "", 0 };
	return cut_string(&rest, &s) ? s : STR("");
}

static u32 number(const struct header *h, enum want k, u32 i) { return i < h->at[k].count ? rpm_be32(h->data.p + h->at[k].offset + (size_t)4 * i) : 0; }

static bool word(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((u8)s.p[i] <= ' ' || s.p[i] == 0x7f || s.p[i] == '/')
			return false;
	return s.n != 0;
}

/* "bash-5.1.8-2.fc35.src.rpm": name, version and release stand between the last two dashes. The source's epoch is not told; when version
 * and release are the package's own, so is it. */
static void put_source(struct note_writer *w, struct str file, struct str version, struct str full)
{
	if (!str_ends(file, STR(".rpm")))
		return;
	file.n -= 4;
	const char *dot = memrchr(file.p, '.', file.n);
	if (!dot)
		return;
	file.n = (size_t)(dot - file.p);
	const char *dash = memrchr(file.p, '-', file.n);
	if (dash)
		dash = memrchr(file.p, '-', (size_t)(dash - file.p));
	if (!dash || dash == file.p)
		return;
	struct str source = str_from(file, (size_t)(dash - file.p) + 1);
	note_text(w, NOTE_SOURCE_NAME, str_n(file.p, (size_t)(dash - file.p)));
	note_text(w, NOTE_SOURCE_VERSION, str_eq(source, version) ? full : source);
}

/* "glibc >= 2.17, /bin/sh": as in a spec file. */
static void put_depends(struct note_writer *w, const struct header *h)
{
	struct buf b = BUF(NOTE_FIELD_MAX);
	struct str names = items(h, REQUIRENAME), versions = items(h, REQUIREVERSION), name, version;
	for (u32 i = 0; i < h->at[REQUIRENAME].count && cut_string(&names, &name) && !b.over; i++) {
		u32 flags = number(h, REQUIREFLAGS, i);
		if (i >= h->at[REQUIREVERSION].count || !cut_string(&versions, &version))
			version = STR("");
		if ((flags & SENSE_RPMLIB) || str_starts(name, STR("rpmlib(")))
			continue;
		if (b.n)
			buf_puts(&b, ", ");
		buf_add(&b, name);
		if (version.n && (flags & (SENSE_LESS | SENSE_GREATER | SENSE_EQUAL))) {
			buf_printf(&b, " %s%s%s ", flags & SENSE_LESS ? "<" : "", flags & SENSE_GREATER ? ">" : "", flags & SENSE_EQUAL ? "=" : "");
			buf_add(&b, version);
		}
	}
	note_text(w, NOTE_DEPENDS, buf_str(&b));
	buf_free(&b);
}

/* The names alone: nothing asks for their versions. */
static void put_provides(struct note_writer *w, const struct header *h)
{
	struct buf b = BUF(NOTE_FIELD_MAX);
	struct str names = items(h, PROVIDENAME), name;
	for (u32 i = 0; i < h->at[PROVIDENAME].count && cut_string(&names, &name) && !b.over; i++) {
		buf_puts(&b, b.n ? ", " : "");
		buf_add(&b, name);
	}
	note_text(w, NOTE_PROVIDES, buf_str(&b));
	buf_free(&b);
}

/* Whether file i is on the disk as this package's: ghosts, and files that were left out or that another package replaced, are not. */
static bool present(const struct header *h, u32 i)
{
	if (number(h, FLAGS, i) & FLAG_GHOST)
		return false;
	if (i >= h->at[STATES].count)
		return true;
	char state = h->data.p[h->at[STATES].offset + i];
	return state == STATE_NORMAL || state == STATE_NETSHARED;
}

/* Names as they were before directories got a list of their own (rpm 3). */
static int old_files(const struct header *h, struct note_writer *w)
{
	struct str rest = items(h, OLDFILENAMES), path;
	for (u32 i = 0; i < h->at[OLDFILENAMES].count; i++) {
		if (!cut_string(&rest, &path))
			return -1;
		if (present(h, i))
			note_path(w, STR(""), path);
	}
	return 0;
}

static int files(const struct header *h, struct note_writer *w)
{
	u32 n = h->at[BASENAMES].count, n_dirs = h->at[DIRNAMES].count;
	if (n == 0)
		return old_files(h, w);
	if (h->at[DIRINDEXES].count != n || n_dirs == 0 || n_dirs > RPM_DIRS_MAX)
		return -1;
	autofree u32 *dirs = xcalloc((size_t)n_dirs + 1, sizeof *dirs); /* offsets of the names, and the end of the last */
	struct str rest = items(h, DIRNAMES), s;
	for (u32 i = 0; i < n_dirs; i++) {
		if (!cut_string(&rest, &s))
			return -1;
		dirs[i] = (u32)(s.p - h->data.p);
		dirs[i + 1] = (u32)(s.p - h->data.p + (ssize_t)s.n) + 1;
	}
	rest = items(h, BASENAMES);
	for (u32 i = 0; i < n; i++) {
		u32 dir = number(h, DIRINDEXES, i);
		if (!cut_string(&rest, &s) || dir >= n_dirs)
			return -1;
		if (present(h, i))
			note_path(w, str_n(h->data.p + dirs[dir], dirs[dir + 1] - dirs[dir] - 1), s);
	}
	return 0;
}

static u64 installed_size(const struct header *h)
{
	if (h->at[LONGSIZE].count) {
		const char *p = h->data.p + h->at[LONGSIZE].offset;
		return (u64)rpm_be32(p) << 32 | rpm_be32(p + 4);
	}
	return number(h, SIZE, 0);
}

static struct str first_line(struct str v) { return str_cut(&v, '\n'); }

int rpm_header(struct str blob, struct note_writer *w, struct error *err)
{
	struct header h;
	if (parse(blob, &h, w, err) < 0)
		return -1;
	struct str name = text(&h, NAME), version = text(&h, VERSION), release = text(&h, RELEASE);
	if (!word(name) || !word(version) || !word(release) || name.n + version.n + release.n > 4096)
		return error_set(err, ERR_INPUT, "a header without a %s", !word(name) ? "name" : !word(version) ? "version" : "release");
	if (str_is(name, "gpg-pubkey"))
		return 0;
	struct buf full = BUF(0);
	if (number(&h, EPOCH, 0))
		buf_printf(&full, "%u:", number(&h, EPOCH, 0));
	size_t epoch = full.n;
	buf_add(&full, version);
	buf_putc(&full, '-');
	buf_add(&full, release);
	note_put(w, NOTE_PACKAGE, STR(""));
	note_text(w, NOTE_NAME, name);
	note_text(w, NOTE_VERSION, buf_str(&full));
	if (word(text(&h, ARCH)))
		note_text(w, NOTE_ARCH, text(&h, ARCH));
	put_source(w, text(&h, SOURCERPM), str_from(buf_str(&full), epoch), buf_str(&full));
	note_text(w, NOTE_LICENSE, first_line(text(&h, LICENSE)));
	note_text(w, NOTE_SUMMARY, first_line(text(&h, SUMMARY)));
	note_text(w, NOTE_SECTION, first_line(text(&h, GROUP)));
	note_text(w, NOTE_VENDOR, first_line(text(&h, VENDOR)));
	if (word(text(&h, MODULE)))
		note_text(w, NOTE_MODULE, text(&h, MODULE));
	put_depends(w, &h);
	put_provides(w, &h);
	if (installed_size(&h))
		note_number(w, NOTE_SIZE, MIN(installed_size(&h), ((u64)1 << 62) - 1));
	if (files(&h, w) < 0)
		note_damage(w, "the list of files of %.*s is damaged", STR_FMT(str_head(name, 200)));
	buf_free(&full);
	return 0;
}

void rpm_blob(struct str blob, u32 number, struct note_writer *w)
{
	struct error err = { 0 };
	if (rpm_header(blob, w, &err) < 0)
		note_damage(w, "package %u: %s", number, err.text);
}
