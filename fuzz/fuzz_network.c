/* What servers say: challenges, directories in HTML, pointers, digests, manifests of artifacts; and files of passwords. The first byte says which. */
#include "transport/auth.h"
#include "transport/fetch.h"
#include "update/artifact.h"
#include "update/place.h"

static int link_ok(void *ctx, struct str name)
{
	u32 *n = ctx;
	if (!name.n || name.p[0] == '.' || name.p[0] == '/' || str_contains(name, STR("//")) || ++*n > LINKS_MAX)
		abort();
	for (size_t i = 0; i < name.n; i++)
		if ((unsigned char)name.p[i] <= ' ' || (unsigned char)name.p[i] >= 0x7f || strchr(":?#\\\"'<>", name.p[i]) || (name.p[i] == '/' && i + 1 != name.n))
			abort();
	return 0;
}

static void no_controls(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ')
			abort();
}

static void url(struct arena *a, struct str s)
{
	struct buf out = BUF(0);
	struct error err = { 0 };
	const char *text = arena_strdup(a, s);
	if (fetch_check_url(text, &err) == 0) {
		struct str origin = fetch_origin(text, &out);
		if (!origin.p || str_chr(origin, '@') || str_chr(str_from(origin, 8), '/'))
			abort();
	} else if (!err.text[0]) {
		abort();
	}
	buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = { 0 };
	struct error err = { 0 };
	struct str s = str_n(size ? data + 1 : data, size ? size - 1 : 0);
	struct auth_credentials who = { 0 };
	struct auth_challenge c;
	struct digest d;
	u32 n = 0;
	u64 bytes;
	switch (size ? data[0] : 0) {
	case 'c':
		c = auth_challenge(&a, s);
		no_controls(c.realm);
		no_controls(c.service);
		break;
	case 'l':
		(void)place_links(s, link_ok, &n);
		break;
	case 'p':
		s = place_pointed(s);
		if (s.p && (!place_name_ok(s) || str_chr(s, '/')))
			abort();
		break;
	case 'd':
		s = place_digest_of(DIGEST_OF_FILE, s);
		if (s.p && s.n != 64)
			abort();
		break;
	case 'm':
		s = place_digest_of(DIGEST_OF_CONTENT, s);
		if (s.p && s.n != 64)
			abort();
		break;
	case 'a':
		if (auth_read(&a, s, "auth.json", "docker.io", "library/x", &who, &err) < 0 && err.kind != ERR_USAGE)
			abort();
		if (who.user)
			(void)auth_basic(&a, who.user, who.password);
		break;
	case 'j':
		if (artifact_read(s, &d, &bytes, &err) < 0 && !err.text[0])
			abort();
		break;
	default:
		url(&a, s);
	}
	arena_free(&a);
	return 0;
}
