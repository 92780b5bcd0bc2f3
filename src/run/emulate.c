/* emulate.c — programs of another architecture, by qemu's user mode: where this machine's kernel has no handler for them, the box gets one of its own (binfmt_misc of a user namespace, Linux 6.7), of which nobody else knows
 * anything. Its interpreter is opened here and now ('F'), so that no tree needs to hold it. */
#include "base/file.h"
#include "base/process.h"
#include "oci/platform.h"
#include "run/keeper.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

struct machine { /* elf.h: EI_CLASS, EI_DATA, e_machine */
	const char *arch, *qemu;
	u8 class, data;
	u16 machine;
};
static const struct machine machines[] = {
	{ "amd64", "x86_64", 2, 1, 62 }, { "386", "i386", 1, 1, 3 }, { "arm64", "aarch64", 2, 1, 183 }, { "arm", "arm", 1, 1, 40 }, { "riscv64", "riscv64", 2, 1, 243 }, { "s390x", "s390x", 2, 2, 22 },
	{ "ppc64le", "ppc64le", 2, 1, 21 }, { "ppc64", "ppc64", 2, 2, 21 }, { "mips64le", "mips64el", 2, 1, 8 }, { "mipsle", "mipsel", 1, 1, 8 }, { "loong64", "loongarch64", 2, 1, 258 },
};

/* The kernel finds it by itself, in whatever tree: flags F (Documentation/admin-guide/binfmt-misc.rst). */
static bool host_has(const struct machine *m)
{
	char path[128];
	struct buf text = BUF(4096);
	snprintf(path, sizeof path, "/proc/sys/fs/binfmt_misc/qemu-%s", m->qemu);
	bool has = access(path, R_OK) == 0 && file_read(path, 4096, &text, NULL) == 0 && str_starts(buf_str(&text), STR("enabled"));
	const char *flags = has ? str_find(buf_str(&text), STR("flags: ")) : NULL;
	has = flags && memchr(flags, 'F', strcspn(flags, "\n"));
	buf_free(&text);
	return has;
}

static void escaped(struct buf *out, const u8 *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_printf(out, "\\x%02x", v[i]);
}

/* Executables and shared ones (ET_EXEC, ET_DYN) of that machine, whatever their OS ABI. */
static void rule(const struct machine *m, const char *qemu, struct buf *out)
{
	u8 magic[20] = { 0x7f, 'E', 'L', 'F', m->class, m->data, 1 }, mask[20];
	bool big = m->data == 2;
	memset(mask, 0xff, sizeof mask);
	mask[7] = 0;
	magic[big ? 17 : 16] = 2;
	mask[big ? 17 : 16] = 0xfe;
	magic[big ? 19 : 18] = (u8)m->machine;
	magic[big ? 18 : 19] = (u8)(m->machine >> 8);
	buf_printf(out, ":pare-%s:M::", m->qemu);
	escaped(out, magic, sizeof magic);
	buf_puts(out, ":");
	escaped(out, mask, sizeof mask);
	buf_printf(out, ":%s:F", qemu);
}

static int register_in(struct keeper *k, const struct machine *m, const char *qemu, struct error *err)
{
	char dir[4096], path[4200];
	struct buf text = BUF(0);
	struct stat st;
	snprintf(dir, sizeof dir, "%s/binfmt", k->dir);
	snprintf(path, sizeof path, "%s/register", dir);
	if (stat(path, &st) < 0 && ((mkdir(dir, 0700) < 0 && errno != EEXIST) || mount("binfmt_misc", dir, "binfmt_misc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0))
		return error_errno(err, "programs for %s: this kernel has no handler for them, and takes none from here (as root of the machine, the packages qemu-user-static and binfmt-support install one; Linux 6.7 needs none)", m->arch);
	rule(m, qemu, &text);
	autofd int fd = open(path, O_WRONLY | O_CLOEXEC);
	int r = fd < 0 || file_write_all(fd, text.p, text.n) < 0 ? error_errno(err, "programs for %s: %s", m->arch, qemu) : 0;
	buf_free(&text);
	return r;
}

int emulate(struct keeper *k, const char *arch, struct error *err)
{
	struct platform host = platform_host();
	const struct machine *m = NULL;
	for (size_t i = 0; i < countof(machines) && !m; i++)
		if (strcmp(machines[i].arch, arch) == 0)
			m = &machines[i];
	if (!arch[0] || strcmp(arch, host.arch) == 0 || (strcmp(arch, "386") == 0 && strcmp(host.arch, "amd64") == 0))
		return 0;
	u32 bit = m ? 1u << (m - machines) : 0;
	if (m && ((k->emulated & bit) || host_has(m)))
		return 0;
	struct buf name = BUF(0), path = BUF(0);
	buf_printf(&name, "qemu-%s-static", m ? m->qemu : arch);
	int r = m && process_find(name.p, &path) ? register_in(k, m, path.p, err) :
						    error_set(err, ERR_ENV, "programs for %.50s do not run here: %s is not installed (Debian: qemu-user-static)", arch, name.p);
	k->emulated |= r == 0 ? bit : 0;
	buf_free(&name);
	buf_free(&path);
	return r;
}
