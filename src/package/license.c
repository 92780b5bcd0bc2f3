#include "package/license.h"
#include "base/spdx.h"
#include <pthread.h>

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c; }
static bool digit(char c) { return c >= '0' && c <= '9'; }
static bool letter(char c) { return lower(c) >= 'a' && lower(c) <= 'z'; }

/* The list by its names in small letters: where each stands in spdx_ids, made when the first licence is read. */
#define INDEX 4096u
static u16 places[INDEX];
static pthread_once_t index_once = PTHREAD_ONCE_INIT;

static u32 slot_of(struct str name)
{
	u32 h = 2166136261u; /* FNV-1a */
	for (size_t i = 0; i < name.n; i++)
		h = (h ^ (u8)lower(name.p[i])) * 16777619u;
	return (h ^ h >> 15) & (INDEX - 1);
}

static struct str id_at(u16 place)
{
	const char *p = spdx_ids + place;
	return str_n(p, strcspn(p, " "));
}

static void make_index(void)
{
	for (u16 at = 1; spdx_ids[at];) {
		struct str id = id_at(at);
		u32 slot = slot_of(id);
		while (places[slot])
			slot = (slot + 1) & (INDEX - 1);
		places[slot] = at;
		at = (u16)(at + id.n + 1);
	}
}

/* The identifier as the list writes it; empty when it is not listed. */
static struct str listed(struct str name)
{
	pthread_once(&index_once, make_index);
	for (u32 slot = slot_of(name); name.n && places[slot]; slot = (slot + 1) & (INDEX - 1))
		if (str_ieq(id_at(places[slot]), name))
			return id_at(places[slot]);
	return STR("");
}

/* Names that are no identifiers, as key() makes them. */
static const struct {
	const char *key, *id;
} aliases[] = {
	{ "expat", "MIT" },		  { "mitx11", "MIT" },		    { "mitexpat", "MIT" },	     { "bouncycastle", "MIT" },	       { "apache2", "Apache-2.0" },
	{ "apachev2", "Apache-2.0" },	  { "apachev2.0", "Apache-2.0" },   { "apache2.0", "Apache-2.0" },   { "asl2.0", "Apache-2.0" },       { "asl2", "Apache-2.0" },
	{ "al2", "Apache-2.0" },	  { "asl1.1", "Apache-1.1" },	    { "apache1.1", "Apache-1.1" },   { "bsd3", "BSD-3-Clause" },       { "bsd3clause", "BSD-3-Clause" },
	{ "3clausebsd", "BSD-3-Clause" }, { "newbsd", "BSD-3-Clause" },	    { "bsdnew", "BSD-3-Clause" },    { "modifiedbsd", "BSD-3-Clause" }, { "revisedbsd", "BSD-3-Clause" },
	{ "eclipsedistribution1.0", "BSD-3-Clause" }, { "edl1.0", "BSD-3-Clause" }, { "bsd2", "BSD-2-Clause" }, { "bsd2clause", "BSD-2-Clause" }, { "2clausebsd", "BSD-2-Clause" },
	{ "simplifiedbsd", "BSD-2-Clause" }, { "freebsd", "BSD-2-Clause" },  { "bsd4", "BSD-4-Clause" },	     { "bsd4clause", "BSD-4-Clause" }, { "isclicense", "ISC" },
	{ "mpl2", "MPL-2.0" },		  { "mplv2", "MPL-2.0" },	    { "mplv2.0", "MPL-2.0" },	     { "mozilla2.0", "MPL-2.0" },      { "mozilla2.0mpl2.0", "MPL-2.0" },
	{ "mplv1.1", "MPL-1.1" },	  { "mozilla1.1", "MPL-1.1" },	    { "eclipse1.0", "EPL-1.0" },     { "eclipsev1.0", "EPL-1.0" },     { "eclipse2.0", "EPL-2.0" },
	{ "eclipsev2.0", "EPL-2.0" },	  { "artistic", "Artistic-1.0-Perl" }, { "artistic1", "Artistic-1.0-Perl" }, { "edl1", "BSD-3-Clause" }, { "openldap2.8", "OLDAP-2.8" }, { "artistic2", "Artistic-2.0" }, { "psf", "PSF-2.0" },	       { "psf2", "PSF-2.0" },
	{ "pythonfoundation", "PSF-2.0" }, { "boost", "BSL-1.0" },	    { "boost1.0", "BSL-1.0" },	     { "cc0", "CC0-1.0" },	       { "cc01.0", "CC0-1.0" },
	{ "zlib/libpng", "Zlib" },	  { "ofl", "OFL-1.1" },		    { "sil1.1", "OFL-1.1" },	     { "cddl1.0", "CDDL-1.0" },	       { "universalpermissive1.0", "UPL-1.0" },
	{ "bsdzeroclause", "0BSD" },	  { "zerobsd", "0BSD" },	    { "perl", "GPL-1.0-or-later OR Artistic-1.0-Perl" },
};

/* Small letters, digits, dots in numbers, without the words that say nothing: "The Apache Software License, Version 2.0" → "apache2.0". */
static struct str key(struct str name, char out[64])
{
	static const char *const noise[] = { "the", "license", "licence", "software", "version", "v", "public", NULL };
	size_t n = 0;
	for (size_t i = 0; i < name.n;) {
		size_t from = i;
		if (!letter(name.p[i]) && !digit(name.p[i])) {
			i++;
			continue;
		}
		while (i < name.n && (letter(name.p[i]) || digit(name.p[i]) || (name.p[i] == '.' && i + 1 < name.n && digit(name.p[i + 1]))))
			i++;
		struct str word = str_n(name.p + from, i - from);
		bool drop = false;
		for (size_t k = 0; noise[k]; k++)
			drop |= str_ieq(word, str_of(noise[k]));
		for (size_t k = 0; !drop && k < word.n && n < 63; k++)
			out[n++] = lower(word.p[k]);
	}
	out[n] = '\0';
	return str_n(out, n);
}

static bool has(struct str low, const char *z) { return str_contains(low, str_of(z)); }

/* The GNU licences, which are written in more ways than all others together. False: none of them, or one that says something else, too. */
static bool gnu(struct str name, struct buf *out)
{
	static const char *const words[] = { "gnu", "general", "public", "license", "licence", "lesser", "library", "affero", "free", "documentation", "version", "the", "v", "or", "later", "only", "newer",
					     "any", "gpl", "lgpl", "agpl", "gfdl", "gplv", "lgplv", "agplv", "gfdlv", NULL };
	char text[128], version[8] = "";
	if (name.n >= sizeof text)
		return false;
	for (size_t i = 0; i < name.n; i++)
		text[i] = lower(name.p[i]);
	struct str low = str_n(text, name.n);
	bool full = has(low, "general public");
	const char *family = has(low, "gfdl") || has(low, "free documentation") ? "GFDL" : has(low, "agpl") || (full && has(low, "affero")) ? "AGPL" :
			     has(low, "lgpl") || (full && (has(low, "lesser") || has(low, "library"))) ? "LGPL" : has(low, "gpl") || full ? "GPL" : NULL;
	bool plus = has(low, "later") || has(low, "newer") || has(low, ">=");
	for (size_t i = 0; family && i < low.n;) {
		size_t from = i;
		while (i < low.n && letter(low.p[i]))
			i++;
		if (i > from && !str_listed(str_n(low.p + from, i - from), words))
			return false;
		from = i;
		while (i < low.n && (digit(low.p[i]) || (low.p[i] == '.' && i > from && i + 1 < low.n && digit(low.p[i + 1]))))
			i++;
		if (i - from >= sizeof version || (i > from && *version))
			return false;
		if (i > from)
			memcpy(version, low.p + from, i - from), version[i - from] = '\0';
		for (; i < low.n && !letter(low.p[i]) && !digit(low.p[i]); i++)
			plus |= low.p[i] == '+';
	}
	if (!family || (!*version && !plus))
		return false;
	if (!*version)
		snprintf(version, sizeof version, strcmp(family, "LGPL") == 0 ? "2.0" : strcmp(family, "GFDL") == 0 ? "1.1" : strcmp(family, "AGPL") == 0 ? "3.0" : "1.0");
	char id[32];
	snprintf(id, sizeof id, "%s-%s%s-%s", family, version, strchr(version, '.') ? "" : ".0", plus ? "or-later" : "only");
	if (!listed(str_of(id)).n)
		return false;
	buf_puts(out, id);
	return true;
}

/* "https://opensource.org/licenses/mit-license.php", "https://www.gnu.org/licenses/gpl-3.0.html": its last part, without its suffix. */
static struct str of_url(struct str url)
{
	static const char *const suffixes[] = { ".html", ".htm", ".php", ".txt" };
	if (!str_starts(url, STR("http://")) && !str_starts(url, STR("https://")))
		return url;
	while (url.n && url.p[url.n - 1] == '/')
		url.n--;
	struct str last = str_base(url);
	for (size_t i = 0; i < countof(suffixes); i++)
		if (str_ends(last, str_of(suffixes[i])))
			last.n -= strlen(suffixes[i]);
	return str_contains(url, STR("apache.org/licenses/")) && str_ieq(last, STR("LICENSE-2.0")) ? STR("Apache-2.0") : last;
}

/* One name of one or several words; false when nobody knows it. */
static bool known(struct str name, struct buf *out)
{
	char text[64];
	name = of_url(str_trim(name));
	if (name.n == 0 || name.n > 128)
		return false;
	if (gnu(name, out))
		return true;
	struct buf joined = BUF(0);
	for (size_t i = 0; i < name.n; i++)
		buf_putc(&joined, name.p[i] == ' ' ? '-' : name.p[i]);
	bool plus = joined.n > 1 && joined.p[joined.n - 1] == '+';
	joined.n -= plus;
	struct str id = listed(buf_str(&joined));
	size_t number = joined.n;
	while (number && digit(joined.p[number - 1]))
		number--;
	if (!id.n && number < joined.n && number && joined.p[number - 1] == '-') { /* "Artistic-1" */
		buf_puts(&joined, ".0");
		id = listed(buf_str(&joined));
	}
	buf_free(&joined);
	if (!id.n) {
		plus = false;
		struct str k = key(name, text);
		id = listed(k);
		for (size_t i = 0; !id.n && i < countof(aliases); i++)
			if (str_is(k, aliases[i].key))
				id = str_of(aliases[i].id);
	}
	buf_add(out, id);
	if (plus)
		buf_putc(out, '+');
	return id.n || (str_starts(name, STR("LicenseRef-")) && !str_chr(name, ' ') && (buf_add(out, name), true));
}

#define NAMES_MAX 256u /* longer texts are no list of names */
/* Words from one operator to the next, which are several names when each part of them is one. */
static void put_names(struct buf *out, struct str run)
{
	static const char seps[] = { ',', ';', '/', ' ' };
	run = str_trim(run);
	if (known(run, out))
		return;
	for (size_t i = 0; run.n < NAMES_MAX && i < countof(seps); i++) {
		struct buf all = BUF(0);
		struct str rest = run;
		bool good = str_chr(run, seps[i]) != NULL;
		while (good && rest.p) {
			struct str part = str_trim(str_cut(&rest, seps[i]));
			if (part.n == 0)
				continue;
			if (all.n)
				buf_puts(&all, seps[i] == '/' ? " OR " : " AND ");
			good = known(part, &all);
		}
		if (good)
			buf_add(out, buf_str(&all));
		buf_free(&all);
		if (good)
			return;
	}
	buf_add(out, run);
}

static void put_exception(struct buf *out, struct str name)
{
	static const struct {
		const char *word, *id;
	} exceptions[] = {
		{ "gcc", "GCC-exception-3.1" }, { "classpath", "Classpath-exception-2.0" }, { "bison", "Bison-exception-2.2" }, { "libtool", "Libtool-exception" }, { "llvm", "LLVM-exception" },
		{ "font", "Font-exception-2.0" }, { "autoconf", "Autoconf-exception-generic" }, { "linux-syscall", "Linux-syscall-note" },
	};
	name = str_trim(name);
	for (size_t i = 0; i < countof(exceptions); i++) {
		struct str first = str_head(name, strlen(exceptions[i].word));
		if (str_ieq(first, str_of(exceptions[i].word)) && str_chr(name, ' ')) {
			buf_puts(out, exceptions[i].id);
			return;
		}
	}
	for (size_t i = 0; i < name.n; i++)
		buf_putc(out, name.p[i] == ' ' ? '-' : name.p[i]);
}

enum word { W_NAME, W_AND, W_OR, W_WITH };

static enum word operator_of(struct str word, struct str after)
{
	struct str rest = str_trim(after), next = str_cut(&rest, ' ');
	if (str_ieq(word, STR("and/or")) || str_is(word, "|") || str_is(word, "||"))
		return W_OR;
	if (str_ieq(word, STR("and")) || str_is(word, "&") || str_is(word, "&&"))
		return W_AND;
	if (str_ieq(word, STR("or"))) /* "or later" belongs to the name */
		return str_ieq(str_head(next, 5), STR("later")) || str_ieq(str_head(next, 5), STR("newer")) || str_ieq(next, STR("any")) ? W_NAME : W_OR;
	return str_ieq(word, STR("with")) ? W_WITH : W_NAME;
}

struct writer {
	struct buf out, run;
	bool with;   /* the run is an exception's name */
	bool name;   /* something stands before: an operator may follow, a name may not */
	int depth;
	bool bad;
};

static void flush(struct writer *w)
{
	if (w->run.n == 0)
		return;
	w->bad |= w->name;
	(w->with ? put_exception : put_names)(&w->out, buf_str(&w->run));
	buf_clear(&w->run);
	w->with = false;
	w->name = true;
}

static void operate(struct writer *w, enum word op)
{
	/* "GPL-1+ or Artistic, and BSD": the comma says what belongs together. */
	bool comma = w->run.n && w->run.p[w->run.n - 1] == ',';
	w->run.n -= comma;
	flush(w);
	if (comma && w->depth == 0 && (str_contains(buf_str(&w->out), STR(" OR ")) || str_contains(buf_str(&w->out), STR(" AND ")))) {
		struct buf wrapped = BUF(0);
		buf_printf(&wrapped, "(%s)", w->out.p);
		buf_free(&w->out);
		w->out = wrapped;
	}
	w->bad |= !w->name || (op == W_WITH && w->out.n && w->out.p[w->out.n - 1] == ')');
	buf_puts(&w->out, op == W_AND ? " AND " : op == W_OR ? " OR " : " WITH ");
	w->with = op == W_WITH;
	w->name = false;
}

/* "GNU GPL v2 or later (GPLv2+)": what stands in parentheses behind a name says it again. */
static size_t parenthesis(struct writer *w, struct str s, size_t i)
{
	if (s.p[i] == ')') {
		flush(w);
		w->bad |= --w->depth < 0 || !w->name;
		buf_putc(&w->out, ')');
		return i + 1;
	}
	if (w->run.n || w->name) {
		const char *close = str_chr(str_from(s, i), ')');
		w->bad |= !close;
		return close ? (size_t)(close - s.p) + 1 : s.n;
	}
	w->depth++;
	buf_putc(&w->out, '(');
	return i + 1;
}

void license_expression(struct buf *out, struct str raw)
{
	struct writer w = { 0 };
	struct str s = str_trim(raw);
	if (s.n > LICENSE_MAX) {
		buf_add(out, s);
		return;
	}
	for (size_t i = 0; i < s.n;) {
		if ((u8)s.p[i] <= ' ') {
			i++;
			continue;
		}
		if (s.p[i] == '(' || s.p[i] == ')') {
			i = parenthesis(&w, s, i);
			continue;
		}
		size_t from = i;
		while (i < s.n && (u8)s.p[i] > ' ' && s.p[i] != '(' && s.p[i] != ')')
			i++;
		struct str word = str_n(s.p + from, i - from);
		enum word op = operator_of(word, str_from(s, i));
		if (op != W_NAME) {
			operate(&w, op);
			continue;
		}
		if (w.run.n)
			buf_putc(&w.run, ' ');
		buf_add(&w.run, word);
	}
	flush(&w);
	buf_add(out, w.bad || w.depth || !w.name ? s : buf_str(&w.out));
	buf_free(&w.out);
	buf_free(&w.run);
}

static bool valid_id(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!letter(s.p[i]) && !digit(s.p[i]) && s.p[i] != '-' && s.p[i] != '.' && !(s.p[i] == '+' && i + 1 == s.n))
			return false;
	return s.n != 0;
}

bool license_valid(struct str e)
{
	bool name = false, exception = false; /* a name stands before; one of an exception comes */
	u32 depth = 0;
	for (size_t i = 0; i < e.n;) {
		if (e.p[i] == ' ') {
			i++;
		} else if (e.p[i] == '(') {
			if (name)
				return false;
			depth++, i++;
		} else if (e.p[i] == ')') {
			if (!name || !depth)
				return false;
			depth--, i++;
		} else {
			size_t from = i;
			while (i < e.n && e.p[i] != ' ' && e.p[i] != '(' && e.p[i] != ')')
				i++;
			struct str w = str_n(e.p + from, i - from);
			bool op = str_is(w, "AND") || str_is(w, "OR") || str_is(w, "WITH");
			if (op != name || (!op && !valid_id(w)))
				return false;
			name = !op;
			struct str id = str_head(w, w.n - (w.p[w.n - 1] == '+'));
			if (!op && !exception && !str_starts(w, STR("LicenseRef-")) && !str_eq(listed(id), id))
				return false;
			exception = op && str_is(w, "WITH");
		}
	}
	return name && !depth;
}

/* The next operator outside of parentheses from *at on; false when there is none. */
static bool next_operator(struct str s, size_t *at, bool *is_or)
{
	u32 depth = 0;
	for (size_t i = *at; i < s.n; i++) {
		struct str rest = str_from(s, i);
		if (s.p[i] == '(')
			depth++;
		else if (s.p[i] == ')' && depth)
			depth--;
		*is_or = str_starts(rest, STR(" OR "));
		if (depth == 0 && (*is_or || str_starts(rest, STR(" AND ")))) {
			*at = i;
			return true;
		}
	}
	return false;
}

bool license_is_choice(struct str e)
{
	bool is_or;
	for (size_t at = 0; next_operator(e, &at, &is_or); at++)
		if (is_or)
			return true;
	return false;
}

bool license_next(struct str *rest, struct str *one)
{
	size_t at = 0, first = 0;
	bool is_or, any = false, or = false;
	if (!rest->p || !rest->n)
		return false;
	for (; next_operator(*rest, &at, &is_or); at++) {
		if (!any)
			first = at;
		any = true;
		or |= is_or;
	}
	*one = any && !or ? str_head(*rest, first) : *rest;
	*rest = any && !or ? str_from(*rest, first + 5) : (struct str){ NULL, 0 };
	return true;
}
