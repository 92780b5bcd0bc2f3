/* The bytes are a Dockerfile, of which every instruction is applied; what stands behind a line "----" is the configuration of its base images. */
#include "instruction_check.h"

static void each(void *ctx, u32 stage, const struct action *a)
{
	(void)ctx;
	(void)stage;
	HOLDS(a->name && !strchr(a->name, '\n'));
	if (a->kind == ACTION_RUN) {
		HOLDS(a->run.argv[0] && a->run.cwd[0] == '/' && a->run.env && a->run.secret_env && a->created_by);
		for (const char *const *v = a->run.argv; *v; v++)
			HOLDS(strlen(*v) < DF_BYTES * 2);
		for (u32 i = 0; i < a->run.n_mounts; i++) {
			const struct run_mount *m = &a->run.mounts[i];
			HOLDS(m->target ? m->target[0] == '/' && m->target[1] : m->type == MOUNT_SECRET && m->env);
			HOLDS(m->id || m->type == MOUNT_BIND || m->type == MOUNT_TMPFS || m->type == MOUNT_TEXT);
			HOLDS(!m->source || (m->source[0] == '/' && !strstr(m->source, "/../")));
		}
	} else if (a->kind == ACTION_COPY) {
		HOLDS(a->copy.n && a->copy.dest.n && a->copy.workdir[0] == '/');
		for (u32 i = 0; i < a->copy.n; i++)
			HOLDS(a->copy.items[i].source.n);
	} else if (a->kind == ACTION_WORKDIR) {
		HOLDS(a->workdir[0] == '/' && a->owner);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_n(data, size), base = STR("{}");
	const char *cut = size ? str_find(text, STR("\n----\n")) : NULL;
	static const struct str args[] = { { "A=given", 7 }, { "HTTP_PROXY=p:1", 14 }, { "TARGETARCH=arm64", 16 } };
	struct walked w;
	struct error err = { 0 };

	if (cut) {
		base = str_from(text, (size_t)(cut - text.p) + 6);
		text = str_head(text, (size_t)(cut - text.p) + 1);
	}
	int r = walked_begin(&w, text, base, args, countof(args), each, NULL, &err);
	HOLDS((r < 0) == (err.text[0] != '\0'));
	for (u32 i = 0; r == 0 && i < w.n; i++) {
		struct buf out = { 0 };
		struct chain none = { 0 };
		if (w.images[i].doc && stage_image_finish(&w.images[i], &none, NULL, 0, &out, &err) == 0) {
			struct stage_image again;
			struct platform p = { "linux", "amd64", "" };
			HOLDS(stage_image_begin(&w.arena, buf_str(&out), &p, &again, &err) == 0); /* what comes out can be built on */
			stage_image_free(&again);
		}
		buf_free(&out);
	}
	walked_end(&w);
	return 0;
}
