#include "report/advice.h"
#include "base/text.h"

/* Savings are summed by what is wrong and by the layer whose instruction causes it. */
enum { A_DELETED, A_OVERWRITTEN, A_METADATA, A_DUPLICATED, A_LISTS, A_CACHE, A_LANGUAGE, A_LOGS, A_TMP, A_OTHER_LITTER, A_DOCS, A_BUILD, A_COPIES, ADVICES };

static const struct {
	const char *rule, *what, *fix;
} text[] = {
	[A_DELETED] = { "deleted-later", "deleted here, but shipped by the layers below", "delete in the same RUN that creates, or create in an earlier build stage" },
	[A_OVERWRITTEN] = { "overwritten-later", "written again here; the old bytes still ship", "write it once: merge with the instruction that wrote it first" },
	[A_METADATA] = { "copied-for-metadata", "copied whole for a new owner, mode or time", "COPY --chown=… --chmod=…, or do it in the RUN that creates the files" },
	[A_DUPLICATED] = { "written-twice", "the same bytes written again", "leave the second copy out" },
	[A_LISTS] = { "package-lists", "package lists kept", "apt-get update && apt-get install … && rm -rf /var/lib/apt/lists/* in one RUN" },
	[A_CACHE] = { "package-cache", "package manager cache kept", "clean it in the same RUN (apt-get clean, dnf clean all, apk --no-cache), or RUN --mount=type=cache" },
	[A_LANGUAGE] = { "language-cache", "download cache of a language kept", "npm ci && npm cache clean --force, pip install --no-cache-dir, or RUN --mount=type=cache" },
	[A_LOGS] = { "logs", "logs of the build kept", "rm them in the same RUN" },
	[A_TMP] = { "temporary-files", "temporary files kept", "rm them in the same RUN, or RUN --mount=type=tmpfs,target=/tmp" },
	[A_OTHER_LITTER] = { "rebuildable", "caches that are made again when needed", "rm them in the same RUN" },
	[A_DOCS] = { "docs", "documentation, manual pages and translations", "pare slim --drop docs,man,locales; or path-exclude in /etc/dpkg/dpkg.cfg.d, tsflags=nodocs" },
	[A_BUILD] = { "build-tools", "compilers and headers in the final image", "build in a stage of its own and COPY --from=build what it made" },
	[A_COPIES] = { "duplicates", "copies of files that are there already", "link to one copy" },
};
_Static_assert(countof(text) == ADVICES, "one line an advice");

struct sum {
	u64 bytes, files, largest;
	const char *example; /* path of the largest */
};

struct sums {
	struct arena arena;
	const struct image *img;
	struct sum *v; /* ADVICES by layer */
};

static void add(struct sums *s, int what, u32 layer, struct str path, u64 bytes)
{
	struct sum *x = &s->v[(size_t)layer * ADVICES + (size_t)what];
	x->bytes += bytes;
	x->files++;
	if (bytes > x->largest) {
		x->largest = bytes;
		x->example = arena_strdup(&s->arena, path);
	}
}

static int litter_advice(u8 kind)
{
	switch (kind) {
	case LITTER_LISTS: return A_LISTS;
	case LITTER_CACHE:
	case LITTER_BACKUP: return A_CACHE;
	case LITTER_LANGUAGE: return A_LANGUAGE;
	case LITTER_LOG: return A_LOGS;
	case LITTER_TMP: return A_TMP;
	case LITTER_DOCS:
	case LITTER_MAN:
	case LITTER_LOCALES: return A_DOCS;
	default: return A_OTHER_LITTER;
	}
}

static void hidden(struct sums *s, const struct rootfs *r)
{
	static const int by_reason[] = { [WASTE_OVERWRITTEN] = A_OVERWRITTEN, [WASTE_DELETED] = A_DELETED, [WASTE_OPAQUE] = A_DELETED, [WASTE_METADATA] = A_METADATA, [WASTE_DUPLICATE] = A_DUPLICATED };
	struct buf path = BUF(0);
	for (u32 i = 0; i < r->waste.n; i++) {
		const struct waste_item *w = SEG_AT(&r->waste, i);
		if (w->bytes)
			add(s, by_reason[w->reason], w->by_layer, rootfs_waste_path(r, w, &path), w->bytes);
	}
	buf_free(&path);
}

static void visible(struct sums *s, const struct rootfs *r, const struct bytes *b, struct advice *ret)
{
	struct buf path = BUF(0);
	u8 *seen = xcalloc(r->inodes.n, 1);
	for (node_id id = 2; id < r->nodes.n; id++) {
		const struct node *n = rootfs_node(r, id);
		if (n->state != NODE_LIVE || !n->inode || rootfs_type(r, id) != TAR_FILE || seen[n->inode])
			continue;
		seen[n->inode] = 1;
		u8 kind = b->litter.kind[id];
		u64 size = rootfs_size(r, id);
		int what = kind ? litter_advice(kind) : b->of[n->inode] == BYTES_BUILD ? A_BUILD : b->of[n->inode] == BYTES_DUPLICATES ? A_COPIES : -1;
		if (what < 0 || size == 0)
			continue;
		add(s, what, rootfs_inode(r, n->inode)->layer, rootfs_path(r, id, &path), size);
		if (kind && what != A_DOCS)
			ret->slim += size;
	}
	free(seen);
	buf_free(&path);
}

void advice_find(const struct image *img, const struct rootfs *r, const struct bytes *b, struct advice *ret)
{
	*ret = (struct advice){ .slim = r->wasted };
	struct sums s = { .img = img, .v = xcalloc((size_t)img->n_layers * ADVICES, sizeof(struct sum)) };
	hidden(&s, r);
	visible(&s, r, b, ret);
	for (u32 layer = 0; layer < img->n_layers; layer++)
		for (int what = 0; what < ADVICES; what++) {
			const struct sum *x = &s.v[(size_t)layer * ADVICES + (size_t)what];
			if (!x->bytes)
				continue;
			struct finding *f = findings_add(&ret->findings, text[what].rule, SEV_INFO, "%s", text[what].what);
			f->bytes = x->bytes;
			f->count = (u32)MIN(x->files, (u64)UINT32_MAX);
			f->layer = (s32)layer;
			f->path = arena_strdup(&ret->findings.arena, str_of(x->example));
			/* Nobody edits the instructions of a base image: there only slimming helps. */
			f->fix = layer < b->base_layers ? (what == A_DOCS ? "pare slim --drop docs,man,locales, or a smaller base image" : what == A_BUILD ? "a base image without build tools" : "pare slim") : text[what].fix;
			ret->all += x->bytes;
		}
	findings_sort(&ret->findings);
	free(s.v);
	arena_free(&s.arena);
}

void advice_free(struct advice *a) { findings_free(&a->findings); }
