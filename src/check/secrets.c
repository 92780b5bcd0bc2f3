#include "check/secrets.h"
#include "base/hash.h"
#include "secret/secret.h"

#define KEEP_OUT "keep it out of the image: RUN --mount=type=secret in the instruction that needs it, .dockerignore for files of the context"

struct telling {
	const struct image *img;
	struct scan *out;
	struct str text; /* of the configuration: what is asked at the moment */
	const char *path;
	s32 layer;
	const char *avoid;
	u64 seen[256]; /* hashes of values that were told: of the environment and labels, which the history repeats */
	u32 n_seen;
	bool once;     /* what was told is not told again */
	u32 told;
};

static struct scan_finding *add(struct scan *out, const struct secret_found *f)
{
	const struct secret_rule *rule = f->rule;
	struct scan_finding *x = scan_add(out, KIND_SECRET, rule->id, f->doubt ? MIN(rule->severity, SEV_LOW) : rule->severity);
	x->title = arena_printf(&out->arena, "%s%s", rule->title, f->doubt ? " by its form, though its check sum or its letters say that it is made up" : "");
	x->match = arena_strdup(&out->arena, str_of(f->masked));
	x->line = f->line;
	return x;
}

/* ---- files ---- */

/* Whether the file at this path is still this one; whether another stands there, and whether that one is the same. */
static enum presence presence_of(const struct rootfs *r, struct str path, u32 layer, u32 entry, bool *same)
{
	node_id node = rootfs_find(r, path, false);
	*same = false;
	if (!node)
		return PRESENCE_DELETED;
	const struct inode *in = rootfs_inode(r, rootfs_node(r, node)->inode);
	if (rootfs_node(r, node)->inode && in->layer == layer && in->entry == entry)
		return PRESENCE_LIVE;
	const struct fact_entry *there = rootfs_entry(r, node), *mine = facts_entry(r->image->layers[layer].facts, entry);
	*same = there && there->type == TAR_FILE && !((there->flags | mine->flags) & FACT_UNHASHED) && there->size == mine->size && hash_eq(there->hash, mine->hash);
	return PRESENCE_SHADOWED;
}

static void files_of_layer(const struct image *img, const struct rootfs *r, u32 layer, struct scan *out)
{
	const struct facts *facts = img->layers[layer].facts;
	struct buf path = BUF(0), made = BUF(0);
	for (u32 i = 0; facts && i < facts->n_notes; i++) {
		if (facts->notes[i].collector != COLLECT_SECRET)
			continue;
		struct str note = facts->notes[i].bytes, p = facts_path(facts, facts_entry(facts, facts->notes[i].entry), &path);
		bool same;
		enum presence presence = presence_of(r, p, layer, facts->notes[i].entry, &same);
		struct secret_found f;
		while (!same && secret_note_next(&note, &f)) {
			struct scan_finding *x = add(out, &f);
			x->path = arena_printf(&out->arena, "/%.*s", STR_FMT(p));
			x->layer = (s32)layer;
			x->presence = presence;
			image_instruction(img, layer, &made);
			x->remedy = presence == PRESENCE_LIVE ? arena_printf(&out->arena, "%s; " KEEP_OUT "%s%.*s%s", f.rule->rotate, made.n ? " (" : "",
			  STR_FMT(str_head(buf_str(&made), 120)), made.n ? ")" : "")
							      : arena_printf(&out->arena, "%s; it is still readable in layer %u, whatever later ones do: "
							        "build without it (RUN --mount=type=secret)", f.rule->rotate, layer);
		}
	}
	buf_free(&path);
	buf_free(&made);
}

/* ---- the configuration ---- */

static void told(void *ctx, const struct secret_found *f)
{
	struct telling *t = ctx;
	u64 h = hash64(str_n(t->text.p + f->at, f->end - f->at), 0);
	for (u32 i = 0; i < t->n_seen; i++)
		if (t->once && t->seen[i] == h)
			return;
	if (t->n_seen < countof(t->seen))
		t->seen[t->n_seen++] = h;
	struct scan_finding *x = add(t->out, f);
	x->path = arena_strdup(&t->out->arena, str_of(t->path));
	x->layer = t->layer;
	x->line = 0;
	x->remedy = arena_printf(&t->out->arena, "%s; %s", f->rule->rotate, t->avoid);
	t->told++;
}

static void ask(struct telling *t, struct secret_set *set, struct str text)
{
	t->text = text;
	t->told = 0;
	if (!secret_scan(set, str_n("", 0), text, told, t))
		problem_add(&t->out->problems, "%s: not all of it was searched for secrets", t->path);
}

static void by_name(struct telling *t, const char *id, const char *what, struct str name, struct str value)
{
	char masked[32];
	u64 h = hash64(value, 0);
	for (u32 i = 0; i < t->n_seen; i++)
		if (t->once && t->seen[i] == h)
			return;
	if (t->n_seen < countof(t->seen))
		t->seen[t->n_seen++] = h;
	snprintf(masked, sizeof masked, "…(%zu characters)", value.n);
	struct scan_finding *x = scan_add(t->out, KIND_SECRET, id, SEV_HIGH);
	x->title = arena_printf(&t->out->arena, "%s %.*s is called like a secret", what, STR_FMT(name));
	x->path = arena_strdup(&t->out->arena, str_of(t->path));
	x->layer = t->layer;
	x->match = arena_strdup(&t->out->arena, str_of(masked));
	x->remedy = arena_printf(&t->out->arena, "change it; %s", t->avoid);
}

static bool names_secret(struct str name, struct str value)
{
	return name.n && name.n <= 200 && value.n >= 4 && ((secret_name(name) && !secret_placeholder(value) && value.p[0] != '/') || secret_url(value));
}

static void environment(struct telling *t, struct secret_set *set)
{
	t->avoid = "give it at run time, to a build by RUN --mount=type=secret";
	for (const char **e = t->img->config.env; *e; e++) {
		struct str value = str_of(*e), name = str_cut(&value, '=');
		if (!value.p || !value.n)
			continue;
		t->path = arena_printf(&t->out->arena, "ENV %.*s", STR_FMT(str_head(name, 200)));
		ask(t, set, str_of(*e));
		if (!t->told && names_secret(name, value))
			by_name(t, "secret-env", "variable", name, value);
	}
}

static void labels(struct telling *t, struct secret_set *set)
{
	struct buf text = BUF(MiB);
	t->avoid = "labels are public: leave it out";
	for (u32 i = 0; t->img->config.label_keys && t->img->config.label_keys[i]; i++) {
		const char *value = t->img->config.label_values[i];
		buf_clear(&text);
		buf_printf(&text, "%s=%s", t->img->config.label_keys[i], value ? value : "");
		t->path = arena_printf(&t->out->arena, "label %.200s", t->img->config.label_keys[i]);
		ask(t, set, buf_str(&text));
	}
	buf_free(&text);
}

static s32 layer_of_history(const struct image *img, u32 entry)
{
	for (u32 i = 0; i < img->n_layers; i++)
		if (img->layers[i].history == (s32)entry)
			return (s32)i;
	return -1;
}

/* "|2 TOKEN=… /bin/sh -c …": build arguments stay readable in the history. */
static void build_arguments(struct telling *t, struct secret_set *set, struct str by)
{
	struct str rest = by;
	str_cut(&rest, ' ');
	while (rest.p) {
		struct str pair = str_cut(&rest, ' '), value = pair, name = str_cut(&value, '=');
		if (!value.p)
			break;
		t->path = arena_printf(&t->out->arena, "ARG %.*s", STR_FMT(str_head(name, 200)));
		ask(t, set, pair);
		if (!t->told && names_secret(name, value))
			by_name(t, "secret-arg", "build argument", name, value);
	}
}

static void history(struct telling *t, struct secret_set *set)
{
	for (u32 i = 0; i < t->img->config.n_history; i++) {
		const struct history *h = &t->img->config.history[i];
		const char *texts[] = { h->created_by, h->comment };
		t->layer = layer_of_history(t->img, i);
		t->avoid = "it stays readable in the history: RUN --mount=type=secret";
		if (h->created_by && h->created_by[0] == '|')
			build_arguments(t, set, str_of(h->created_by));
		t->path = arena_printf(&t->out->arena, "history %u", i);
		for (u32 k = 0; k < countof(texts); k++)
			if (texts[k] && *texts[k])
				ask(t, set, str_of(texts[k]));
	}
	t->layer = -1;
}

static void commands(struct telling *t, struct secret_set *set)
{
	const struct config *c = &t->img->config;
	const struct {
		const char *name, *const *words;
	} lists[] = { { "ENTRYPOINT", c->entrypoint }, { "CMD", c->cmd }, { "ONBUILD", c->onbuild } };
	struct buf text = BUF(MiB);
	t->avoid = "give it at run time";
	for (u32 i = 0; i < countof(lists); i++) {
		buf_clear(&text);
		for (u32 k = 0; lists[i].words && lists[i].words[k]; k++)
			buf_printf(&text, "%s%s", k ? " " : "", lists[i].words[k]);
		t->path = lists[i].name;
		if (text.n)
			ask(t, set, buf_str(&text));
	}
	buf_free(&text);
}

void secrets_find(const struct image *img, const struct rootfs *r, struct secret_set *set, struct scan *out)
{
	for (u32 i = 0; i < img->n_layers; i++)
		files_of_layer(img, r, i, out);
	set = set ? set : secret_collector_set();
	struct telling t = { .img = img, .out = out, .layer = -1 };
	if (img->config.env)
		environment(&t, set);
	labels(&t, set);
	t.once = true;
	history(&t, set);
	commands(&t, set);
}
