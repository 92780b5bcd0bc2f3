#include "../../fuzz/instruction_check.h"
#include "oci/manifest.h"
#include <setjmp.h>
#include <cmocka.h>

#define PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define BASE "{\"architecture\":\"arm64\",\"os\":\"linux\",\"variant\":\"v8\",\"author\":\"them\",\"created\":\"2020-01-01T00:00:00Z\",\"os.version\":\"7\",\"container_config\":{},\"config\":{\"Env\":[\"X=1\",\"" PATH "\",\"E=b\"]," \
	     "\"Cmd\":[\"old\"],\"Entrypoint\":[\"ep\"],\"WorkingDir\":\"opt\",\"User\":\"www\",\"Labels\":{\"l\":\"1\"},\"Mine\":[3],\"Shell\":[\"/bin/ash\",\"-e\"],\"OnBuild\":[\"ENV T=$X\",\"RUN trig\"]},\"rootfs\":{\"type\":\"layers\"," \
	     "\"diff_ids\":[\"sha256:aa\",\"sha256:bb\"]},\"history\":[{\"created_by\":\"one\"}]}"

static struct walked w;
static struct buf did, document;
static struct error err;
static struct str args[4];
static u32 n_args;

static int begin(void **state)
{
	(void)state;
	n_args = 0;
	buf_clear(&did);
	buf_clear(&document);
	err = (struct error){ 0 };
	return 0;
}

static void words(const char *before, const char *const *v)
{
	for (; v && *v; v++)
		buf_printf(&did, "%s%s", before, *v);
}

static void mount(const struct run_mount *m)
{
	static const char *const types[] = { "bind", "cache", "tmpfs", "secret", "ssh", "text" }, *const sharing[] = { "", " private", " locked" };
	buf_printf(&did, " {%s %s", types[m->type], m->target ? m->target : "-");
	if (m->id)
		buf_printf(&did, " id=%s", m->id);
	if (m->from)
		buf_printf(&did, " from=%s", m->from);
	if (m->source)
		buf_printf(&did, " source=%s", m->source);
	if (m->env)
		buf_printf(&did, " env=%s", m->env);
	buf_printf(&did, " %o %u:%u%s%s%s", m->mode, m->uid, m->gid, m->writable ? " rw" : "", m->required ? " required" : "", sharing[m->sharing]);
	if (m->size)
		buf_printf(&did, " size=%llu", (unsigned long long)m->size);
	if (m->text.n)
		buf_printf(&did, " <%.*s>", STR_FMT(m->text));
	buf_puts(&did, "}");
}

/* A line a step of the last stage (of others with their number in front). */
static void each(void *ctx, u32 stage, const struct action *a)
{
	(void)ctx;
	if (a->kind == ACTION_NONE)
		return;
	if (stage + 1 < w.graph.n_stages)
		buf_printf(&did, "%u ", stage);
	if (a->kind == ACTION_WORKDIR)
		buf_printf(&did, "workdir %s %s", a->workdir, a->owner);
	if (a->kind == ACTION_RUN) {
		buf_puts(&did, "run");
		words(" ", a->run.argv);
		for (u32 i = 0; i < a->run.n_mounts; i++)
			mount(&a->run.mounts[i]);
		buf_puts(&did, a->run.network == STEP_NONE ? " no network" : a->run.network == STEP_HOST ? " host's network" : "");
		buf_puts(&did, a->run.insecure ? " insecure" : "");
	}
	if (a->kind == ACTION_COPY) {
		const struct copy_spec *c = &a->copy;
		buf_printf(&did, "%s", c->add ? "add" : "copy");
		if (a->copy_from)
			buf_printf(&did, " from=%s", a->copy_from);
		for (u32 i = 0; i < c->n; i++) {
			buf_printf(&did, " %s%.*s", c->items[i].kind == COPY_URL ? "url:" : c->items[i].kind == COPY_GIT ? "git:" : "", STR_FMT(c->items[i].source));
			if (c->items[i].kind == COPY_TEXT)
				buf_printf(&did, "=<%.*s>", STR_FMT(c->items[i].text));
		}
		buf_printf(&did, " -> %.*s in %s", STR_FMT(c->dest), c->workdir);
		buf_printf(&did, "%s%s%s", c->link ? " link" : "", c->parents ? " parents" : "", c->keep_git_dir ? " keep" : "");
		if (c->unpack >= 0)
			buf_printf(&did, " unpack=%d", c->unpack);
		buf_printf(&did, "%s%.*s%s%.*s%s%.*s", c->chown.p ? " chown=" : "", STR_FMT(c->chown), c->chmod.p ? " chmod=" : "", STR_FMT(c->chmod), c->checksum.p ? " sum=" : "", STR_FMT(c->checksum));
		for (u32 i = 0; i < c->n_exclude; i++)
			buf_printf(&did, " without %.*s", STR_FMT(c->exclude[i]));
	}
	buf_putc(&did, '\n');
}

static int walk(const char *text, const char *base)
{
	return walked_begin(&w, str_of(text), str_of(base), args, n_args, each, NULL, &err);
}

static const char *finish(u32 stage, const char *const *labels, u32 layers)
{
	struct build_layer v[8] = { { .diff_id = { .alg = DIGEST_SHA256 } } };
	struct chain c = { v, layers, { 0 } };
	for (u32 i = 0; i < layers; i++)
		v[i].diff_id.alg = DIGEST_SHA256;
	assert_int_equal(stage_image_finish(&w.images[stage], &c, labels, 1600000000, &document, &err), 0);
	return document.p;
}

/* The "config" of the last stage is `want`, but for the PATH in front of all that is built from scratch. */
static void config_is(const char *text, const char *base, const char *want)
{
	begin(NULL);
	if (walk(text, base) < 0)
		fail_msg("%s: %s", text, err.text);
	finish(w.graph.target, NULL, 0);
	json_t *doc = json_read(buf_str(&document), "it", &err), *config = json_object_get(doc, "config"), *env = json_object_get(config, "Env");
	if (json_array_size(env) && strcmp(json_string_value(json_array_get(env, 0)), PATH) == 0)
		json_array_remove(env, 0);
	if (json_array_size(env) == 0)
		json_object_del(config, "Env");
	if (json_object_get(config, "WorkingDir") && strcmp(json_text(config, "WorkingDir"), "/") == 0)
		json_object_del(config, "WorkingDir");
	json_object_del(config, "ArgsEscaped");
	char *have = json_dumps(config, JSON_COMPACT | JSON_SORT_KEYS);
	if (strcmp(have, want) != 0)
		fail_msg("%s:\n%s, not\n%s", text, have, want);
	free(have);
	json_decref(doc);
	walked_end(&w);
}

static void config_of(const char *text, const char *want)
{
	struct buf b = { 0 };
	buf_printf(&b, "FROM scratch\n%s", text);
	config_is(b.p, "", want);
	buf_free(&b);
}

static void refused(const char *text, const char *why)
{
	struct buf b = { 0 };
	begin(NULL);
	buf_printf(&b, "FROM scratch\n%s", text);
	if (walk(b.p, "") == 0 || !strstr(err.text, why))
		fail_msg("%s: \"%s\", not \"%s\"", text, err.text, why);
	assert_int_equal(err.kind, ERR_INPUT);
	walked_end(&w);
	buf_free(&b);
}

static void does(const char *text, const char *want)
{
	struct buf b = { 0 };
	u32 n = n_args;
	begin(NULL);
	n_args = n;
	buf_printf(&b, "FROM scratch\n%s", text);
	if (walk(b.p, "") < 0)
		fail_msg("%s: %s", text, err.text);
	if (strcmp(did.p ? did.p : "", want) != 0)
		fail_msg("%s:\n%s, not\n%s", text, did.p, want);
	walked_end(&w);
	buf_free(&b);
}

static void configuration(void **state)
{
	(void)state;
	config_of("", "{}");
	config_of("ENV A=1 B=\"x y\" C='$A'\nENV A=2 D=$A$B \"E F\"=g\nENV G  old form $A\n", "{\"Env\":[\"A=2\",\"B=x y\",\"C=$A\",\"D=1x y\",\"E F=g\",\"G=old form 2\"]}");
	config_of("ENV PATH=/x:$PATH\n", "{\"Env\":[\"PATH=/x:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\"]}");
	config_of("LABEL a=1 b=\"x y\"\nARG V=9\nLABEL \"c d\"=$V a=2\n", "{\"Labels\":{\"a\":\"2\",\"b\":\"x y\",\"c d\":\"9\"}}");
	config_of("LABEL a=\xFF\n", "{\"Labels\":{\"a\":\"\xEF\xBF\xBD\"}}");
	config_of("ENV P=7 R=90-92\nEXPOSE 80 $P/UDP 443/tcp $R 0.0.0.0:53:54/sctp\n",
		"{\"Env\":[\"P=7\",\"R=90-92\"],\"ExposedPorts\":{\"443/tcp\":{},\"54/sctp\":{},\"7/udp\":{},\"80/tcp\":{},\"90/tcp\":{},\"91/tcp\":{},\"92/tcp\":{}}}");
	config_of("ENV L=\"1 2/udp\"\nEXPOSE $L\n", "{\"Env\":[\"L=1 2/udp\"],\"ExposedPorts\":{\"1/tcp\":{},\"2/udp\":{}}}");
	config_of("ENV V=/v\nVOLUME $V /w\nVOLUME [\"/x y\"]\n", "{\"Env\":[\"V=/v\"],\"Volumes\":{\"/v\":{},\"/w\":{},\"/x y\":{}}}");
	config_of("USER a b\n", "{\"User\":\"a b\"}");
	config_of("USER a\nUSER $NONE\n", "{}");
	config_of("ENV S=term\nSTOPSIGNAL $S\n", "{\"Env\":[\"S=term\"],\"StopSignal\":\"term\"}");
	config_of("WORKDIR a\nWORKDIR ../b//c/.\n", "{\"WorkingDir\":\"/b/c\"}");
	config_of("SHELL [\"/bin/b\",\"-x\"]\nCMD $A b\nENTRYPOINT e\n", "{\"Cmd\":[\"/bin/b\",\"-x\",\"$A b\"],\"Entrypoint\":[\"/bin/b\",\"-x\",\"e\"],\"Shell\":[\"/bin/b\",\"-x\"]}");
	config_of("CMD [\"a\",\"$X\"]\nENTRYPOINT []\n", "{\"Cmd\":[\"a\",\"$X\"]}");
	config_of("HEALTHCHECK --interval=1m30s --timeout=500ms --start-period=1.5s --start-interval=2s --retries=3 CMD a $b\n",
		"{\"Healthcheck\":{\"Interval\":90000000000,\"Retries\":3,\"StartInterval\":2000000000,\"StartPeriod\":1500000000,\"Test\":[\"CMD-SHELL\",\"a $b\"],\"Timeout\":500000000}}");
	config_of("HEALTHCHECK CMD [\"a\"]\n", "{\"Healthcheck\":{\"Test\":[\"CMD\",\"a\"]}}");
	config_of("HEALTHCHECK CMD a\nHEALTHCHECK NONE\n", "{\"Healthcheck\":{\"Test\":[\"NONE\"]}}");
	config_of("ONBUILD run echo $A\nONBUILD COPY <<EOF /f\n$B\nEOF\n", "{\"OnBuild\":[\"run echo $A\",\"COPY <<EOF /f\\n$B\\nEOF\"]}");
}

static void refusals(void **state)
{
	(void)state;
	refused("EXPOSE 70000\n", "invalid containerPort");
	refused("EXPOSE 9-8\n", "invalid containerPort");
	refused("EXPOSE 80/x\n", "invalid proto");
	refused("EXPOSE 1.2.3:1:80\n", "invalid IP");
	refused("EXPOSE 1-3:80-81\n", "invalid ranges");
	refused("STOPSIGNAL SIGNOTHING\n", "invalid signal");
	refused("STOPSIGNAL 0\n", "invalid signal");
	refused("VOLUME $NONE\n", "empty");
	refused("ENV $NONE=1\n", "blank");
	refused("ENV A=${B:?missing}\n", "missing");
	refused("ARG A=${B:?missing}\n", "missing");
	refused("LABEL A=${\n", "syntax");
	refused("FROM $NONE\nRUN x\n", "blank");
	refused("HEALTHCHECK --interval=5x CMD a\n", "duration");
	refused("HEALTHCHECK --interval=9us CMD a\n", "1ms");
	refused("RUN []\n", "at least one");
	refused("RUN --device=x true\n", "device");
	refused("COPY --from=$A a /b\n", "expansion");
	refused("COPY http://h/x /b\n", "URL");
	refused("COPY https://h/x.git /b\n", "git");
	refused("ADD --checksum=md5:00 http://h/a /\n", "md5");
	refused("ADD --checksum=sha256:00 a /\n", "checksum requires");
	refused("COPY <<a/b /d/\nx\na/b\n", "name");
	refused("RUN --mount=type=cache,target=/x,bogus=1 true\n", "bogus");
	refused("RUN --mount=type=cache true\n", "target");
	refused("RUN --mount=type=bogus,target=/x true\n", "bogus");
	refused("RUN --mount=target=/x,mode=0700 true\n", "mode not allowed");
	refused("RUN --mount=type=tmpfs,target=/x,uid=1 true\n", "uid not allowed");
	refused("RUN --mount=type=secret,required=1 true\n", "one of source");
	refused("RUN --mount=type=secret,id=a,source=b true\n", "both");
	refused("RUN --mount=type=secret,id=a,sharing=locked true\n", "sharing");
	refused("RUN --mount=target=/x,required true\n", "required");
	refused("RUN --mount=target=/x,size=1m true\n", "size");
	refused("RUN --mount=type=tmpfs,target=/x,size=1q true\n", "size");
	refused("RUN --mount=type=cache,target=/x,mode=8 true\n", "mode");
	refused("RUN --mount=type=cache,target=/x,sharing=most true\n", "sharing");
	refused("RUN --mount=target=/x,rw=maybe true\n", "rw");
	refused("RUN --mount=target=/x,env=A true\n", "env");
	refused("RUN --mount=target=/x, true\n", "key=value");
}

static void inheritance(void **state)
{
	(void)state;
	/* Unknown fields stay, triggers are run and gone; a CMD of the base is not for another entry point. */
	config_is("FROM x\n", BASE, "{\"Cmd\":[\"old\"],\"Entrypoint\":[\"ep\"],\"Env\":[\"X=1\",\"" PATH "\",\"E=b\",\"T=1\"],\"Labels\":{\"l\":\"1\"},\"Mine\":[3],\"Shell\":[\"/bin/ash\",\"-e\"],\"User\":\"www\",\"WorkingDir\":\"/opt\"}");
	config_is("FROM x\nENTRYPOINT [\"n\"]\nCMD c\nENV X=2\nWORKDIR s\nUSER 0\nENV E=$X$T$E\n", BASE,
		"{\"Cmd\":[\"/bin/ash\",\"-e\",\"c\"],\"Entrypoint\":[\"n\"],\"Env\":[\"X=2\",\"" PATH "\",\"E=21b\",\"T=1\"],\"Labels\":{\"l\":\"1\"},\"Mine\":[3],\"Shell\":[\"/bin/ash\",\"-e\"],\"User\":\"0\",\"WorkingDir\":\"/opt/s\"}");
	config_is("FROM scratch AS a\nCMD [\"c\"]\nENV A=1\nONBUILD ENV B=$A\nFROM a\nENTRYPOINT [\"e\"]\n", "", "{\"Entrypoint\":[\"e\"],\"Env\":[\"A=1\",\"B=1\"]}");
	config_is("FROM scratch AS a\nENTRYPOINT [\"e\"]\nFROM a\nCMD [\"c\"]\nENTRYPOINT [\"f\"]\n", "", "{\"Cmd\":[\"c\"],\"Entrypoint\":[\"f\"]}");
	/* A trigger of a grandparent is none. */
	config_is("FROM scratch AS a\nONBUILD ENV B=1\nFROM scratch AS b\nFROM a AS c\nENV B=2\nFROM c\n", "", "{\"Env\":[\"B=2\"]}");
	config_is("FROM x\n", "{\"config\":null}", "{}");
	config_is("FROM x\n", "{\"config\":{\"Env\":[\"A=1\"],\"Entrypoint\":\"one\",\"Cmd\":null}}", "{\"Entrypoint\":[\"one\"],\"Env\":[\"A=1\",\"" PATH "\"]}");
	static const char *const wrong[] = { "[]", "{\"config\":3}", "{\"config\":{\"Env\":[3]}}", "{\"config\":{\"Labels\":[]}}", "{\"config\":{\"User\":{}}}", "{\"history\":[1]}", "{\"rootfs\":1}", "{" };
	for (u32 i = 0; i < countof(wrong); i++) {
		begin(NULL);
		assert_int_equal(walk("FROM x\n", wrong[i]), -1);
		assert_int_equal(err.kind, ERR_INPUT);
		walked_end(&w);
	}
	begin(NULL);
	assert_int_equal(walk("FROM x\n", "{\"config\":{\"OnBuild\":[\"COPY one\"]}}"), -1);
	assert_non_null(strstr(err.text, "COPY one: "));
	walked_end(&w);
}

static void documents(void **state)
{
	static const char *const labels[] = { "l=2", "m", "n=a=b", NULL };
	struct config c;
	(void)state;
	assert_int_equal(walk("FROM x\nMAINTAINER $me\nARG A=1\nRUN b\nCMD [\"q\\\"\"]\n", BASE), 0);
	finish(0, labels, 4);
	json_t *doc = json_read(buf_str(&document), "it", &err);
	assert_int_equal(config_parse(&w.arena, doc, &c, &err), 0);
	assert_string_equal(c.platform.arch, "arm64");
	assert_string_equal(json_text(doc, "variant"), "v8");
	assert_string_equal(json_text(doc, "os.version"), "7");
	assert_null(json_object_get(doc, "container_config"));
	assert_string_equal(c.author, "$me");
	assert_string_equal(c.created, "2020-09-13T12:26:40Z");
	assert_string_equal(json_text(json_object_get(json_object_get(doc, "config"), "Labels"), "l"), "2");
	assert_string_equal(json_text(json_object_get(json_object_get(doc, "config"), "Labels"), "n"), "a=b");
	assert_string_equal(json_text(json_object_get(json_object_get(doc, "config"), "Labels"), "m"), "");
	assert_int_equal(c.n_diff_ids, 4);
	static const char *const said[] = { "one", "", "ENV T=1", "RUN /bin/ash -e trig # buildkit", "MAINTAINER $me", "ARG A=1", "RUN |1 A=1 /bin/ash -e b # buildkit", "CMD [\"q\\\"\"]" };
	assert_int_equal(c.n_history, countof(said));
	for (u32 i = 0; i < countof(said); i++) {
		assert_string_equal(c.history[i].created_by, said[i]);
		assert_int_equal(c.history[i].empty_layer, i != 0 && i != 1 && i != 3 && i != 6);
	}
	/* Squashed: the first entry is of the one layer, all others of none. */
	json_decref(doc);
	buf_clear(&document);
	finish(0, NULL, 1);
	doc = json_read(buf_str(&document), "it", &err);
	assert_int_equal(config_parse(&w.arena, doc, &c, &err), 0);
	for (u32 i = 0; i < c.n_history; i++)
		assert_int_equal(c.history[i].empty_layer, i > 0);
	json_decref(doc);
	struct platform p = { "linux", "arm", "v7" };
	stage_image_platform(&w.images[0], &p);
	buf_clear(&document);
	assert_non_null(strstr(finish(0, NULL, 1), "\"variant\":\"v7\""));
	walked_end(&w);
}

static void histories(void **state)
{
	static const char *const want[] = { "LABEL a=x y", "EXPOSE [80/tcp 90/tcp 91/tcp]", "HEALTHCHECK {Test:[CMD-SHELL a b] Interval:1m30s Timeout:500ms StartPeriod:0s StartInterval:0s Retries:0}",
		"USER u", "WORKDIR /w", "VOLUME [/a /b]", "STOPSIGNAL 9", "SHELL [/bin/sh -e]", "COPY --parents --chown=1:2 --chmod=755 a <<t /d # buildkit", "ADD x y # buildkit", "ENTRYPOINT [\"/bin/sh\" \"-e\" \"e\"]" };
	(void)state;
	assert_int_equal(walk("FROM scratch\nLABEL a=\"x y\"\nEXPOSE 80 90-91\nHEALTHCHECK --timeout=.5s --interval=90s CMD a b\nUSER u\nWORKDIR w\nVOLUME /a /b\nSTOPSIGNAL 9\nSHELL [\"/bin/sh\",\"-e\"]\n"
		"COPY --chmod=755 --chown=1:2 --parents --from=q a <<t /d\nt\nADD x y\nENTRYPOINT e\n", ""), 0);
	json_t *h = json_object_get(w.images[0].doc, "history");
	assert_int_equal(json_array_size(h), countof(want));
	for (u32 i = 0; i < countof(want); i++)
		assert_string_equal(json_text(json_array_get(h, i), "created_by"), want[i]);
	walked_end(&w);
}

static void runs(void **state)
{
	(void)state;
	does("RUN a $b\n", "run /bin/sh -c a $b\n");
	does("RUN [\"a\",\"$b\"]\n", "run a $b\n");
	does("RUN --network=none a\nRUN --network=host a\nRUN --security=insecure a\n", "run /bin/sh -c a no network\nrun /bin/sh -c a host's network\nrun /bin/sh -c a insecure\n");
	does("SHELL [\"s\"]\nUSER u\nWORKDIR /w\nRUN a\\\n  b\n", "workdir /w u\nrun s a  b\n");
	does("RUN <<EOF\necho $A\n\ttab\nEOF\n", "run /bin/sh -c echo $A\n\ttab\n\n");
	does("RUN <<-EOF\n\t\ta\n\tb\n\tEOF\n", "run /bin/sh -c a\nb\n\n");
	does("RUN <<EOF\n#!/bin/x\ny\nEOF\n", "run /bin/sh -c /dev/pipes/EOF {text /dev/pipes/EOF 755 0:0 <#!/bin/x\ny\n>}\n");
	does("RUN sh -s <<EOF\na\nEOF\n", "run /bin/sh -c sh -s <<EOF\na\nEOF\n");
	does("RUN <<a cat <<-b\n1\na\n\t2\n\tb\n", "run /bin/sh -c <<a cat <<-b\n1\na\n\t2\nb\n");
	does("RUN --mount=target=/c a\n", "run /bin/sh -c a {bind /c 755 0:0}\n");
	does("WORKDIR /w\nENV D=sub T=r\nRUN --mount=source=$D/../x,dst=$T/s,rw --mount=type=bind,from=q,src=/,destination=/o,ro=false a\n",
		"workdir /w \nrun /bin/sh -c a {bind /w/r/s source=/x 755 0:0 rw} {bind /o from=q 755 0:0 rw}\n");
	does("RUN --mount=type=cache,target=/k/../l --mount=type=CACHE,id=x,target=/m,sharing=Locked,mode=0700,uid=5,gid=6,ro,from=s,source=d a\n",
		"run /bin/sh -c a {cache /l id=/l 755 0:0 rw} {cache /m id=x from=s source=/d 700 5:6 locked}\n");
	does("RUN --mount=type=tmpfs,target=/t,size=1.5k --mount=type=tmpfs,target=/u,size=2GiB a\n", "run /bin/sh -c a {tmpfs /t 755 0:0 rw size=1536} {tmpfs /u 755 0:0 rw size=2147483648}\n");
	does("RUN --mount=type=secret,id=a/t --mount=type=secret,target=/s/k,required,mode=0440 --mount=type=secret,id=e,env=TOK --mount=type=secret,src=z,target=/f,env=V a\n",
		"run /bin/sh -c a {secret /run/secrets/t id=a/t 400 0:0} {secret /s/k id=k 440 0:0 required} {secret - id=e env=TOK 400 0:0} {secret /f id=z env=V 400 0:0}\n");
	does("RUN --mount=type=ssh --mount=type=ssh,id=g,required=true,uid=3 --mount=type=ssh,target=/a a\n",
		"run /bin/sh -c a {ssh /run/buildkit/ssh_agent.0 id=default 600 0:0} {ssh /run/buildkit/ssh_agent.1 id=g 600 3:0 required} {ssh /a id=default 600 0:0}\n");
	does("RUN --mount='\"target=/a,b\",type=bind' a\n", "run /bin/sh -c a {bind /a,b 755 0:0}\n");
}

static void copies(void **state)
{
	(void)state;
	does("COPY a b c/\n", "copy a b -> c/ in /\n");
	does("ENV X=p\nWORKDIR /w\nCOPY --from=s --chown=$X:$X --chmod=7$M --link --exclude=*.$X --exclude=q $X/*.c [x\\] $Y\n",
		"workdir /w \ncopy from=s p/*.c [x] -> ./ in /w chown=p:p chmod=7 without *.p without q\n"); /* --link means nothing beside --chmod */
	does("COPY --link --chown=1:2 a b\n", "copy a -> b in / link chown=1:2\n");
	does("COPY [\"a b\",\"<<x\",\"/d\"]\n", "copy a b <<x -> /d in /\n");
	does("ENV A=1\nCOPY b <<E1 <<'E2' <<-\"E3\" /d/\n$A ${B:-'2'} \\$A \"q\"\nE1\n$A\nE2\n\t\tt\n\tE3\n", "copy b E1=<1 '2' $A \"q\"\n> E2=<$A\n> E3=<t\n> -> /d/ in /\n");
	does("ADD --keep-git-dir=true --unpack=false x https://h/y https://h/z.git#v:d git@h:r /d\n", "add x url:https://h/y git:https://h/z.git#v:d git:git@h:r -> /d in / keep unpack=0\n");
	does("ADD --unpack --checksum=sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 http://h/y /d\n",
		"add url:http://h/y -> /d in / unpack=1 sum=sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n");
}

static void environment_each(void *ctx, u32 stage, const struct action *a)
{
	(void)ctx;
	(void)stage;
	if (a->kind != ACTION_RUN)
		return;
	for (const char *const *v = a->run.env; *v; v++)
		if (strncmp(*v, "PATH=", 5) != 0)
			buf_printf(&did, "%s ", *v);
	words("!", a->run.secret_env);
	buf_printf(&did, "| %s\n", a->created_by);
}

static void environment_is(const char *text, const char *want)
{
	u32 n = n_args;
	begin(NULL);
	n_args = n;
	if (walked_begin(&w, str_of(text), STR(""), args, n_args, environment_each, NULL, &err) < 0)
		fail_msg("%s: %s", text, err.text);
	if (strcmp(did.p ? did.p : "", want) != 0)
		fail_msg("%s:\n%s, not\n%s", text, did.p, want);
	walked_end(&w);
	n_args = 0;
}

static void environments(void **state)
{
	(void)state;
	n_args = 0;
	environment_is("FROM scratch\nENV A=1 B=2\nENV A=3\nRUN x\n", "B=2 A=3 | RUN /bin/sh -c x # buildkit\n");
	environment_is("ARG G=g\nFROM scratch\nARG A=d\nARG B\nARG C=$A$G\nARG G\nRUN x\nENV A=e\nRUN x\n",
		"A=d C=d G=g | RUN |4 A=d B= C=d G=g /bin/sh -c x # buildkit\nC=d G=g A=e | RUN |4 A=e B= C=d G=g /bin/sh -c x # buildkit\n");
	args[0] = STR("A=o");
	args[1] = STR("UNUSED=1");
	n_args = 2;
	environment_is("FROM scratch\nRUN x\nARG A=d\nRUN x\n", "| RUN /bin/sh -c x # buildkit\nA=o | RUN |1 A=o /bin/sh -c x # buildkit\n");
	args[0] = STR("https_proxy=p:1");
	n_args = 1;
	environment_is("FROM scratch\nRUN x\n", "HTTPS_PROXY=p:1 https_proxy=p:1 !HTTPS_PROXY!https_proxy| RUN /bin/sh -c x # buildkit\n");
	n_args = 1;
	environment_is("FROM scratch\nARG https_proxy\nRUN x\n", "HTTPS_PROXY=p:1 https_proxy=p:1 !HTTPS_PROXY| RUN |1 https_proxy=p:1 /bin/sh -c x # buildkit\n");
	environment_is("FROM scratch AS n\nARG TARGETPLATFORM\nARG TARGETARCH=other\nARG TARGETVARIANT\nARG TARGETSTAGE\nRUN x\n",
		"TARGETPLATFORM=linux/amd64 TARGETARCH=other TARGETVARIANT= TARGETSTAGE=n | RUN |4 TARGETPLATFORM=linux/amd64 TARGETARCH=other TARGETVARIANT= TARGETSTAGE=n /bin/sh -c x # buildkit\n");
	environment_is("FROM scratch AS a\nARG A=1\nENV E=$A\nFROM a\nARG B=$A$E\nRUN --mount=type=ssh x\n", "A=1 E=1 B=11 SSH_AUTH_SOCK=/run/buildkit/ssh_agent.0 | RUN |2 A=1 B=11 /bin/sh -c x # buildkit\n");
}

static void names(void **state)
{
	struct action a;
	struct instruction_options io = { .epoch = -1 };
	(void)state;
	assert_int_equal(walk("FROM scratch\nENV A=1\nRUN echo $A \"$B\" \\\n # c\n && x\nRUN <<EOF\n first $A\nsecond\nEOF\n", ""), 0);
	assert_int_equal(instruction_apply(&w.images[0], &w.file.instructions[2], w.graph.state[2], '\\', &io, &a, &err), 0);
	assert_string_equal(a.name, "RUN echo 1 \"$B\"  && x");
	assert_int_equal(instruction_apply(&w.images[0], &w.file.instructions[3], w.graph.state[3], '\\', &io, &a, &err), 0);
	assert_string_equal(a.name, "RUN <<EOF (first $A...)");
	walked_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(configuration, begin), cmocka_unit_test_setup(refusals, begin), cmocka_unit_test_setup(inheritance, begin), cmocka_unit_test_setup(documents, begin),
		cmocka_unit_test_setup(histories, begin), cmocka_unit_test_setup(runs, begin), cmocka_unit_test_setup(copies, begin), cmocka_unit_test_setup(environments, begin),
		cmocka_unit_test_setup(names, begin),
	};
	int r = cmocka_run_group_tests(tests, NULL, NULL);
	buf_free(&did);
	buf_free(&document);
	return r;
}
