#include "program/refer.h"
#include "base/hash.h"
#include "base/hashtab.h"
#include "program/elf.h"
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define HEAD ((size_t)4096)
#define TOKEN ((size_t)1024) /* what is longer is a row of strings */
#define OVERLAP ((size_t)128)
#define RANGES 16u

/* --- functions that matter --- */
static const struct { char name[28]; u32 bit; } functions[] = {
	{ "iconv_open", REFER_ICONV }, { "g_convert", REFER_ICONV }, { "g_convert_with_fallback", REFER_ICONV }, { "g_iconv_open", REFER_ICONV }, { "g_locale_to_utf8", REFER_ICONV }, { "g_io_channel_set_encoding", REFER_ICONV }, { "setlocale", REFER_LOCALE }, { "newlocale", REFER_LOCALE }, { "tzset", REFER_ZONE }, { "localtime", REFER_ZONE }, { "localtime_r", REFER_ZONE }, { "localtime64", REFER_ZONE },
	{ "localtime64_r", REFER_ZONE }, { "mktime", REFER_ZONE }, { "mktime64", REFER_ZONE }, { "timelocal", REFER_ZONE }, { "getpwnam", REFER_ACCOUNTS }, { "getpwnam_r", REFER_ACCOUNTS }, { "getpwuid", REFER_ACCOUNTS },
	{ "getpwuid_r", REFER_ACCOUNTS }, { "getpwent", REFER_ACCOUNTS }, { "getgrnam", REFER_ACCOUNTS }, { "getgrnam_r", REFER_ACCOUNTS }, { "getgrgid", REFER_ACCOUNTS }, { "getgrgid_r", REFER_ACCOUNTS },
	{ "getgrent", REFER_ACCOUNTS }, { "getgrouplist", REFER_ACCOUNTS }, { "initgroups", REFER_ACCOUNTS }, { "getspnam", REFER_ACCOUNTS | REFER_SHADOW }, { "getspnam_r", REFER_ACCOUNTS | REFER_SHADOW },
	{ "getspent", REFER_SHADOW }, { "getaddrinfo", REFER_HOSTS }, { "getnameinfo", REFER_HOSTS }, { "gethostbyname", REFER_HOSTS }, { "gethostbyname2", REFER_HOSTS }, { "gethostbyname_r", REFER_HOSTS },
	{ "gethostbyname2_r", REFER_HOSTS }, { "gethostbyaddr", REFER_HOSTS }, { "gethostbyaddr_r", REFER_HOSTS }, { "gethostent", REFER_HOSTS }, { "res_query", REFER_HOSTS }, { "res_init", REFER_HOSTS },
	{ "res_ninit", REFER_HOSTS }, { "getservbyname", REFER_SERVICES }, { "getservbyname_r", REFER_SERVICES }, { "getservbyport", REFER_SERVICES }, { "getservbyport_r", REFER_SERVICES }, { "getprotobyname", REFER_SERVICES },
	{ "getprotobyname_r", REFER_SERVICES }, { "getprotobynumber", REFER_SERVICES }, { "dlopen", REFER_DLOPEN }, { "dlmopen", REFER_DLOPEN }, { "lt_dlopenext", REFER_DLOPEN }, { "execv", REFER_EXEC }, { "execve", REFER_EXEC },
	{ "execvp", REFER_EXEC | REFER_SEARCH }, { "execvpe", REFER_EXEC | REFER_SEARCH }, { "execl", REFER_EXEC }, { "execlp", REFER_EXEC | REFER_SEARCH }, { "execle", REFER_EXEC }, { "fexecve", REFER_EXEC }, { "posix_spawn", REFER_EXEC }, { "posix_spawnp", REFER_EXEC | REFER_SEARCH },
	{ "system", REFER_SHELL }, { "popen", REFER_SHELL }, { "wordexp", REFER_SHELL }, { "gettext", REFER_MESSAGES }, { "dgettext", REFER_MESSAGES }, { "dcgettext", REFER_MESSAGES }, { "ngettext", REFER_MESSAGES },
	{ "dcngettext", REFER_MESSAGES }, { "bindtextdomain", REFER_MESSAGES }, { "setupterm", REFER_TERMINAL }, { "tgetent", REFER_TERMINAL }, { "initscr", REFER_TERMINAL }, { "newterm", REFER_TERMINAL },
	{ "rl_initialize", REFER_TERMINAL }, { "readline", REFER_TERMINAL }, { "pam_start", REFER_PAM }, { "magic_load", REFER_MAGIC }, { "chroot", REFER_CHROOT }, { "magic_open", REFER_MAGIC },
	{ "set_default_verify_paths", REFER_TLS }, { "set_default_paths", REFER_TLS }, { "set_x509_system_trust", REFER_TLS }, { "get_default_cert_file", REFER_TLS }, { "get_default_cert_dir", REFER_TLS },
	{ "trust_list_add_system_trust", REFER_TLS },
};

struct refer {
	u64 at;                  /* bytes seen */
	struct { u64 from, to; } range[RANGES]; /* where strings may be; ascending */
	u32 n_ranges;
	bool elf, program, is_libc, cut;
	struct buf carry;        /* a string that goes on in the next piece */
	bool is_long;
	u32 said, imported;      /* functions */
	u32 run, run_bits, run_words; /* of strings that stand behind each other, as in the table of dynamic symbols' names; n_words before them */
	bool run_library, run_libc, dynamic;
	struct buf out;
	struct hashtab lines;
	u32 *where, n, cap;
	u32 *words, n_words, cap_words;
	struct hashtab seen;
	u8 ends[256], next[countof(functions) + 1]; /* functions by ending(): index + 1 of the first, and of the one behind each */
};
_Static_assert(countof(functions) < 255, "a byte each");

/* Every string of every program is asked: by their last letters most are none of these. */
static u8 ending(struct str s) { return (u8)((u8)s.p[s.n - 1] * 31u + (u8)s.p[s.n - 2] * 7u + (u8)s.p[s.n - 3]); }

/* Of a symbol: linkers let one string be the end of another ("Perl_my_popen" is "popen", too), so what ends so behind a '_' counts. */
static u32 function(const struct refer *r, struct str s)
{
	/* std::locale by name; not its default, its copy */
	if (str_starts(s, STR("_ZNSt6localeC")) && s.n > 14 && s.p[14] == 'E')
		return str_is(str_from(s, 15), "v") || str_is(str_from(s, 15), "RKS_") ? 0 : REFER_LOCALE;
	if (s.n > 64 || s.n < 5)
		return 0;
	u32 bits = 0;
	for (size_t i = r->ends[ending(s)]; i; i = r->next[i]) {
		struct str name = str_of(functions[i - 1].name);
		if (str_ends(s, name) && (s.n == name.n || s.p[s.n - name.n - 1] == '_'))
			bits |= functions[i - 1].bit;
	}
	return bits;
}

/* What only the C library of a static program says. Each has a letter, `at`, that few strings have: only there it is compared. */
static u32 said(struct str s)
{
	static const struct { char says[28]; u8 n, at; u32 bits; } words[] = {
#define WORD(says, at, bits) { says, sizeof(says) - 1, at, bits }
		WORD("exec: Stdout already set", 4, REFER_STARTS), WORD("gconv-modules", 5, REFER_ICONV), WORD("locale-archive", 6, REFER_LOCALE), WORD("PATH", 0, REFER_EXEC | REFER_SEARCH), WORD("/bin/sh", 0, REFER_SHELL),
		WORD("/usr/share/zoneinfo", 0, REFER_ZONE), WORD("/etc/nsswitch.conf", 0, REFER_ACCOUNTS | REFER_HOSTS | REFER_SERVICES), WORD("/etc/resolv.conf", 0, REFER_HOSTS), WORD("/etc/shadow", 0, REFER_SHADOW),
#undef WORD
	};
	u32 bits = 0;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (c != '/' && c != '-' && c != 'P' && c != ':')
			continue;
		for (size_t k = 0; k < countof(words); k++)
			if (words[k].says[words[k].at] == c && i >= words[k].at && words[k].n <= s.n - i + words[k].at && memcmp(s.p + i - words[k].at, words[k].says, words[k].n) == 0)
				bits |= words[k].bits;
	}
	return bits;
}

static u32 hash_of(struct str s) /* kept in notes: the same everywhere */
{
	u32 h = 2166136261u;
	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (u8)s.p[i]) * 16777619u;
	return h;
}

/* --- one file --- */
static void tell(struct refer *r, char letter, struct str text)
{
	char line[TOKEN + 2];
	if (text.n < 2 || text.n > TOKEN)
		return;
	line[0] = letter;
	memcpy(line + 1, text.p, text.n);
	line[text.n + 1] = '\n';
	struct str s = { line, text.n + 2 };
	u32 hash = (u32)hash64(s, hash_seed);
	for (u32 at = hash, id; (id = hashtab_next(&r->lines, hash, &at));)
		if (str_starts(str_from(buf_str(&r->out), r->where[id - 1]), s))
			return;
	if (r->n >= REFER_STRINGS || r->out.n + s.n > REFER_NOTE) {
		r->cut = true;
		return;
	}
	VEC_PUSH(r->where, r->n, r->cap, (u32)r->out.n);
	hashtab_add(&r->lines, hash, r->n);
	buf_add(&r->out, s);
}

static bool is_word(struct str s)
{
	if (s.n < 2 || s.n > 64)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] | 32) >= 'a' && (s.p[i] | 32) <= 'z') && !(s.p[i] >= '0' && s.p[i] <= '9') && !strchr("._+-[", s.p[i]))
			return false;
	return true;
}

static void word(struct refer *r, struct str s)
{
	if (!is_word(s))
		return;
	u32 h = hash_of(s);
	for (u32 at = h, id; (id = hashtab_next(&r->seen, h, &at));)
		if (r->words[id - 1] == h)
			return;
	if (r->n_words >= REFER_WORDS) {
		r->cut = true;
		return;
	}
	VEC_PUSH(r->words, r->n_words, r->cap_words, h);
	hashtab_add(&r->seen, h, r->n_words);
}

/* "gzip -dc %s | tar xf -": the words that begin its commands. */
static void command(struct refer *r, struct str s)
{
	for (u32 i = 0; s.p && i < 8; i++) {
		struct str part = str_trim(str_cut(&s, '|')), first = str_cut(&part, ' ');
		word(r, str_base(first));
	}
}

static void path(struct refer *r, struct str s)
{
	while (s.p && s.n) { /* "/usr/local/bin:/usr/bin" */
		struct str one = str_cut(&s, ':');
		const char *percent = str_chr(one, '%');
		if (percent)
			one = str_head(one, (size_t)(percent - one.p) + 1);
		const char *blank = str_chr(one, ' ');
		if (blank)
			one = str_head(one, (size_t)(blank - one.p));
		if (one.n > 3 && one.p[0] == '/' && one.p[1] != '/' && one.p[1] != '*')
			tell(r, 'p', one);
	}
}

static bool is_library(struct str s)
{
	const char *so = str_chr(s, '.');
	while (so && !str_starts(str_n(so, (size_t)(s.p + s.n - so)), STR(".so")))
		so = str_chr(str_n(so + 1, (size_t)(s.p + s.n - so) - 1), '.');
	if (!so || str_chr(s, ' ') || s.n > 128 || so == s.p)
		return false;
	size_t after = (size_t)(so - s.p) + 3;
	return after == s.n || s.p[after] == '.' || s.p[after] == '%';
}

/* The end of a row of strings: it was the table of dynamic symbols when names of libraries stand in it. */
static void run_end(struct refer *r)
{
	if (!r->run)
		return;
	if (r->run >= 3 && r->run_library) {
		r->imported |= r->run_bits;
		if (r->run_libc && !r->dynamic) { /* mkdir(2) is no mkdir(1) */
			r->n_words = r->run_words;
			hashtab_free(&r->seen);
			hashtab_open(&r->seen, 64);
			for (u32 i = 0; i < r->n_words; i++)
				hashtab_add(&r->seen, r->words[i], i + 1);
		}
		r->dynamic = true;
	}
	r->run = r->run_bits = 0;
	r->run_library = r->run_libc = false;
}

static void string(struct refer *r, struct str s)
{
	bool symbol = s.n > 0 && !str_chr(s, ' ');
	if (!symbol)
		run_end(r);
	if (!s.n)
		return;
	bool library = is_library(s);
	if (symbol) {
		if (!r->run++)
			r->run_words = r->n_words;
		r->run_library |= library && str_base(s).p == s.p;
		r->run_libc |= library && (str_starts(s, STR("libc.so")) || str_starts(s, STR("libc.musl-")));
		r->run_bits |= function(r, s);
	}
	if (r->is_libc || s.n < 2)
		return;
	r->said |= s.n > 3 ? said(s) : 0;
	if (library)
		tell(r, 'l', s);
	const char *slash = str_chr(s, '/');
	if (s.p[0] == '/')
		path(r, s);
	else if (slash > s.p && slash[-1] == '=')
		path(r, str_from(s, (size_t)(slash - s.p)));
	else if (str_starts(s, STR("file:///")))
		path(r, str_from(s, 7));
	if (symbol) {
		struct str rest = s;
		word(r, str_base(s));
		if (slash && slash > s.p)
			word(r, str_cut(&rest, '/'));
	} else {
		command(r, s);
	}
}

/* Strings of Go and Rust programs have no ends and stand in one row: where a path may begin in it, and what follows (graph: the longest that is there). */
static void row(struct refer *r, struct str s, bool goes_on)
{
	static const struct { char name[12]; u8 n; } roots[] = { { "/usr/", 5 }, { "/etc/", 5 }, { "/var/", 5 }, { "/opt/", 5 }, { "/srv/", 5 }, { "/lib/", 5 }, { "/bin/", 5 }, { "/sbin/", 6 }, { "/home/", 6 }, { "/app", 4 }, { "/data", 5 }, { "/run/", 5 }, { "/root/", 6 }, { "/config", 7 }, { "/static", 7 }, { "/templates", 10 } };
	if (!r->is_libc)
		r->said |= said(s);
	for (const char *at = str_chr(s, '/'); at && !r->is_libc; at = str_chr(str_from(s, (size_t)(at - s.p) + 1), '/')) {
		struct str rest = str_from(s, (size_t)(at - s.p));
		for (size_t i = 0; i < countof(roots); i++)
			if (rest.n > 1 && rest.p[1] == roots[i].name[1] && str_starts(rest, str_n(roots[i].name, roots[i].n))) {
				size_t n = 1;
				while (n < rest.n && n < 128 && !strchr(" \"'%<>|,;()", rest.p[n]))
					n++;
				if (!goes_on || n < rest.n) /* else it is told when its end is seen */
					tell(r, 'g', str_head(rest, n));
				break;
			}
	}
}

static inline bool printable(char c) { return (u8)(c - ' ') < 0x5f; }

#ifdef __SSE2__
static inline u32 printables(__m128i v)
{
	v = _mm_sub_epi8(v, _mm_set1_epi8(' '));
	return (u32)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(0x5e)), v));
}
#endif

/* Where text that goes on at `at` ends. */
static inline size_t text_end(struct str s, size_t at)
{
#ifdef __SSE2__
	for (; at + 16 <= s.n; at += 16) {
		u32 m = printables(_mm_loadu_si128((const __m128i *)(const void *)(s.p + at)));
		if (m != 0xffff)
			return at + (size_t)__builtin_ctz(~m);
	}
#endif
	while (at < s.n && printable(s.p[at]))
		at++;
	return at;
}

/* Where the next piece begins that may be told of: short ones that no NUL ends are not, and most of a program's code and tables is that. Sixteen bytes at once. */
static inline size_t skip(struct refer *r, struct str s, size_t at)
{
#ifdef __SSE2__
	for (; at + 16 <= s.n; run_end(r)) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)(s.p + at));
		u32 m = printables(v), ends = (u32)_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_setzero_si128())) & m << 1;
		if (ends) { /* its first that a NUL ends begins behind the last that is no text */
			u32 before = ~m & ((1u << __builtin_ctz(ends)) - 1);
			if (before)
				run_end(r);
			return before ? at + (size_t)(32 - __builtin_clz(before)) : at;
		}
		if (m == 0xffff)
			break;
		at += m >> 15 ? (size_t)(32 - __builtin_clz(~m & 0xffff)) : 16; /* text at the end may go on */
	}
#else
	(void)r, (void)s;
#endif
	return at;
}

static void scan(struct refer *r, struct str s)
{
	size_t i = 0;
	while (i < s.n) {
		if (!r->carry.n && !r->is_long && (i = skip(r, s, i)) == s.n)
			return;
		size_t k = text_end(s, i);
		struct str piece = { s.p + i, k - i };
		bool ends = k < s.n;
		if (ends && !r->carry.n && !r->is_long && (piece.n == 0 || (piece.n <= 16 && s.p[k] != '\0'))) { /* most of what is no text */
			run_end(r);
			i = k + 1;
			continue;
		}
		if (!ends || r->carry.n) {
			while (r->carry.n + piece.n > TOKEN) { /* too long for one string: a row of them */
				size_t n = TOKEN - r->carry.n;
				buf_add(&r->carry, str_head(piece, n));
				piece = str_from(piece, n);
				row(r, buf_str(&r->carry), true);
				memmove(r->carry.p, r->carry.p + TOKEN - OVERLAP, OVERLAP);
				r->carry.n = OVERLAP;
				r->is_long = true;
			}
			buf_add(&r->carry, piece);
			piece = buf_str(&r->carry);
		}
		if (!ends)
			return;
		if (r->is_long || piece.n > TOKEN)
			row(r, piece, false), run_end(r);
		else if (s.p[k] != '\0')
			row(r, piece.n > 16 ? piece : STR(""), false), run_end(r);
		else
			string(r, piece);
		r->is_long = false;
		buf_clear(&r->carry);
		i = k + 1;
	}
}

/* --- where strings are --- */
static u64 get(struct str s, size_t at, u32 n, bool big)
{
	u64 v = 0;
	for (u32 i = 0; i < n && at + n <= s.n; i++)
		v |= (u64)(u8)s.p[at + i] << 8 * (big ? n - 1 - i : i);
	return v;
}

/* Loaded segments; without those that run when what is only read has its own. */
static void headers(struct refer *r, struct str h)
{
	bool wide = h.p[4] == ELF_64, big = h.p[5] == ELF_BIG;
	u64 off = wide ? get(h, 32, 8, big) : get(h, 28, 4, big);
	u32 size = (u32)get(h, wide ? 54 : 42, 2, big), n = (u32)get(h, wide ? 56 : 44, 2, big), readable = 0;
	struct { u64 from, to; bool runs; } v[RANGES];
	u32 m = 0;
	for (u32 i = 0; i < n && i < 64 && m < RANGES && off < h.n; i++) {
		size_t at = (size_t)off + (size_t)i * size;
		if (at + (wide ? 56 : 32) > h.n)
			break;
		u64 type = get(h, at, 4, big), flags = get(h, at + (wide ? 4 : 24), 4, big), from = get(h, at + (wide ? 8 : 4), wide ? 8 : 4, big), length = get(h, at + (wide ? 32 : 16), wide ? 8 : 4, big);
		r->program |= type == 3;
		if (type != 1 || !length || from + length < from)
			continue;
		v[m].from = from;
		v[m].to = from + length;
		v[m].runs = flags & 1;
		readable += !(flags & 1) && !(flags & 2);
		m++;
	}
	u64 last = 0;
	for (u32 i = 0; i < m; i++) {
		if ((v[i].runs && readable > 1) || v[i].to <= last)
			continue;
		r->range[r->n_ranges].from = MAX(v[i].from, last);
		r->range[r->n_ranges++].to = last = v[i].to;
	}
	if (!m)
		r->range[r->n_ranges].from = 0, r->range[r->n_ranges++].to = UINT64_MAX;
}

/* --- the collector --- */
static void *open_refer(void) { return xcalloc(1, sizeof(struct refer)); }

static bool sniff(struct str dir, struct str name, const struct tar_entry *e, struct str head)
{
	(void)dir, (void)e;
	u64 type = head.n > 64 ? get(head, 16, 2, head.p[5] == ELF_BIG) : 0;
	return elf_magic(head) && (type == ELF_EXEC || type == ELF_DYN) && !str_ends(name, STR(".debug"));
}

static void begin(void *state, struct str dir, struct str name, const struct tar_entry *e)
{
	(void)dir, (void)e;
	struct refer *r = state;
	struct buf carry = r->carry, out = r->out;
	*r = (struct refer){ .carry = carry, .out = out, .where = r->where, .cap = r->cap, .words = r->words, .cap_words = r->cap_words };
	buf_clear(&r->carry);
	buf_clear(&r->out);
	r->is_libc = str_starts(name, STR("libc.so")) || str_starts(name, STR("ld-linux")) || str_starts(name, STR("ld-musl-")) || str_starts(name, STR("libc.musl-")) || str_starts(name, STR("libc-2.")) || str_starts(name, STR("ld-2."));
	hashtab_open(&r->lines, 64);
	hashtab_open(&r->seen, 64);
	for (size_t i = 0; i < countof(functions); i++) {
		u8 last = ending(str_of(functions[i].name));
		r->next[i + 1] = r->ends[last];
		r->ends[last] = (u8)(i + 1);
	}
}

static void feed(void *state, struct str piece)
{
	struct refer *r = state;
	if (!r->at && !r->elf) {
		r->elf = elf_magic(piece) && piece.n > 64;
		if (r->elf)
			headers(r, str_head(piece, HEAD));
	}
	u64 from = r->at, to = r->at + piece.n;
	for (u32 i = 0; i < r->n_ranges; i++) {
		u64 a = MAX(from, r->range[i].from), b = MIN(to, r->range[i].to);
		if (a >= b)
			continue;
		if (a == r->range[i].from)
			buf_clear(&r->carry), r->is_long = false, run_end(r);
		scan(r, str_n(piece.p + (a - from), (size_t)(b - a)));
	}
	r->at = to;
}

static int by_number(const void *a, const void *b)
{
	u32 x = *(const u32 *)a, y = *(const u32 *)b;
	return x < y ? -1 : x > y;
}

static int end(void *state, struct buf *note, struct error *err)
{
	(void)err;
	struct refer *r = state;
	run_end(r);
	u32 bits = (r->dynamic ? r->imported : 0) | (r->said & REFER_STARTS);
	bool asks = bits & (REFER_EXEC | REFER_SHELL | REFER_DLOPEN) || r->program || !r->dynamic;
	if (r->elf && !r->is_libc) {
		if (bits || r->said)
			buf_printf(note, "f%x\nF%x\n", bits, r->said);
		buf_add(note, buf_str(&r->out));
		if (r->cut)
			buf_puts(note, "xcut\n");
		if (asks && r->n_words) {
			qsort(r->words, r->n_words, sizeof *r->words, by_number);
			buf_puts(note, "h\n");
			buf_add(note, str_n(r->words, r->n_words * sizeof *r->words));
		}
	}
	hashtab_free(&r->lines);
	hashtab_free(&r->seen);
	return 0;
}

static void close_refer(void *state)
{
	struct refer *r = state;
	buf_free(&r->carry);
	buf_free(&r->out);
	free(r->where);
	free(r->words);
	free(r);
}

static const struct collector_stream stream = { .open = open_refer, .begin = begin, .feed = feed, .end = end, .close = close_refer };

const struct collector refer_collector = { .id = COLLECT_REFER, .version = 6, .name = "refer", .limit = UINT64_MAX, .sniff = sniff, .stream = &stream };

/* --- reading --- */
bool refer_next(struct str *rest, char *letter, struct str *text)
{
	if (!rest->p || !rest->n)
		return false;
	struct str line = str_cut(rest, '\n');
	if (!line.n || line.p[0] == 'h')
		return false;
	*letter = line.p[0];
	*text = str_from(line, 1);
	return true;
}

static u32 bits_of(struct str *note, char letter)
{
	struct str line = str_cut(note, '\n');
	u32 bits = 0;
	for (size_t i = 1; line.n && line.p[0] == letter && i < line.n && i < 9; i++) {
		char c = line.p[i];
		bits = bits << 4 | (u32)(c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= '0' && c <= '9' ? c - '0' : 0);
	}
	return bits;
}

u32 refer_functions(struct str note) { return bits_of(&note, 'f'); }

u32 refer_said(struct str note)
{
	bits_of(&note, 'f');
	return note.p ? bits_of(&note, 'F') : 0;
}

bool refer_says(struct str note, struct str name)
{
	char letter;
	struct str text, rest = note;
	while (rest.p && rest.n && rest.p[0] != 'h')
		if (!refer_next(&rest, &letter, &text))
			return false;
	if (!rest.p || rest.n < 2)
		return false;
	rest = str_from(rest, 2);
	u32 want = hash_of(name);
	for (size_t lo = 0, hi = rest.n / 4; lo < hi;) {
		size_t mid = (lo + hi) / 2;
		u32 v;
		memcpy(&v, rest.p + mid * 4, 4);
		if (v == want)
			return true;
		if (v < want)
			lo = mid + 1;
		else
			hi = mid;
	}
	return false;
}
