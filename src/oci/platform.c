#include "oci/platform.h"
#include "base/buf.h"
#include <sys/utsname.h>

static bool put(char *to, struct str s)
{
	if (s.n >= 32)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (c >= 'A' && c <= 'Z')
			c = (char)(c + 32);
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.'))
			return false;
		to[i] = c;
	}
	to[s.n] = '\0';
	return true;
}

static void set(char *to, const char *from) { snprintf(to, 32, "%s", from); }

void platform_normalise(struct platform *p)
{
	static const struct {
		const char *alias, *arch, *variant;
	} names[] = {
		{ "x86_64", "amd64", NULL }, { "x86-64", "amd64", NULL }, { "aarch64", "arm64", NULL }, { "armhf", "arm", "v7" },
		{ "armel", "arm", "v6" },    { "i386", "386", NULL },     { "i686", "386", NULL },
	};
	for (size_t i = 0; i < countof(names); i++)
		if (strcmp(p->arch, names[i].alias) == 0) {
			set(p->arch, names[i].arch);
			if (names[i].variant && !p->variant[0])
				set(p->variant, names[i].variant);
			break;
		}
	if (strcmp(p->arch, "arm64") == 0 && (strcmp(p->variant, "v8") == 0 || strcmp(p->variant, "8") == 0))
		p->variant[0] = '\0';
	if (strcmp(p->arch, "arm") == 0 && p->variant[0] >= '5' && p->variant[0] <= '8' && !p->variant[1]) {
		char v[3] = { 'v', p->variant[0], '\0' };
		set(p->variant, v);
	}
	if (strcmp(p->arch, "amd64") == 0 && strcmp(p->variant, "v1") == 0)
		p->variant[0] = '\0';
	if (strcmp(p->os, "macos") == 0)
		set(p->os, "darwin");
}

int platform_parse(struct str text, struct platform *ret, struct error *err)
{
	struct platform p = { 0 };
	struct str rest = text, a = str_cut(&rest, '/');
	bool ok;
	if (!rest.p) { /* one word: an architecture */
		set(p.os, "linux");
		ok = a.n > 0 && put(p.arch, a);
	} else {
		struct str b = str_cut(&rest, '/');
		ok = a.n > 0 && b.n > 0 && put(p.os, a) && put(p.arch, b) && (!rest.p || put(p.variant, rest));
	}
	if (!ok)
		return error_set(err, ERR_USAGE, "platform '%.*s': want os/architecture[/variant]", STR_FMT(str_head(text, 60)));
	platform_normalise(&p);
	if (!str_chr(text, '/') && !str_among(str_of(p.arch), "386 amd64 arm arm64 loong64 mips mips64 mips64le mipsle ppc64 ppc64le riscv64 s390x wasm"))
		return error_set(err, ERR_USAGE, "platform '%s': no architecture that is known; want os/architecture[/variant]", p.arch);
	*ret = p;
	return 0;
}

struct platform platform_host(void)
{
	struct platform p = { .os = "linux", .arch = "amd64" };
	struct utsname u;
	if (uname(&u) == 0)
		snprintf(p.arch, sizeof p.arch, "%.31s", strncmp(u.machine, "armv7", 5) == 0 ? "armhf" : strncmp(u.machine, "armv6", 5) == 0 ? "armel" : u.machine);
	platform_normalise(&p);
	return p;
}

const char *platform_text(const struct platform *p, char out[100])
{
	if (!p->os[0] && !p->arch[0])
		out[0] = '\0';
	else
		snprintf(out, 100, "%s/%s%s%s", p->os, p->arch, p->variant[0] ? "/" : "", p->variant);
	return out;
}

int platform_match(const struct platform *want, const struct platform *have_raw)
{
	struct platform have = *have_raw;
	platform_normalise(&have);
	if (strcmp(want->os, have.os) != 0 || strcmp(want->arch, have.arch) != 0)
		return 0;
	if (strcmp(want->variant, have.variant) == 0)
		return 100;
	if (!have.variant[0])
		return 10;
	if (strcmp(want->arch, "arm") == 0) {
		const char *w = want->variant[0] ? want->variant : "v7";
		int cmp = strcmp(have.variant, w);
		return cmp == 0 ? 90 : cmp < 0 ? 20 + have.variant[1] - '0' : want->variant[0] ? 0 : 5;
	}
	return want->variant[0] ? (strcmp(have.variant, want->variant) < 0 ? 20 : 0) : 5;
}

void platform_list(const struct platform *p, struct buf *list)
{
	char text[100];
	if (list->n >= 400)
		return;
	platform_text(p, text);
	for (struct str rest = buf_str(list); rest.p && rest.n;)
		if (str_is(str_trim(str_cut(&rest, ',')), text))
			return;
	buf_printf(list, "%s%s", list->n ? ", " : "", text);
}
