/* What a tree could ask of a kernel, as the profile of slim --profile has it: functions, numbers in code, words of scripts, places. */
#include "slim/lock.h"
#include "base/buf.h"
#include "base/json.h"
#include "disk_of.h"
#include "elf_of.h"
#include "run/calls.h"
#include <setjmp.h>
#include <cmocka.h>
#include <elf.h>

static bool has(const struct lock_tree *t, const char *call)
{
	int n = call_number(str_of(call));
	return n >= 0 && t->numbers[n / 64] >> n % 64 & 1;
}

static void function(const char *name, enum lock_group g, bool is)
{
	struct lock_words *w = lock_words_make();
	bool groups[GROUPS] = { false };
	lock_function(w, str_of(name), groups);
	assert_int_equal(groups[g], is);
	lock_words_free(w);
}

static void functions_by_all_of_their_names(void **state)
{
	(void)state;
	function("inotify_init1", GROUP_INOTIFY, true);
	function("sendfile64", GROUP_SENDFILE, true);
	function("__xmknod", GROUP_NODE, true);
	function("__libc_fork", GROUP_FORK, true);
	function("mkfifo", GROUP_NODE, true);
	function("posix_spawn", GROUP_EXEC, true);
	function("posix_spawn", GROUP_FORK, true);
	function("sem_open", GROUP_LINK, true);
	function("inotify", GROUP_INOTIFY, false);
	function("linkx", GROUP_LINK, false);
	function("__", GROUP_LINK, false);
}

/* Every call of the table is one, here or on another machine; none is in it twice. */
static void every_call_of_the_table_exists(void **state)
{
	(void)state;
	for (u32 g = 0; g < GROUPS; g++)
		for (struct str rest = str_of(lock_rows[g].calls); rest.n;) {
			struct str word = str_cut(&rest, ' ');
			assert_true(call_number(word) >= 0 || call_number_32(word) >= 0 || str_among(word, "map_shadow_stack statmount listmount lsm_get_self_attr lsm_list_modules sync_file_range2 fchmodat2 cachestat"));
		}
}

#if defined(__x86_64__)
/* mov $N, %eax ...; syscall */
static void code_that_calls_by_itself(void **state)
{
	(void)state;
	static const u8 code[] = { 0x90, 0xbf, 0x67, 0, 0, 0, 0xb8, 0xa5, 0, 0, 0, 0x31, 0xff, 0x0f, 0x05, 0xc3, 0x6a, 0x29, 0x58, 0x0f, 0x05, 0xc3, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90 };
	struct lock_tree t = { 0 };
	lock_text_calls(str_n(code, sizeof code), false, t.numbers);
	assert_true(has(&t, "mount") && has(&t, "socket"));
	assert_false(has(&t, "syslog"));                   /* it is in another register */
	lock_text_calls(str_n(code, sizeof code), true, t.numbers);
	assert_true(has(&t, "syslog"));
	t = (struct lock_tree){ 0 };
	lock_text_calls(str_n(code, 13), true, t.numbers); /* nothing makes a call there */
	assert_false(has(&t, "mount"));
	static const u8 stack[] = { 0xc7, 0x44, 0x24, 0x08, 0x69, 0, 0, 0, 0x48, 0xc7, 0xc0, 0xa1, 0, 0, 0, 0x0f, 0x05, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90 };
	lock_text_calls(str_n(stack, sizeof stack), true, t.numbers);
	assert_true(has(&t, "setuid") && has(&t, "chroot"));
}

enum { AT = 0x1000, SLOT = 0x3018 };

/* A program's text: a stub that jumps to where `SLOT` points, and a call of it. */
static struct buf calling(u32 number, bool constant)
{
	struct buf b = BUF(0);
	const u8 stub[] = { 0xf3, 0x0f, 0x1e, 0xfa, 0xff, 0x25 }, from_elsewhere[] = { 0x89, 0xdf };
	buf_add(&b, str_n(stub, sizeof stub));
	elf_number(&b, SLOT - (AT + 10), 4);
	buf_puts(&b, "\xbe\x8b"); /* what another function is passed: inotify_init1 would be 0x126 */
	elf_number(&b, 0x90909000u, 4);
	for (int i = 0; i < 300; i++)
		buf_putc(&b, '\x90');
	if (constant) {
		buf_putc(&b, '\xbf');
		elf_number(&b, number, 4);
	} else {
		buf_add(&b, str_n(from_elsewhere, sizeof from_elsewhere));
	}
	buf_putc(&b, '\xe8');
	elf_number(&b, (u64)0 - (b.n + 4), 4);
	for (int i = 0; i < 300; i++)
		buf_putc(&b, '\x90');
	buf_putc(&b, '\xbf'); /* for somebody else */
	elf_number(&b, 0x65, 4);
	for (int i = 0; i < 8; i++)
		buf_putc(&b, '\x90');
	return b;
}

static void numbers_that_syscall_is_called_with(void **state)
{
	(void)state;
	struct lock_tree t = { 0 };
	struct buf b = calling(0x13e, true);
	lock_text_syscall(buf_str(&b), AT, SLOT, true, t.numbers);
	assert_true(has(&t, "getrandom"));
	assert_false(has(&t, "ptrace")); /* a constant for another function */
	t = (struct lock_tree){ 0 };
	lock_text_syscall(buf_str(&b), AT, 0, true, t.numbers); /* who calls it is not known */
	assert_true(has(&t, "getrandom") && has(&t, "ptrace"));
	buf_free(&b);
	t = (struct lock_tree){ 0 };
	b = calling(0, false);
	lock_text_syscall(buf_str(&b), AT, SLOT, true, t.numbers); /* what it is called with comes from elsewhere in the file */
	assert_true(has(&t, "ptrace"));
	t = (struct lock_tree){ 0 };
	lock_text_syscall(buf_str(&b), AT, SLOT, false, t.numbers); /* from scripts */
	assert_false(has(&t, "ptrace"));
	buf_free(&b);
}
#endif

/* --- files --- */

static void section(struct buf *b, u32 name, u32 type, u64 at, u64 size, u32 link)
{
	elf_number(b, name, 4);
	elf_number(b, type, 4);
	elf_number(b, 0, 16);
	elf_number(b, at, 8);
	elf_number(b, size, 8);
	elf_number(b, link, 4);
	elf_number(b, 0, 20);
}

/* A library that imports and has functions of these names (blanks between), and text. */
static struct buf library(const char *imports, const char *exports, struct str text, u16 machine)
{
	struct buf b = BUF(0), strings = BUF(0), symbols = BUF(0);
	buf_putc(&strings, 0);
	elf_number(&symbols, 0, 24);
	for (int own = 0; own < 2; own++)
		for (struct str rest = str_of(own ? exports : imports); rest.n;) {
			struct str word = str_cut(&rest, ' ');
			elf_number(&symbols, strings.n, 4);
			buf_putc(&symbols, (char)ELF64_ST_INFO(STB_GLOBAL, STT_FUNC));
			buf_putc(&symbols, 0);
			elf_number(&symbols, own ? 1 : SHN_UNDEF, 2);
			elf_number(&symbols, 0, 16);
			buf_add(&strings, word);
			buf_putc(&strings, 0);
		}
	u64 head = 64 + 56, at_text = head, at_strings = at_text + text.n, at_symbols = at_strings + strings.n, sections = at_symbols + symbols.n;
	u8 ident[16] = { 0x7f, 'E', 'L', 'F', 2, 1, 1 };
	buf_add(&b, str_n(ident, 16));
	elf_number(&b, ET_DYN, 2);
	elf_number(&b, machine, 2);
	elf_number(&b, 1, 4);
	elf_number(&b, 0, 8);
	elf_number(&b, 64, 8);
	elf_number(&b, sections, 8);
	elf_number(&b, 0, 4);
	elf_number(&b, 64, 2);
	elf_number(&b, 56, 2);
	elf_number(&b, 1, 2);
	elf_number(&b, 64, 2);
	elf_number(&b, 3, 2);
	elf_number(&b, 1, 2);
	elf_number(&b, PT_LOAD, 4);
	elf_number(&b, PF_R | PF_X, 4);
	elf_number(&b, at_text, 8);
	elf_number(&b, 0x1000, 16);
	elf_number(&b, text.n, 8);
	elf_number(&b, text.n, 8);
	elf_number(&b, 0x1000, 8);
	buf_add(&b, text);
	buf_add(&b, buf_str(&strings));
	buf_add(&b, buf_str(&symbols));
	section(&b, 0, SHT_NULL, 0, 0, 0);
	section(&b, 0, SHT_STRTAB, at_strings, strings.n, 0);
	section(&b, 0, SHT_DYNSYM, at_symbols, symbols.n, 1);
	buf_free(&strings);
	buf_free(&symbols);
	return b;
}

#if defined(__x86_64__)
#define HERE EM_X86_64
#define ELSEWHERE EM_AARCH64
#else
#define HERE EM_AARCH64
#define ELSEWHERE EM_X86_64
#endif

static struct lock_tree looked_at(const char *imports, const char *exports, struct str text, u16 machine)
{
	struct lock_tree t = { 0 };
	struct lock_words *w = lock_words_make();
	struct buf b = library(imports, exports, text, machine);
	lock_elf(w, buf_str(&b), &t);
	for (size_t n = 0; n < b.n; n++) { /* cut off anywhere, it is read without harm */
		struct lock_tree cut = { 0 };
		lock_elf(w, str_head(buf_str(&b), n), &cut);
	}
	buf_free(&b);
	lock_words_free(w);
	return t;
}

static void what_a_library_imports(void **state)
{
	(void)state;
	struct lock_tree t = looked_at("malloc timerfd_create setuid", "inotify_init", STR(""), HERE);
	assert_true(lock_can(&t, GROUP_TIMERFD) && lock_can(&t, GROUP_IDS));
	assert_false(t.any || lock_can(&t, GROUP_INOTIFY) || lock_can(&t, GROUP_EXEC) || lock_can(&t, GROUP_KILL));
	t = looked_at("malloc", "ffi_call", STR(""), HERE);
	assert_true(t.imports[GROUP_FFI] && !t.any);
	t = looked_at("malloc", "JNI_CreateJavaVM", STR(""), HERE);
	assert_true(t.imports[GROUP_UNSEEN]);
	t = looked_at("malloc", "", STR(""), ELSEWHERE);
	assert_true(t.any && lock_can(&t, GROUP_INOTIFY));
	static const char names[] = "\0inotify_init1\0not_mlock\0mlockall, too\0";
	t = looked_at("malloc", "", str_n(names, sizeof names), HERE);
	assert_false(lock_can(&t, GROUP_INOTIFY));
	t = looked_at("dlsym", "", str_n(names, sizeof names), HERE); /* it may look it up */
	assert_true(lock_can(&t, GROUP_INOTIFY) && !lock_can(&t, GROUP_LOCK));
}

static void what_cannot_be_known(void **state)
{
	(void)state;
	struct lock_words *w = lock_words_make();
	struct lock_tree t = { 0 };
	struct buf narrow = elf_of((struct elf_of){ .narrow = true });
	lock_elf(w, buf_str(&narrow), &t);
	assert_true(t.narrow && t.any);
	buf_free(&narrow);
	t = (struct lock_tree){ 0 };
	struct buf packed = elf_of((struct elf_of){ .fixed = true }); /* without sections */
	lock_elf(w, buf_str(&packed), &t);
	assert_true(t.any && !t.narrow);
	buf_free(&packed);
	lock_words_free(w);
}

static struct lock_tree script(const char *text, size_t n, bool ffi)
{
	struct lock_tree t = { 0 };
	struct lock_words *w = lock_words_make();
	t.imports[GROUP_FFI] = ffi;
	lock_script(w, str_n(text, n ? n : strlen(text)), &t);
	lock_words_free(w);
	return t;
}

static void words_of_scripts(void **state)
{
	(void)state;
	struct lock_tree t = script("libc.inotify_init1(0)", 0, true);
	assert_true(lock_can(&t, GROUP_INOTIFY));
	t = script("libc.inotify_init1(0)", 0, false);
	assert_false(lock_can(&t, GROUP_INOTIFY));
	t = script("\xda\x08mlockallZ\x05", 0, true); /* as byte code has it */
	assert_true(lock_can(&t, GROUP_LOCK));
	t = script("my $n = syscall(318, $buf, 8, 0);", 0, false);
	assert_true(t.any);
	t = script("syscall &SYS_getrandom, $buf", 0, false);
	assert_true(t.any);
	t = script("# a syscall that may fail", 0, false);
	assert_false(t.any);
	t = script("as sendfile(2) is a syscall (on Linux), or syscall()", 0, true);
	assert_false(t.any);
	t = script("libc.syscall.restype = c_long", 0, true);
	assert_true(t.any);
	t = script("\xda\x07syscall", 0, true);
	assert_true(t.any);
	t = script("syscalls(1)", 0, false);
	assert_false(t.any);
}

/* --- profiles --- */

struct tree {
	struct disk_of disk;
	const char *none[1];
	struct config config;
	struct observed *written;
};

static void tree_open(struct tree *t)
{
	*t = (struct tree){ 0 };
	disk_open(&t->disk, "/tmp/pare-lock-");
	t->config = (struct config){ .env = t->none, .entrypoint = t->none, .cmd = t->none, .shell = t->none, .volumes = t->none, .ports = t->none, .onbuild = t->none };
	t->written = observed_new(&(struct digest){ 0 });
}

static struct lock *lock_of(struct tree *t, struct lock_input in)
{
	struct error err = { 0 };
	struct lock *l = NULL;
	observed_settle(t->written);
	in.name = "pare-test";
	in.image = "image:1";
	in.tree = t->disk.dir;
	in.config = &t->config;
	in.written = t->written;
	assert_int_equal(lock_make(&in, &l, &err), 0);
	return l;
}

static void tree_close(struct tree *t)
{
	observed_free(t->written);
	disk_close(&t->disk);
}

static bool lists(const char *const *v, const char *name)
{
	for (; *v; v++)
		if (strcmp(*v, name) == 0)
			return true;
	return false;
}

static void places_that_are_there_to_be_written(void **state)
{
	(void)state;
	struct tree t;
	tree_open(&t);
	disk_dir(&t.disk, "/tmp", 01777);
	disk_dir(&t.disk, "/tmp/left", 0755);
	disk_dir(&t.disk, "/usr", 0755);
	disk_dir(&t.disk, "/usr/empty", 0755);
	disk_dir(&t.disk, "/var", 0755);
	disk_dir(&t.disk, "/var/lib", 0755);
	disk_dir(&t.disk, "/var/lib/sessions", 01733);
	disk_dir(&t.disk, "/var/log", 0755);
	disk_dir(&t.disk, "/etc", 0755);
	disk_file(&t.disk, "/var/log/old", STR("x"), 0755);
	observed_add(t.written, STR("/var/log/new"), SEEN_MADE, STR(""), false);
	struct lock *l = lock_of(&t, (struct lock_input){ .not_root = true });
	assert_true(l->read_only && l->filled && !l->against);
	assert_true(lists(l->tmpfs, "/tmp") && lists(l->volumes, "/var/lib/sessions") && lists(l->volumes, "/var/log"));
	assert_false(lists(l->volumes, "/usr/empty") || lists(l->volumes, "/etc"));
	assert_string_equal(l->user, LOCK_USER);
	assert_non_null(strstr(l->docker, "--tmpfs '/tmp':exec"));
	assert_non_null(strstr(l->docker, "--volume '/var/log'"));
	assert_non_null(strstr(l->compose, "- \"/var/log\""));
	assert_non_null(strstr(l->kubernetes, "readOnlyRootFilesystem: false")); /* nobody would copy what is there */
	lock_free(l);
	disk_dir(&t.disk, "/data", 0755); /* root's: somebody else could not write there */
	l = lock_of(&t, (struct lock_input){ .not_root = true });
	assert_true(l->against && lists(l->volumes, "/data"));
	lock_free(l);
	observed_add(t.written, STR("/etc/made"), SEEN_MADE, STR(""), false);
	l = lock_of(&t, (struct lock_input){ 0 });
	assert_false(l->read_only); /* nothing is laid over /etc */
	lock_free(l);
	tree_close(&t);
}

static bool allows(const char *profile, const char *call, bool *filtered)
{
	struct error err = { 0 };
	json_t *j = json_read(str_of(profile), "profile", &err), *rule, *name;
	size_t i, k;
	bool ret = false;
	assert_non_null(j);
	json_array_foreach(json_arr(j, "syscalls"), i, rule)
		json_array_foreach(json_arr(rule, "names"), k, name)
			if (strcmp(json_string_value(name), call) == 0 && strcmp(json_text(rule, "action"), "SCMP_ACT_ALLOW") == 0) {
				ret = true;
				*filtered = json_array_size(json_arr(rule, "args")) > 0;
			}
	json_decref(j);
	return ret;
}

static void profiles_of_a_small_program(void **state)
{
	(void)state;
	struct tree t;
	bool filtered;
	tree_open(&t);
	struct buf b = library("open timerfd_create setuid", "", STR(""), HERE);
	disk_file(&t.disk, "/program", buf_str(&b), 0755);
	struct observed *seen = observed_new(&(struct digest){ 0 });
	observed_call(seen, (u32)call_number(STR("mincore")), false);
	observed_call(seen, (u32)call_number(STR("setuid")), true);
	observed_call(seen, (u32)call_number(STR("bpf")), false);
	observed_settle(seen);
	struct lock *l = lock_of(&t, (struct lock_input){ .seen = seen });
	assert_true(allows(l->seccomp, "timerfd_create", &filtered) && allows(l->seccomp, "mincore", &filtered) && allows(l->seccomp, "read", &filtered));
	assert_false(allows(l->seccomp, "inotify_init1", &filtered) || allows(l->seccomp, "bpf", &filtered) || allows(l->seccomp, "mount", &filtered) || allows(l->seccomp, "mlockall", &filtered));
	assert_true(allows(l->seccomp, "socket", &filtered) && filtered);
	assert_true(allows(l->seccomp, "clone", &filtered) && filtered);
	assert_false(allows(l->seccomp, "personality", &filtered));
	assert_null(strstr(l->seccomp, "SCMP_ARCH_X86\"")); /* there is no program of 32 bits */
	/* What only the start needs: the runtime's own, and becoming somebody else where nobody can begin later. */
	assert_true(allows(l->seccomp, "execve", &filtered) && allows(l->seccomp, "setuid", &filtered) && allows(l->seccomp, "capset", &filtered));
	assert_false(allows(l->seccomp_steady, "execve", &filtered) || allows(l->seccomp_steady, "setuid", &filtered) || allows(l->seccomp_steady, "capset", &filtered));
	assert_true(l->n_calls_steady < l->n_calls);
	lock_free(l);
	l = lock_of(&t, (struct lock_input){ .seen = seen, .loose = true });
	assert_true(allows(l->seccomp, "inotify_init1", &filtered) && allows(l->seccomp_steady, "execve", &filtered) && !allows(l->seccomp, "bpf", &filtered));
	lock_free(l);
	observed_free(seen);
	buf_free(&b);
	tree_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(functions_by_all_of_their_names),
		cmocka_unit_test(every_call_of_the_table_exists),
#if defined(__x86_64__)
		cmocka_unit_test(code_that_calls_by_itself),
		cmocka_unit_test(numbers_that_syscall_is_called_with),
#endif
		cmocka_unit_test(what_a_library_imports),
		cmocka_unit_test(what_cannot_be_known),
		cmocka_unit_test(words_of_scripts),
		cmocka_unit_test(places_that_are_there_to_be_written),
		cmocka_unit_test(profiles_of_a_small_program),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
