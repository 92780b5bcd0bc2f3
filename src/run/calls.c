#include "run/calls.h"
#include "base/library.h"
#include <pthread.h>
#include <seccomp.h>

static struct {
	__typeof__(seccomp_syscall_resolve_name_arch) *number;
	__typeof__(seccomp_syscall_resolve_num_arch) *name;
} loaded;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void)
{
	static const char *const sonames[] = { "libseccomp.so.2", NULL };
	static const struct library_function functions[] = {
		{ "seccomp_syscall_resolve_name_arch", &loaded.number },
		{ "seccomp_syscall_resolve_num_arch", &loaded.name },
	};
	library_load(sonames, "libseccomp2", functions, countof(functions));
}

bool call_name(u32 number, char ret[CALL_NAME])
{
	pthread_once(&once, load);
	autofree char *name = loaded.name(SCMP_ARCH_NATIVE, (int)number);
	if (!name || strlen(name) >= CALL_NAME)
		return false;
	snprintf(ret, CALL_NAME, "%s", name);
	return true;
}

static int number_of(u32 arch, struct str name)
{
	char text[CALL_NAME];
	if (!name.n || name.n >= sizeof text || str_chr(name, '\0'))
		return -1;
	memcpy(text, name.p, name.n);
	text[name.n] = '\0';
	pthread_once(&once, load);
	int n = loaded.number(arch, text);
	return n >= 0 ? n : -1; /* libseccomp has negative numbers for what other architectures have */
}

int call_number(struct str name) { return number_of(SCMP_ARCH_NATIVE, name); }

int call_number_32(struct str name)
{
#if defined(__x86_64__)
	return number_of(SCMP_ARCH_X86, name);
#elif defined(__aarch64__)
	return number_of(SCMP_ARCH_ARM, name);
#else
	(void)name;
	return -1;
#endif
}
