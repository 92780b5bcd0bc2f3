/* What the files of a tree could ask of a kernel: the functions that ELF files import, the numbers in their code, and where these come from scripts, the words of those. */
#include "base/buf.h"
#include "run/calls.h"
#include "slim/lock.h"
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define ELF_SYMBOLS (1u << 22)  /* of one file */
#define ELF_TEXT (2 * GiB)      /* in all of its segments */
#define ELF_NAME 64u
#define SCRIPT (4 * MiB)
#define SCRIPTS (512 * MiB) /* of all together */
#if defined(__aarch64__)
#define MACHINE EM_AARCH64
#else
#define MACHINE EM_X86_64
#endif

struct look {
	struct lock_tree *t;
	const struct lock_words *words;
	u64 scripts; /* bytes that were read of them */
};

bool lock_calls(const struct lock_tree *t, struct str call)
{
	int n = call_number(call);
	return n >= 0 && n < (int)OBSERVED_CALLS && t->numbers[n / 64] >> n % 64 & 1;
}

bool lock_can(const struct lock_tree *t, enum lock_group g)
{
	bool ret = t->any || t->imports[g];
	for (struct str rest = str_of(lock_rows[g].calls); rest.n && !ret;)
		ret = lock_calls(t, str_cut(&rest, ' '));
	return ret;
}

static struct str text_at(struct str file, u64 offset, u64 size, u64 at)
{
	if (offset > file.n || size > file.n - offset || at >= size)
		return STR("");
	struct str s = str_head(str_n(file.p + offset + at, size - at), ELF_NAME); /* no name that anybody asks for is longer */
	return str_cut(&s, '\0');
}

/* --- ELF files --- */
struct elf {
	struct str f;
	Elf64_Ehdr e;
	bool imports, calls; /* it imports something; syscall(2) */
	bool go, scripted;   /* it leaves the numbers to scripts */
	u64 symbol;          /* of syscall(2) */
	u64 looked_at;       /* symbols, and what is found by them */
	bool groups[GROUPS]; /* of what it imports */
};

static bool section(const struct elf *x, u32 i, Elf64_Shdr *s)
{
	u64 at = x->e.e_shoff + (u64)i * sizeof *s;
	if (x->e.e_shentsize != sizeof *s || at > x->f.n || x->f.n - at < sizeof *s)
		return false;
	memcpy(s, x->f.p + at, sizeof *s);
	return s->sh_type == SHT_NOBITS || (s->sh_offset <= x->f.n && s->sh_size <= x->f.n - s->sh_offset);
}

static void symbols(const struct look *l, struct elf *x, const Elf64_Shdr *s)
{
	static const enum lock_group exported[] = { GROUP_FFI, GROUP_SYSCALL, GROUP_UNSEEN };
	Elf64_Shdr names;
	if (!section(x, s->sh_link, &names))
		return;
	for (u64 k = 0; k + sizeof(Elf64_Sym) <= s->sh_size; k += sizeof(Elf64_Sym)) {
		Elf64_Sym y;
		memcpy(&y, x->f.p + s->sh_offset + k, sizeof y);
		if (++x->looked_at > ELF_SYMBOLS) {
			l->t->any = true;
			return;
		}
		if (!y.st_name)
			continue;
		struct str name = text_at(x->f, names.sh_offset, names.sh_size, y.st_name);
		if (y.st_shndx == SHN_UNDEF) {
			x->imports = true;
			lock_function(l->words, name, x->groups);
			if (str_is(name, "syscall")) {
				x->calls = true;
				x->symbol = k / sizeof y;
			}
			continue;
		}
		bool has[GROUPS] = { false };
		if (ELF64_ST_TYPE(y.st_info) == STT_FUNC)
			lock_function(l->words, name, has);
		for (size_t i = 0; i < countof(exported); i++)
			l->t->imports[exported[i]] |= has[exported[i]];
		x->scripted |= has[GROUP_SYSCALL];
	}
}

/* Where the address of a function is put when it is loaded. */
static u64 slot_of(struct elf *x, u64 symbol)
{
	Elf64_Shdr s;
	for (u32 i = 0; i < x->e.e_shnum; i++) {
		if (!section(x, i, &s) || s.sh_type != SHT_RELA)
			continue;
		for (u64 k = 0; k + sizeof(Elf64_Rela) <= s.sh_size; k += sizeof(Elf64_Rela)) {
			Elf64_Rela r;
			memcpy(&r, x->f.p + s.sh_offset + k, sizeof r);
			if (++x->looked_at > 4 * ELF_SYMBOLS)
				return 0;
			if (ELF64_R_SYM(r.r_info) == symbol)
				return r.r_offset;
		}
	}
	return 0;
}

static void code(const struct look *l, struct elf *x)
{
	Elf64_Phdr p;
	u64 slot = x->calls ? slot_of(x, x->symbol) : 0, bytes = 0;
	for (u32 i = 0; i < x->e.e_phnum; i++) {
		u64 at = x->e.e_phoff + (u64)i * sizeof p;
		if (x->e.e_phentsize != sizeof p || at > x->f.n || x->f.n - at < sizeof p)
			return;
		memcpy(&p, x->f.p + at, sizeof p);
		if (p.p_type != PT_LOAD || !(p.p_flags & PF_X) || p.p_offset > x->f.n)
			continue;
		struct str text = str_n(x->f.p + p.p_offset, MIN(p.p_filesz, x->f.n - p.p_offset));
		if ((bytes += text.n) > ELF_TEXT) {
			l->t->any = true;
			return;
		}
		lock_text_calls(text, x->go || !x->imports, l->t->numbers);
		if (x->calls)
			lock_text_syscall(text, p.p_vaddr, slot, !x->scripted, l->t->numbers);
	}
}

static bool of_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

/* Whole strings that are names of functions: who asks for them by name. */
static void strings(const struct look *l, struct str f)
{
	for (size_t at = 0; at < f.n;) {
		size_t from = at;
		while (at < f.n && of_word(f.p[at]))
			at++;
		if (at > from && at < f.n && f.p[at] == '\0' && (from == 0 || f.p[from - 1] == '\0'))
			lock_function(l->words, str_n(f.p + from, at - from), l->t->imports);
		at++;
	}
}

void lock_elf(const struct lock_words *words, struct str f, struct lock_tree *t)
{
	const struct look look = { .t = t, .words = words }, *l = &look;
	struct elf x = { .f = f };
	Elf64_Shdr s, names = { 0 };
	if (f.n < sizeof x.e || f.p[EI_CLASS] != ELFCLASS64) {
		t->narrow = t->any = true;
		return;
	}
	memcpy(&x.e, f.p, sizeof x.e);
	if (x.e.e_type != ET_EXEC && x.e.e_type != ET_DYN)
		return;
	if (x.e.e_machine != MACHINE || !x.e.e_shnum || !section(&x, x.e.e_shstrndx, &names)) { /* another machine's; packed, or without what tells what is in it */
		t->any = true;
		return;
	}
	for (u32 i = 0; i < x.e.e_shnum; i++) {
		if (!section(&x, i, &s))
			continue;
		x.go |= str_is(text_at(f, names.sh_offset, names.sh_size, s.sh_name), ".gopclntab");
		if (s.sh_type == SHT_DYNSYM)
			symbols(l, &x, &s);
	}
	for (u32 g = 0; g < GROUPS; g++)
		t->imports[g] |= x.groups[g];
	if (x.groups[GROUP_DLSYM])
		strings(l, f);
	code(l, &x);
}

/* The C library makes every call there is: what of it is reached is what others import. Its names in glibc before 2.34, since, and in musl. */
static bool is_libc(struct str name)
{
	static const char *const begins[] = { "libc.so", "libc-2.", "libpthread.so", "libpthread-2.", "librt.so", "librt-2.", "ld-2.", "ld-linux", "ld-musl-", "libc.musl-", "libm.so", "libm-2.", "libmvec" };
	for (size_t i = 0; i < countof(begins); i++)
		if (str_starts(name, str_of(begins[i])))
			return true;
	return false;
}

/* --- scripts --- */
/* `libc.syscall`, "syscall", `syscall(long n, ...)`; Perl's and Ruby's `syscall 318, …`, `syscall(&SYS_…`, not the word in a comment. */
static bool asks_for_a_call(struct str f, size_t from, size_t to, bool ffi)
{
	struct str after = str_from(f, to);
	char before = from ? f.p[from - 1] : ' ', c = after.n ? after.p[0] : ' ', next = after.n > 1 ? after.p[1] : ' ';
	if (ffi && (before == '.' || ((before == '"' || before == '\'') && c == before) || (c == '(' && next != ')')))
		return true;
	if (c != '(' && c != ' ')
		return false;
	while (after.n > 1 && (after.p[0] == '(' || after.p[0] == ' '))
		after = str_from(after, 1);
	c = after.n ? after.p[0] : ' ';
	return c == '$' || c == '&' || (c >= '0' && c <= '9') || str_starts(after, STR("SYS_")) || str_starts(after, STR("__NR_"));
}

/* Names of functions that scripts may look up, also as Python's byte code keeps them: behind their length. */
void lock_script(const struct lock_words *words, struct str f, struct lock_tree *t)
{
	for (size_t at = 0; at < f.n;) {
		size_t from = at;
		while (at < f.n && of_word(f.p[at]))
			at++;
		if (at - from > 2) {
			struct str word = str_n(f.p + from, at - from);
			size_t told = from ? (u8)f.p[from - 1] : 0;
			if (t->imports[GROUP_FFI]) {
				lock_function(words, word, t->imports);
				lock_function(words, str_head(word, told), t->imports);
			}
			if (str_starts(word, STR("syscall")) && (word.n == 7 || told == 7) && (told == 7 || asks_for_a_call(f, from, at, t->imports[GROUP_FFI])))
				t->any = true;
		}
		at++;
	}
}

static void capabilities(const char *path, struct lock_tree *t)
{
	u8 v[32];
	u32 word;
	ssize_t n = lgetxattr(path, "security.capability", v, sizeof v);
	for (ssize_t at = 4, i = 0; at + 4 <= n && i < 2; at += 8, i++) {
		memcpy(&word, v + at, sizeof word);
		t->capabilities |= (u64)word << 32 * i;
	}
}

static struct str mapped(const FTSENT *e, u64 most)
{
	u64 size = (u64)e->fts_statp->st_size;
	autofd int fd = open(e->fts_accpath, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	void *p = fd < 0 || size > most || !size ? MAP_FAILED : mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0);
	return p == MAP_FAILED ? str_n(NULL, 0) : str_n(p, (size_t)size);
}

static bool is_elf(const FTSENT *e)
{
	char magic[4];
	autofd int fd = open(e->fts_accpath, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	return fd >= 0 && pread(fd, magic, sizeof magic, 0) == sizeof magic && memcmp(magic, ELFMAG, SELFMAG) == 0;
}

static void file(const FTSENT *e, const char *base, struct arena *a, struct look *l)
{
	static const char makers[] = "ld ld.bfd ld.gold ld.lld as tcc"; /* of programs that nobody has seen */
	const struct stat *st = e->fts_statp;
	struct lock_tree *t = l->t;
	bool executed = st->st_mode & 0111;
	if (executed) {
		const char *path = arena_strdup(a, str_of(e->fts_path + strlen(base)));
		VEC_PUSH(t->programs, t->n_programs, t->cap_programs, path);
	}
	t->set_id |= executed && st->st_mode & (S_ISUID | S_ISGID);
	if (st->st_size < 16)
		return;
	capabilities(e->fts_accpath, t);
	struct str name = str_n(e->fts_name, e->fts_namelen);
	if (is_libc(name) || !is_elf(e))
		return;
	t->any |= executed && str_among(name, makers);
	struct str f = mapped(e, LOCK_FILE);
	if (!f.p) {
		t->any = true;
		return;
	}
	lock_elf(l->words, f, t);
	munmap((void *)(uintptr_t)f.p, f.n);
}

static void script_file(const FTSENT *e, struct look *l)
{
	struct str f = (u64)e->fts_statp->st_size > SCRIPT || is_elf(e) ? str_n(NULL, 0) : mapped(e, SCRIPT);
	if (!f.p)
		return;
	if ((l->scripts += f.n) > SCRIPTS)
		l->t->any = true;
	else
		lock_script(l->words, f, l->t);
	munmap((void *)(uintptr_t)f.p, f.n);
}

static int by_name(const FTSENT **a, const FTSENT **b) { return strcmp((*a)->fts_name, (*b)->fts_name); }

static int walk(const char *tree, struct arena *a, struct look *l, bool scripts, struct error *err)
{
	char *roots[] = { (char *)(uintptr_t)tree, NULL };
	u32 files = 0;
	FTS *f = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
	if (!f)
		return error_errno(err, "%s", tree);
	for (FTSENT *e; !(scripts && l->t->any) && (e = fts_read(f));) {
		if (e->fts_info == FTS_DNR || e->fts_info == FTS_ERR)
			l->t->any = true;
		if (e->fts_info != FTS_F || ++files > LOCK_FILES)
			continue;
		if (scripts)
			script_file(e, l);
		else
			file(e, tree, a, l);
	}
	l->t->any |= files > LOCK_FILES;
	fts_close(f);
	return 0;
}

int lock_look(const char *tree, struct arena *a, struct lock_tree *ret, struct error *err)
{
	struct lock_words *words = lock_words_make();
	struct look l = { .t = ret, .words = words };
	*ret = (struct lock_tree){ 0 };
	int r = walk(tree, a, &l, false, err);
	ret->any |= ret->imports[GROUP_UNSEEN];
	if (r == 0 && !ret->any && (ret->imports[GROUP_FFI] || ret->imports[GROUP_SYSCALL]))
		r = walk(tree, a, &l, true, err);
	lock_words_free(words);
	return r;
}
