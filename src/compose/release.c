#include "compose/release.h"
#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "compose/deb822.h"
#include "trust/key.h"
#include <time.h>
#include <unistd.h>

#define KEYRING_BYTES ((size_t)(16 * MiB))

void release_free(struct release *r) { buf_free(&r->text); }

bool release_date(struct str s, s64 *ret)
{
	char text[64];
	struct tm tm = { 0 };
	if (!s.n || s.n >= sizeof text)
		return false;
	snprintf(text, sizeof text, "%.*s", STR_FMT(s));
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	int day, year, h, m, sec, used = 0;
	char month[4];
	if (sscanf(text, "%*3s, %2d %3s %4d %2d:%2d:%2d %n", &day, month, &year, &h, &m, &sec, &used) != 6 || !used || (!str_is(str_of(text + used), "UTC") && !str_is(str_of(text + used), "GMT") && !str_is(str_of(text + used), "+0000")))
		return false;
	int i = 0;
	while (i < 12 && strcmp(months[i], month) != 0)
		i++;
	if (i == 12 || day < 1 || day > 31 || year < 1970 || year > 9999 || h > 23 || h < 0 || m > 59 || m < 0 || sec > 60 || sec < 0)
		return false;
	tm = (struct tm){ .tm_year = year - 1900, .tm_mon = i, .tm_mday = day, .tm_hour = h, .tm_min = m, .tm_sec = sec };
	*ret = (s64)timegm(&tm);
	return true;
}

int release_parse(struct release *r, struct error *err)
{
	enum { ORIGIN, LABEL, SUITE, CODENAME, VERSION, DATE, BY_HASH, LATE, SHA256, ARCHS, NO_ALL, FIELDS };
	static const char *const names[] = { "Origin", "Label", "Suite", "Codename", "Version", "Date", "Acquire-By-Hash", "NotAutomatic", "SHA256", "Architectures", "No-Support-for-Architecture-all" };
	struct str v[FIELDS], rest = buf_str(&r->text), p;
	if (!deb822_next(&rest, &p))
		return error_set(err, ERR_INPUT, "it is empty");
	if (deb822_fields(p, names, v, FIELDS, err) < 0)
		return -1;
	if (!v[SHA256].n)
		return error_set(err, ERR_INPUT, "it names no file by its SHA-256");
	r->origin = v[ORIGIN];
	r->label = v[LABEL];
	r->suite = v[SUITE];
	r->codename = v[CODENAME];
	r->version = v[VERSION];
	r->date = v[DATE];
	r->sha256 = v[SHA256];
	r->by_hash = str_is(v[BY_HASH], "yes");
	r->late = str_is(v[LATE], "yes");
	for (struct str archs = v[ARCHS], word; deb822_word(&archs, &word);)
		r->has_all |= str_is(word, "all") && !str_is(v[NO_ALL], "Packages");
	return 0;
}

bool release_file(const struct release *r, const char *name, struct digest *sha256, u64 *size)
{
	for (struct str rest = r->sha256; rest.p;) {
		struct str line = str_cut(&rest, '\n'), hex, bytes, file;
		char text[80];
		if (!deb822_word(&line, &hex) || !deb822_word(&line, &bytes) || !deb822_word(&line, &file) || !str_is(file, name) || hex.n != 64)
			continue;
		snprintf(text, sizeof text, "sha256:%.64s", hex.p);
		if (digest_parse(str_of(text), sha256, &(struct error){ 0 }) == 0 && str_to_u64(bytes, size))
			return true;
	}
	return false;
}

/* --- keyrings --- */

int release_dearmor(struct str text, struct buf *out, struct error *err)
{
	bool inside = false, body = false;
	struct buf b = BUF(KEYRING_BYTES);
	int r = 0;
	for (struct str rest = text; r == 0 && rest.p;) {
		struct str line = str_trim(str_cut(&rest, '\n'));
		if (str_starts(line, STR("-----BEGIN PGP"))) {
			inside = true;
			body = false;
			buf_clear(&b);
		} else if (inside && !body) {
			body = !line.n;
		} else if (inside && (str_starts(line, STR("-----END PGP")) || str_starts(line, STR("=")))) {
			inside = false;
			if (!base64_read(buf_str(&b), out))
				r = error_set(err, ERR_INPUT, "a key that is no base64");
		} else if (inside) {
			buf_add(&b, line);
		}
	}
	buf_free(&b);
	return r == 0 && (!out->n || inside) ? error_set(err, ERR_INPUT, "no whole armored key is in it") : r;
}

static int write_file(const char *path, struct str bytes, struct error *err)
{
	autofile FILE *f = fopen(path, "we");
	if (!f || fwrite(bytes.p, 1, bytes.n, f) != bytes.n || fflush(f) != 0)
		return error_errno(err, "%s", path);
	return 0;
}

/* A keyring as gpgv takes it: armored ones are written anew, binary. */
static const char *keyring_file(const char *stage, const char *path, u32 n, struct arena *a, struct error *err)
{
	struct buf b = BUF(KEYRING_BYTES), bytes = BUF(KEYRING_BYTES);
	const char *ret = file_read(path, KEYRING_BYTES, &b, err) < 0 ? NULL : path;
	if (ret && str_contains(str_head(buf_str(&b), 4096), STR("-----BEGIN PGP"))) {
		ret = arena_printf(a, "%s/keyring%u.gpg", stage, n);
		if (release_dearmor(buf_str(&b), &bytes, err) < 0 || write_file(ret, buf_str(&bytes), err) < 0)
			ret = NULL;
	} else if (ret && ret[0] != '/') {
		ret = file_real(path);
		ret = ret && ret[0] == '/' ? ret : arena_printf(a, "./%s", path);
	}
	buf_free(&b);
	buf_free(&bytes);
	return ret;
}

#define KEYRINGS 16u
struct keyrings {
	const char *v[KEYRINGS];
	const char *keys[KEYRINGS]; /* fingerprints of those of them that count; none: all do */
	u32 n, n_keys;
};

static int add_keyring(struct keyrings *k, const char *stage, const char *path, struct arena *a, struct error *err)
{
	if (k->n == KEYRINGS)
		return 0;
	const char *file = keyring_file(stage, path, k->n, a, err);
	if (!file)
		return -1;
	k->v[k->n++] = file;
	return 0;
}

static int keyrings_of(const struct apt_source *s, const struct release_trust *t, const char *stage, struct keyrings *k, struct arena *a, struct error *err)
{
	if (!t->keyring && s->key.n) {
		const char *path = arena_printf(a, "%s/source.asc", stage);
		return write_file(path, s->key, err) < 0 ? -1 : add_keyring(k, stage, path, a, err);
	}
	if (t->keyring)
		return add_keyring(k, stage, t->keyring, a, err);
	for (const char *const *word = s->signed_by; word && *word; word++)
		if (**word == '/' && add_keyring(k, stage, *word, a, err) < 0)
			return -1;
		else if (**word != '/' && k->n_keys < KEYRINGS)
			k->keys[k->n_keys++] = *word;
	if (k->n)
		return 0;
	const char *own = arena_printf(a, "/usr/share/keyrings/%s-archive-keyring.gpg", t->distribution);
	if (access(own, R_OK) < 0)
		return error_set(err, ERR_ENV, "%s is not there: install %s-%s, or say --keyring FILE", own, t->distribution, strcmp(t->distribution, "ubuntu") == 0 ? "keyring" : "archive-keyring");
	return add_keyring(k, stage, own, a, err);
}

/* --- the signature --- */

/* Whether a key is one of those that the source names: by its fingerprint, or its primary key's where there is no "!" behind. */
static bool named(const struct keyrings *k, struct str key, struct str primary)
{
	for (u32 i = 0; i < k->n_keys; i++) {
		struct str only = str_of(k->keys[i]), name = str_cut(&only, '!');
		if (str_ieq(name, key) || (!only.p && str_ieq(name, primary)))
			return true;
	}
	return !k->n_keys;
}

/* What gpgv says with --status-fd, signature by signature (NEWSIG, then GOODSIG or what is wrong, then VALIDSIG): a good one, none that is bad. */
static int judge(struct str said, const struct keyrings *k, const char **by, struct arena *a, struct error *err)
{
	bool good = false, bad = false;
	struct str missing = STR(""), old = STR(""), other = STR("");
	for (struct str rest = said; rest.p;) {
		struct str line = str_cut(&rest, '\n'), word, key, last;
		if (!str_starts(line, STR("[GNUPG:] ")))
			continue;
		line = str_from(line, 9);
		if (!deb822_word(&line, &word))
			continue;
		good &= !str_is(word, "NEWSIG");
		if (!deb822_word(&line, &key))
			continue;
		good |= str_is(word, "GOODSIG");
		bad |= str_is(word, "BADSIG");
		if (str_is(word, "NO_PUBKEY"))
			missing = key;
		if (str_is(word, "EXPKEYSIG") || str_is(word, "REVKEYSIG") || str_is(word, "EXPSIG"))
			old = key;
		if (!good || !str_is(word, "VALIDSIG"))
			continue;
		for (last = key; deb822_word(&line, &word);)
			last = word;
		if (!named(k, key, last))
			other = key;
		else if (!*by)
			*by = arena_strdup(a, key);
	}
	if (bad)
		return error_set(err, ERR_INPUT, "the signature is wrong");
	if (*by)
		return 0;
	if (other.n)
		return error_set(err, ERR_INPUT, "the key %.*s that signed it is none that Signed-By names", STR_FMT(other));
	if (old.n)
		return error_set(err, ERR_INPUT, "the key %.*s that signed it has expired or is revoked", STR_FMT(old));
	return error_set(err, ERR_INPUT, missing.n ? "no key of the keyring signed it, but %.*s" : "no signature is good%.*s", STR_FMT(missing));
}

/* Checks DIR/signed, or DIR/detached for DIR/signed, into r->text. */
static int check(const char *stage, bool detached, const struct apt_source *s, const struct release_trust *t, struct arena *a, struct release *r, struct error *err)
{
	struct keyrings k = { 0 };
	struct buf said = BUF(64 * KiB);
	const char *argv[2 * KEYRINGS + 16], *in = arena_printf(a, "%s/signed", stage), *out = arena_printf(a, "%s/text", stage);
	u32 n = 0;
	if (keyrings_of(s, t, stage, &k, a, err) < 0)
		return -1;
	argv[n++] = "gpgv";
	argv[n++] = "--homedir";
	argv[n++] = stage;
	argv[n++] = "--status-fd";
	argv[n++] = "1";
	argv[n++] = "--weak-digest";
	argv[n++] = "SHA1";
	argv[n++] = "--weak-digest";
	argv[n++] = "RIPEMD160";
	for (u32 i = 0; i < k.n; i++) {
		argv[n++] = "--keyring";
		argv[n++] = k.v[i];
	}
	if (detached) {
		argv[n++] = arena_printf(a, "%s/detached", stage);
	} else {
		argv[n++] = "--output";
		argv[n++] = out;
	}
	argv[n++] = in;
	argv[n] = NULL;
	int status = process_run(argv, &said, err);
	if (status == 127 || (status < 0 && err->kind == ERR_ENV))
		status = error_set(err, ERR_ENV, "its signature cannot be checked: install gpgv");
	int ret = status < 0 ? -1 : judge(buf_str(&said), &k, &r->signed_by, a, err);
	buf_free(&said);
	if (ret == 0) {
		buf_clear(&r->text);
		ret = file_read(detached ? in : out, RELEASE_BYTES, &r->text, err);
	}
	return ret;
}

/* Without a check: what stands between the armor of a clear-signed text. */
static void strip(struct buf *b)
{
	struct str all = buf_str(b), rest = all;
	if (!str_starts(all, STR("-----BEGIN PGP SIGNED MESSAGE-----")))
		return;
	struct buf out = BUF(RELEASE_BYTES);
	while (rest.p && str_trim(str_cut(&rest, '\n')).n)
		;
	while (rest.p) {
		struct str line = str_cut(&rest, '\n');
		if (str_starts(line, STR("-----BEGIN PGP SIGNATURE-----")))
			break;
		buf_add(&out, str_starts(line, STR("- ")) ? str_from(line, 2) : line);
		buf_putc(&out, '\n');
	}
	buf_free(b);
	*b = out;
}

/* The documents, as they are served: r->text, and the detached signature if it is one of its own. */
static int get(struct mirror *m, const char *base, struct arena *a, struct buf *text, struct buf *signature, bool *detached, struct error *err)
{
	bool found;
	const char *url = arena_printf(a, "%s/InRelease", base);
	*detached = false;
	if (mirror_document(m, url, RELEASE_BYTES, &found, text, err) < 0)
		return -1;
	if (found)
		return 0;
	if (mirror_document(m, arena_printf(a, "%s/Release", base), RELEASE_BYTES, &found, text, err) < 0)
		return -1;
	if (!found)
		return error_set(err, ERR_ENV, "%s: neither InRelease nor Release is there", base);
	return mirror_document(m, arena_printf(a, "%s/Release.gpg", base), KEYRING_BYTES, detached, signature, err);
}

static int dates(const struct release *r, const struct apt_source *s, const struct release_trust *t, struct error *err)
{
	static const char *const names[] = { "Valid-Until" };
	struct str rest = buf_str(&r->text), p, until;
	s64 when;
	if (!release_date(r->date, &when))
		return error_set(err, ERR_INPUT, "it has no Date that is one");
	if (when > t->now + RELEASE_FUTURE && !t->any_date && !s->any_date)
		return error_set(err, ERR_INPUT, "it is of the future (%.*s): is the clock right?", STR_FMT(r->date));
	if (t->any_date || s->any_date || !deb822_next(&rest, &p) || deb822_fields(p, names, &until, 1, err) < 0 || !until.n)
		return 0;
	if (!release_date(until, &when) || when < t->now)
		return error_set(err, ERR_INPUT, "it was good until %.*s: the mirror is behind, or somebody serves an old one (--any-date takes it)", STR_FMT(until));
	return 0;
}

static bool right_suite(const struct release *r, const char *suite)
{
	struct str s = str_of(suite);
	if (str_eq(r->suite, s) || str_eq(r->codename, s))
		return true;
	const char *slash = str_chr(s, '/'); /* "buster/updates" is served as codename buster */
	return slash && str_eq(r->codename, str_head(s, (size_t)(slash - s.p)));
}

int release_fetch(struct mirror *m, const struct apt_source *s, const struct release_trust *t, struct arena *a, struct release *ret, struct error *err)
{
	struct buf signature = BUF(KEYRING_BYTES);
	struct stage stage = { 0 };
	bool detached, trust = t->allow_unsigned || s->trusted;
	const char *base = mirror_url(a, s->uri, str_of(arena_printf(a, "dists/%s", s->suite)));
	*ret = (struct release){ .text = BUF(RELEASE_BYTES) };
	int r = get(m, base, a, &ret->text, &signature, &detached, err);
	if (r == 0) {
		ret->digest = digest_bytes(DIGEST_SHA256, buf_str(&ret->text));
		bool clear = str_starts(buf_str(&ret->text), STR("-----BEGIN PGP SIGNED MESSAGE-----"));
		if (trust) {
			strip(&ret->text);
		} else if (!clear && !detached) {
			r = error_set(err, ERR_INPUT, "%s: nobody has signed it; --allow-unsigned takes it as it is", base);
		} else if ((r = stage_make(&stage, arena_printf(a, "%s/" MIRROR_STAGE, m->dir), err)) == 0) {
			r = write_file(arena_printf(a, "%s/signed", stage.path), buf_str(&ret->text), err);
			if (r == 0 && !clear)
				r = write_file(arena_printf(a, "%s/detached", stage.path), buf_str(&signature), err);
			r = r < 0 ? r : check(stage.path, !clear, s, t, a, ret, err);
		}
		stage_remove(&stage);
		if (r == 0)
			r = release_parse(ret, err);
		if (r == 0)
			r = dates(ret, s, t, err);
		if (r == 0 && !right_suite(ret, s->suite))
			r = error_set(err, ERR_INPUT, "it is of the suite %.*s (%.*s)", STR_FMT(ret->suite), STR_FMT(ret->codename));
		if (r < 0 && !strstr(err->text, base))
			error_wrap(err, "%s/InRelease", base);
	}
	buf_free(&signature);
	if (r < 0)
		release_free(ret);
	return r;
}
