#include "layer/image.h"

void image_close(struct image *img)
{
	if (!img)
		return;
	if (img->close)
		img->close(img);
	json_decref(img->config_doc);
	json_decref(img->manifest_doc);
	problems_free(&img->problems);
	problems_free(&img->unverified);
	struct arena a = img->arena; /* the image lives in its own arena */
	arena_free(&a);
}

const char *image_title(const struct image *img) { return strpbrk(img->reference, "/:@") || !img->location ? img->reference : img->location; }

/* "|2 A=1 B=2 /bin/sh -c cmd": the build arguments that the classic builder put in front. */
static struct str without_args(struct str s)
{
	if (s.n < 3 || s.p[0] != '|')
		return s;
	struct str rest = str_from(s, 1), count = str_cut(&rest, ' ');
	u64 n;
	if (!rest.p || !str_to_u64(count, &n) || n > 1000)
		return s;
	const char *sh = str_find(rest, STR("/bin/sh -c "));
	return sh ? str_from(rest, (size_t)(sh - rest.p)) : s;
}

void image_instruction(const struct image *img, u32 layer, struct buf *out)
{
	struct str s = str_trim(str_of(img->layers[layer].command));
	if (s.n == 0) {
		buf_puts(out, "(no history)");
		return;
	}
	if (str_ends(s, STR("# buildkit")))
		s = str_trim(str_head(s, s.n - strlen("# buildkit")));
	if (str_starts(s, STR("RUN "))) { /* BuildKit: RUN |1 ARG=… /bin/sh -c command */
		s = without_args(str_trim(str_from(s, 4)));
		if (!str_starts(s, STR("/bin/sh -c "))) {
			buf_puts(out, "RUN ");
			buf_add(out, s);
			return;
		}
	}
	if (str_starts(s, STR("COPY ")) || str_starts(s, STR("ADD ")) || str_starts(s, STR("WORKDIR "))) {
		buf_add(out, s);
		return;
	}
	s = without_args(s);
	static const char shell[] = "/bin/sh -c ", nop[] = "#(nop) ";
	bool run = str_starts(s, str_of(shell));
	if (run)
		s = str_trim(str_from(s, strlen(shell)));
	if (str_starts(s, str_of(nop))) {
		s = str_trim(str_from(s, strlen(nop)));
		run = false;
	}
	if (run)
		buf_puts(out, "RUN ");
	buf_add(out, s);
}

static bool starts_stage(const struct history *h)
{
	/* The last thing a base image does is to say what it runs. */
	const char *by = h->created_by ? h->created_by : "";
	return h->empty_layer && (strstr(by, "CMD [") || strstr(by, "ENTRYPOINT [") || strstr(by, "CMD \""));
}

static u32 layers_until(const struct config *c, u32 entry)
{
	u32 n = 0;
	for (u32 i = 0; i <= entry; i++)
		n += !c->history[i].empty_layer;
	return n;
}

u32 image_base_layers(const struct image *img)
{
	const struct config *c = &img->config;
	if (img->n_layers < 2)
		return 0;
	/* The last CMD or ENTRYPOINT that is followed by another layer closes the base. */
	for (u32 i = c->n_history; i-- > 0;) {
		if (!starts_stage(&c->history[i]))
			continue;
		u32 below = layers_until(c, i);
		if (below > 0 && below < img->n_layers)
			return below;
	}
	/* A first layer that adds a whole root file system is one, too. */
	const char *first = c->n_history && c->history[0].created_by ? c->history[0].created_by : "";
	struct str by = str_trim(str_of(first));
	bool adds = str_contains(by, STR("ADD ")) || str_contains(by, STR("debuerreotype"));
	bool to_root = str_ends(by, STR(" /")) || str_contains(by, STR(" / # buildkit")) || str_contains(by, STR("debuerreotype"));
	return adds && to_root ? 1 : 0;
}

u32 image_paths(const struct image *img)
{
	u64 sum = 0, largest = 0;
	for (u32 i = 0; i < img->n_layers; i++) {
		u64 n = img->layers[i].facts ? img->layers[i].facts->entries.n : 0;
		sum += n;
		largest = MAX(largest, n);
	}
	return (u32)MIN(sum, 4 * largest); /* FACTS_ENTRIES_MAX keeps it small */
}
