#include "report/build_blame.h"
#include "base/jsonw.h"
#include "base/text.h"

#define WIDTH 100u

struct line {
	const struct build_trace *step; /* NULL: the base image */
	u64 wrote, left;
	u32 files;                      /* that are left */
};

static const struct build_trace *step_of(const struct build_trace *v, u32 n, const struct digest *diff_id)
{
	for (u32 i = 0; i < n; i++)
		if (v[i].diff_id.alg && digest_eq(&v[i].diff_id, diff_id))
			return &v[i];
	return NULL;
}

/* Each content once, however many names it has. */
static void count(const struct subject *s, struct line *v)
{
	const struct rootfs *r = s->rootfs;
	for (inode_id id = 1; id < r->inodes.n; id++) {
		const struct inode *i = rootfs_inode(r, id);
		const struct facts *f = s->image->layers[i->layer].facts;
		if (!f || facts_entry(f, i->entry)->type != TAR_FILE)
			continue;
		v[i->layer].wrote += i->size;
		v[i->layer].left += i->names ? i->size : 0;
		v[i->layer].files += i->names > 0;
	}
}

static void put_text(FILE *f, const char *z)
{
	struct buf safe = BUF(0);
	text_safe(&safe, str_of(z));
	text_put(f, buf_str(&safe), WIDTH, false, false);
	buf_free(&safe);
}

static void table(FILE *f, const struct subject *s, const struct line *v)
{
	struct line base = { 0 };
	u32 bases = 0;
	fprintf(f, "%10s %10s %8s  %s\n", "WROTE", "LEFT", "FILES", "STEP");
	for (u32 i = 0; i < s->image->n_layers; i++)
		if (!v[i].step) {
			base.wrote += v[i].wrote;
			base.left += v[i].left;
			base.files += v[i].files;
			bases++;
		}
	if (bases)
		fprintf(f, "%10s %10s %8u  base image (%u layer%s)\n", TEXT_SIZE(base.wrote), TEXT_SIZE(base.left), base.files, bases, bases == 1 ? "" : "s");
	for (u32 i = 0; i < s->image->n_layers; i++) {
		if (!v[i].step)
			continue;
		fprintf(f, "%10s %10s %8u  ", TEXT_SIZE(v[i].wrote), TEXT_SIZE(v[i].left), v[i].files);
		put_text(f, v[i].step->place);
		fputs(" ", f);
		put_text(f, v[i].step->name);
		fputs("\n", f);
	}
}

static void document(FILE *f, const struct subject *s, const struct line *v)
{
	struct jsonw w;
	struct buf path = BUF(0);
	const struct rootfs *r = s->rootfs;
	jsonw_init(&w, f, 1);
	jsonw_obj(&w);
	jsonw_key(&w, "layers");
	jsonw_arr(&w);
	for (u32 i = 0; i < s->image->n_layers; i++) {
		jsonw_obj(&w);
		jsonw_kz(&w, "diff_id", DIGEST_STR(&s->image->layers[i].diff_id));
		jsonw_kz(&w, "place", v[i].step ? v[i].step->place : NULL);
		jsonw_kz(&w, "step", v[i].step ? v[i].step->name : NULL);
		jsonw_ku(&w, "wrote", v[i].wrote);
		jsonw_ku(&w, "left", v[i].left);
		jsonw_ku(&w, "files", v[i].files);
		jsonw_end(&w);
	}
	jsonw_end(&w);
	jsonw_key(&w, "files");
	jsonw_arr(&w);
	for (node_id id = rootfs_next(r, ROOTFS_ROOT); id; id = rootfs_next(r, id)) {
		if (!rootfs_is_file(r, id))
			continue;
		const struct build_trace *step = v[rootfs_node(r, id)->layer].step;
		buf_clear(&path);
		jsonw_obj(&w);
		jsonw_ks(&w, "path", rootfs_path(r, id, &path));
		jsonw_ku(&w, "size", rootfs_size(r, id));
		jsonw_kz(&w, "place", step ? step->place : NULL);
		jsonw_end(&w);
	}
	jsonw_end(&w);
	jsonw_end(&w);
	buf_free(&path);
}

void build_blame(FILE *f, const struct subject *s, const struct build_trace *trace, u32 n, bool json)
{
	struct line *v = xcalloc(s->image->n_layers + 1u, sizeof *v);
	for (u32 i = 0; i < s->image->n_layers; i++)
		v[i].step = step_of(trace, n, &s->image->layers[i].diff_id);
	count(s, v);
	if (json)
		document(f, s, v);
	else
		table(f, s, v);
	free(v);
}
