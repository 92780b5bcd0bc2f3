#include "lint/bytes.h"

static const struct lint_cost costs[] = {
	/* hadolint's, by their codes: whoever speaks for them */
	{ "DL3009", COST_DIR, "/var/lib/apt/lists", 19 },
	{ "DL3019", COST_DIR, "/var/cache/apk", 3 },
	{ "DL3032", COST_DIR, "/var/cache/yum", 120 },
	{ "DL3036", COST_DIR, "/var/cache/zypp", 60 },
	{ "DL3040", COST_DIR, "/var/cache/dnf", 120 },
	{ "DL3042", COST_DIR, "/root/.cache/pip", 40 },
	{ "DL3060", COST_DIR, "/usr/local/share/.cache/yarn", 100 },
	{ "apt-dist-upgrade", COST_LAYER, NULL, 40 },
	/* ours */
	{ "deleted-later", COST_GONE, NULL, 0 },
	{ "archive-kept", COST_DIR, NULL, 0 },
	{ "archive-copied", COST_DIR, NULL, 0 },
	{ "sources-kept", COST_DIR, NULL, 0 },
	{ "build-tools-kept", COST_BUILD, NULL, 0 },
	{ "build-image-ships", COST_BASE, NULL, 0 },
	{ "owner-copies-layer", COST_METADATA, NULL, 0 },
	{ "package-cache-kept", COST_DIR, NULL, 0 },
	{ "gem-documentation", COST_DIR, "/usr/share/ri", 0 },
	{ "upgrade-in-build", COST_LAYER, NULL, 40 },
};

const struct lint_cost *lint_cost_of(const struct rule *r)
{
	for (size_t i = 0; i < countof(costs); i++)
		if (strcmp(costs[i].rule, r->name) == 0 || (r->hadolint && strcmp(costs[i].rule, r->hadolint) == 0))
			return &costs[i];
	return NULL;
}

void lint_estimate(struct lint *l, struct diagnostic *d, u64 bytes, struct str in)
{
	d->bytes = bytes;
	d->estimated = bytes > 0;
	d->bytes_in = in.p ? arena_strdup(l->arena, str_head(in, 4096)) : NULL;
}

void lint_bytes(struct lint *l, u32 first)
{
	for (u32 i = first; i < l->out->n; i++) {
		struct diagnostic *d = &l->out->v[i];
		const struct lint_cost *c = d->bytes || d->bytes_in ? NULL : lint_cost_of(d->rule);
		if (!c || d->instruction >= l->file.n_instructions)
			continue;
		d->bytes_in = c->in;
		/* What only builds costs the image nothing. */
		if (c->typical && lint_ships(l, &l->file.instructions[d->instruction])) {
			d->bytes = c->typical * (u64)1000000;
			d->estimated = true;
		}
	}
}
