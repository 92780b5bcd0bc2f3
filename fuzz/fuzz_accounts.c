/* Files about accounts: the first byte tells which. Their notes are read back to the end, hold no password, and an image that has them is judged. */
#include "check/accounts.h"
#include "check/config.h"
#include "layer/read.h"

static void check_note(struct str content, const char *dir, const char *name)
{
	struct buf note = BUF(16 * MiB);
	struct error err = { 0 };
	struct account_fact f;
	u32 n = 0;
	if (accounts_collector.take(str_of(dir), str_of(name), content, &note, &err) < 0 && err.kind != ERR_INPUT)
		abort();
	struct str rest = buf_str(&note);
	while (account_note_next(&rest, &f)) {
		if (f.what < ACCOUNT_USER || f.what >= ACCOUNT_END || f.name.n > 200)
			abort();
		n++;
	}
	if (rest.n || n > ACCOUNTS_FACTS)
		abort(); /* what was written is read */
	/* Whatever bytes stand there, reading them ends. */
	for (rest = content; account_note_next(&rest, &f);)
		n++;
	buf_free(&note);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct collector *const only[] = { &accounts_collector, NULL };
	static const char *const files[][2] = { { "etc", "passwd" }, { "etc", "shadow" }, { "etc", "group" }, { "etc", "sudoers" }, { "etc/sudoers.d", "x" }, { "etc", "doas.conf" }, { "etc/ssh", "sshd_config" } };
	if (size == 0)
		return 0;
	struct str content = str_n(data + 1, size - 1);
	const char *const *file = files[data[0] % countof(files)];
	char path[64];
	snprintf(path, sizeof path, "%s/%s", file[0], file[1]);
	check_note(content, file[0], file[1]);
	struct facts *facts = facts_new();
	struct tar_entry e = { .path = str_of(path), .type = TAR_FILE, .mode = 0644, .size = content.n, .stored = content.n };
	struct error err = { 0 };
	u32 id;
	if (facts_add(facts, &e, e.path, &id, &err) < 0)
		abort();
	layer_collect(facts, id, only, &e, e.path, content);
	struct image_layer layer = { .facts = facts, .history = -1 };
	static const char *none[] = { NULL };
	struct image img = { .layers = &layer, .n_layers = 1, .config = { .env = none, .entrypoint = none, .cmd = none, .shell = none, .volumes = none, .ports = none, .onbuild = none, .label_keys = none, .label_values = none } };
	struct rootfs *r = rootfs_build(&img, NULL);
	struct scan s = { 0 };
	config_find(&img, r, NULL, "2026-01-31", &s);
	if (s.n > CONFIG_CHECKS * (CONFIG_PLACES + 1))
		abort();
	for (u32 i = 0; i < s.n; i++)
		if (!config_check_get(s.v[i].id) || !s.v[i].count || s.v[i].path[0] != '/')
			abort();
	scan_free(&s);
	rootfs_free(r);
	facts_free(facts);
	return 0;
}
