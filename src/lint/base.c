/* The image that a stage is built on, and how what ships is run. */
#include "base/text.h"
#include "lint/bytes.h"
#include "lint/effect.h"
#include "rule/eol.h"
#include <time.h>

/* --- names of images --- */
struct image_ref {
	struct str name;   /* last path component, "python" */
	struct str tag;    /* p NULL: none */
	bool digest;
	bool library;      /* an official image of Docker Hub: no registry, no owner but library/ */
	bool trusted;      /* official, or by that name at another registry: a mirror */
	struct str path;   /* whole, without tag and digest */
};

static struct image_ref image_ref(struct str s)
{
	struct image_ref r = { 0 };
	const char *at = str_chr(s, '@');
	if (at) {
		r.digest = true;
		s.n = (size_t)(at - s.p);
	}
	const char *slash = s.n ? memrchr(s.p, '/', s.n) : NULL;
	struct str last = slash ? str_from(s, (size_t)(slash - s.p) + 1) : s, rest = last;
	r.name = str_cut(&rest, ':');
	r.tag = rest;
	r.path = str_n(s.p, (size_t)(r.name.p - s.p) + r.name.n);
	struct str dir = slash ? str_n(s.p, (size_t)(slash - s.p)) : str_n("", 0);
	r.library = dir.n == 0 || str_is(dir, "library") || str_is(dir, "docker.io/library") || str_is(dir, "docker.io") || str_is(dir, "public.ecr.aws/docker/library") || str_is(dir, "mirror.gcr.io/library");
	struct str first = dir;
	first = str_cut(&first, '/');
	r.trusted = r.library || str_chr(first, '.') || str_chr(first, ':') || str_is(first, "localhost");
	return r;
}

/* Stages that are built on an image whose name is known. */
static const struct df_stage *stage_next(const struct lint *l, const struct df_stage *s)
{
	for (s = s ? s + 1 : l->graph.stages; s && s < l->graph.stages + l->graph.n_stages; s++)
		if (s->base == DF_NONE && !s->scratch && s->from != DF_NONE && s->image_known && s->image_expanded.n)
			return s;
	return NULL;
}

static const struct df_instruction *from_of(const struct lint *l, const struct df_stage *s) { return &l->file.instructions[s->from]; }

/* The stage whose layers ship and that stands on an image, and that image's stage; NULL. */
static const struct df_stage *shipped(const struct lint *l)
{
	return l->graph.target != DF_NONE && l->graph.target < l->graph.n_stages ? &l->graph.stages[l->graph.target] : NULL;
}

/* --- end of life --- */
static u32 today(const struct lint *l)
{
	time_t t = l->opt->now ? (time_t)l->opt->now : time(NULL);
	struct tm tm;
	gmtime_r(&t, &tm);
	return (u32)(tm.tm_year + 1900) * 10000 + (u32)(tm.tm_mon + 1) * 100 + (u32)tm.tm_mday;
}

static void end_of_support(struct lint *l)
{
	u32 now = today(l);
	for (const struct df_stage *s = stage_next(l, NULL); s; s = stage_next(l, s)) {
		struct image_ref r = image_ref(s->image_expanded);
		if (!r.trusted || !s->needed)
			continue;
		/* The image by its version, and what it is made on by its codename: python:3.12-slim-buster. */
		const struct end_of_life *found = eol_of_version(r.name, r.tag.p ? r.tag : STR("latest")), *x;
		struct str rest = r.tag;
		bool first = true;
		while (rest.p && !(found && found->date < now)) {
			struct str part = str_cut(&rest, '-');
			x = first ? eol_of_version(r.name, part) : NULL;
			if (!x || x->date >= now)
				x = str_starts(part, STR("alpine")) && part.n > 6 ? eol_of_version(STR("alpine"), str_from(part, 6)) : !first || str_is(r.name, "debian") || str_is(r.name, "ubuntu") ? eol_of(STR("debian"), part) : x;
			if ((!x || x->date >= now) && !first)
				x = part.n && (part.p[0] < '0' || part.p[0] > '9') ? eol_of(STR("ubuntu"), part) : x;
			if (x && x->date < now)
				found = x;
			first = false;
		}
		if (!found || found->date >= now)
			continue;
		bool any = found->version[0] == '*';
		lint_add(l, from_of(l, s), any ? "the image %s%s is out of support since %04u-%02u-%02u" : "%s %s is out of support since %04u-%02u-%02u", found->product, any ? "" : found->version, found->date / 10000, found->date / 100 % 100, found->date % 100);
	}
}

/* --- a smaller variant --- */
static const struct {
	char image[8];
	u16 saves; /* MB, about */
} slims[] = { { "python", 880 }, { "node", 870 }, { "ruby", 770 }, { "debian", 42 }, { "perl", 700 }, { "rust", 650 } };

static bool codename(struct str s) { return lint_word_in(s, "trixie bookworm bullseye buster stretch jessie"); }
static bool version(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == '.'))
			return false;
	return s.n > 0;
}

static void smaller(struct lint *l)
{
	for (const struct df_stage *s = stage_next(l, NULL); s; s = stage_next(l, s)) {
		struct image_ref r = image_ref(s->image_expanded);
		if (!s->ships || !r.library || r.digest || !r.tag.p)
			continue;
		for (size_t i = 0; i < countof(slims); i++) {
			if (!str_is(r.name, slims[i].image))
				continue;
			/* Only forms that are published for every version: V-slim, V-slim-CODENAME (node, perl: V-CODENAME-slim), CODENAME-slim of debian. */
			struct str rest = r.tag, v = str_cut(&rest, '-');
			bool debian = str_is(r.name, "debian"), node = str_is(r.name, "node");
			const char *tag = NULL;
			if (!rest.p && (version(v) || (debian && codename(v)) || (node && lint_word_in(v, "lts current"))))
				tag = arena_printf(l->arena, "%.*s-slim", STR_FMT(v));
			else if (!debian && version(v) && codename(rest))
				tag = node ? arena_printf(l->arena, "%.*s-%.*s-slim", STR_FMT(v), STR_FMT(rest)) : str_is(r.name, "perl") ? arena_printf(l->arena, "%.*s-slim-%.*s", STR_FMT(v), STR_FMT(rest)) : arena_printf(l->arena, "%.*s-slim-%.*s", STR_FMT(v), STR_FMT(rest));
			if (!tag)
				break;
			const struct df_instruction *from = from_of(l, s);
			struct diagnostic *d = lint_add(l, from, "%.*s:%s is published too, and about %u MB smaller", STR_FMT(r.path), tag, slims[i].saves);
			lint_estimate(l, d, slims[i].saves * (u64)1000000, (struct str){ 0 });
			if (from->n_args && str_eq(from->args[0].s, s->image_expanded) && from->args[0].span.end - from->args[0].span.at == s->image_expanded.n)
				lint_fix(l, d, FIX_SUGGESTED, "Take the smaller variant", from->args[0].span, str_of(arena_printf(l->arena, "%.*s:%s", STR_FMT(r.path), tag)));
			break;
		}
	}
}

/* --- a digest --- */
static void digest(struct lint *l)
{
	for (const struct df_stage *s = stage_next(l, NULL); s; s = stage_next(l, s)) {
		struct image_ref r = image_ref(s->image_expanded);
		if (s->ships && !r.digest && r.tag.p && !str_is(r.tag, "latest")) /* without a tag, DL3006 and DL3007 speak */
			lint_add(l, from_of(l, s), "%.*s names another image tomorrow than today: NAME:TAG@sha256:… does not", STR_FMT(str_head(s->image_expanded, 200)));
	}
}

/* --- an image for building that ships --- */
static void build_image(struct lint *l)
{
	static const struct { char image[12]; u16 mb; } builders[] = { { "golang", 800 }, { "rust", 1300 }, { "gcc", 1200 }, { "maven", 400 }, { "gradle", 500 }, { "sdk", 600 }, { "swift", 1500 }, { "haskell", 1500 } };
	const struct df_stage *target = shipped(l);
	for (const struct df_stage *s = stage_next(l, NULL); s; s = stage_next(l, s)) {
		struct image_ref r = image_ref(s->image_expanded);
		if (!s->ships || s->windows || !r.trusted || (str_is(r.name, "sdk") && !str_contains(r.path, STR("dotnet"))))
			continue;
		bool runs = false; /* it is made to be run: CMD or ENTRYPOINT of its own */
		for (u32 k = target->first; k < target->end; k++)
			runs |= l->file.instructions[k].keyword == DF_CMD || l->file.instructions[k].keyword == DF_ENTRYPOINT;
		for (size_t i = 0; runs && i < countof(builders); i++)
			if (str_is(r.name, builders[i].image))
				lint_estimate(l, lint_add(l, from_of(l, s), "%.*s is an image to build with, and ships: copy the result into a smaller one (FROM … AS build, COPY --from=build)", STR_FMT(str_head(r.name, 60))), builders[i].mb * (u64)1000000, (struct str){ 0 });
	}
}

/* --- how it runs --- */
static bool drops_root(const struct df_instruction *i)
{
	static const char *const tools[] = { "gosu", "su-exec", "setpriv", "chpst", "runuser", "s6-", "/init", "supervisord", "entrypoint", "postgres" };
	for (size_t k = 0; i && k < countof(tools); k++)
		if (str_contains(i->text.s, str_of(tools[k])))
			return true;
	return false;
}

static void runtime(struct lint *l)
{
	enum { USER, HEALTH, MANY };
	static const char roots[] = "debian ubuntu alpine busybox centos fedora rockylinux almalinux amazonlinux oraclelinux archlinux opensuse python node ruby golang rust php perl openjdk eclipse-temurin amazoncorretto maven gradle gcc buildpack-deps erlang elixir "
				    "bash julia r-base swift haskell pypy composer nginx httpd tomcat jetty mysql mariadb mongo redis memcached haproxy rabbitmq ubi8 ubi9 ubi8-minimal ubi9-minimal";
	const struct lint_rule *group = l->rule;
	const struct df_stage *t = shipped(l), *bottom = t;
	const struct df_instruction *cmd = NULL, *entry = NULL, *health = NULL, *expose = NULL;
	if (!t)
		return;
	for (u32 steps = 0; bottom->base != DF_NONE && steps < 32; steps++)
		bottom = &l->graph.stages[bottom->base];
	for (const struct df_stage *s = t;; s = &l->graph.stages[s->base]) {
		for (u32 k = s->end; k-- > s->first;) {
			const struct df_instruction *i = &l->file.instructions[k];
			cmd = cmd || i->keyword != DF_CMD ? cmd : i;
			entry = entry || i->keyword != DF_ENTRYPOINT ? entry : i;
			health = health || i->keyword != DF_HEALTHCHECK ? health : i;
			expose = expose || i->keyword != DF_EXPOSE ? expose : i;
		}
		if (s->base == DF_NONE || s == bottom)
			break;
	}
	const struct df_instruction *last = t->end > t->first ? &l->file.instructions[t->end - 1] : NULL;
	const struct df_state *state = last && l->graph.state ? l->graph.state[last->index] : NULL;
	struct image_ref r = image_ref(bottom->image_expanded);
	bool user_set = (state && state->user.p) || (last && last->keyword == DF_USER);
	bool root = (bottom->scratch || (bottom->image_known && r.trusted && lint_word_in(r.name, roots) && !str_contains(r.tag.p ? r.tag : STR(""), STR("nonroot")) && !str_contains(r.tag.p ? r.tag : STR(""), STR("rootless")) && !str_contains(r.path, STR("bitnami")) && !str_contains(r.path, STR("chainguard"))));
	bool made_to_run = cmd || entry || expose;
	if (!t->windows && !user_set && root && made_to_run && !drops_root(entry) && !drops_root(cmd)) {
		l->rule = group + USER;
		lint_add(l, from_of(l, t), "what runs in the container is root: nothing sets USER");
	}
	if (expose && (cmd || entry) && !health) {
		l->rule = group + HEALTH;
		lint_add(l, expose, "a service without a HEALTHCHECK: docker calls it up as long as its process is there");
	}
	l->rule = group + MANY;
	for (u32 i = 0; i < l->n_scripts; i++) {
		const struct lint_script *s = &l->scripts[i];
		if ((s->in != cmd && s->in != entry) || !s->posix)
			continue;
		for (u32 k = 0; k < s->commands.n; k++) {
			const struct sh_command *c = &s->commands.v[k];
			if ((sh_is(c, "service") && c->n_args == 2 && lint_word_in(c->args[1].text, "start restart")) || c->node->op == SH_OP_AMP) {
				lint_add_cmd(l, s, c, "several processes in one container: nobody notices when %.*s ends, and signals don't reach it", STR_FMT(str_head(sh_is(c, "service") ? c->args[0].text : c->base, 60)));
				break;
			}
		}
	}
}

#define RULE(n, lvl, t) .name = n, .level = lvl, .since = "2026.1", .topic = t
const struct lint_rule rules_base[] = {
	{ .meta = { RULE("base-out-of-support", LEVEL_WARNING, "base-image"), .summary = "the base image gets no security updates any more",
		.why = "From that day on nobody repairs what is found in it, and its package mirror moves to an archive: a build fails one morning. The dates are the publishers', Debian's long-term support included; --now and SOURCE_DATE_EPOCH say for which day.",
		.bad = "FROM debian:9\n", .good = "FROM debian:stable\n" }, .check = end_of_support },
	{ .meta = { RULE("base-has-smaller-variant", LEVEL_INFO, "base-image"), .summary = "the base image is published in a smaller variant",
		.why = "The full images of languages carry compilers and headers for every dependency that one might build. The slim ones hold the same program on the same distribution; what is missing can be installed by name.",
		.bad = "FROM python:3.13\nCMD [\"python3\"]\n", .good = "FROM python:3.13-slim\nCMD [\"python3\"]\n" }, .check = smaller },
	{ .meta = { RULE("base-without-digest", LEVEL_IGNORE, "base-image"), .summary = "the base image that ships is not named by digest",
		.why = "A tag moves: the same Dockerfile builds another image next week, and nobody sees what changed. NAME:TAG@sha256:… is one image for good; a bot (Renovate, Dependabot) proposes new ones.",
		.bad = "FROM debian:13\n", .good = "FROM debian:13@sha256:24454f830cdb571e2c4ad15481119c43b3cafd48dd869a9b2945d1036d1dc68d\n" }, .check = digest },
	{ .meta = { RULE("build-image-ships", LEVEL_INFO, "base-image"), .summary = "the image that ships is built on one for building",
		.why = "golang, rust, gcc, maven, gradle and dotnet/sdk hold a whole tool chain: a gigabyte that the running program never opens. Build there, and copy the result into debian:stable-slim, distroless, a JRE or scratch.",
		.bad = "FROM golang:1\nCOPY . /src\nCMD [\"/src/app\"]\n", .good = "FROM golang:1 AS build\nCOPY . /src\nFROM scratch\nCOPY --from=build /src/app /app\nCMD [\"/app\"]\n" }, .check = build_image },
	{ .meta = { RULE("runs-as-root", LEVEL_INFO, "security"), .aliases = "trivy:DS-0002 trivy:DS002 trivy:AVD-DS-0002 checkov:CKV_DOCKER_3 kics:fd54f200-402c-4333-a5a4-36ef6709af2f", .yields_to = "root-user", .summary = "the container runs as root: the final stage sets no USER",
		.why = "A fault in the program is then a fault with root's rights, one mistake in the runtime away from the host. Create a user and name it in USER, by number where Kubernetes checks it (runAsNonRoot). Said where the base image is known to run as root.",
		.bad = "FROM debian:13\nCMD [\"app\"]\n", .good = "FROM debian:13\nUSER 65532:65532\nCMD [\"app\"]\n" }, .check = runtime },
	{ .meta = { RULE("service-without-healthcheck", LEVEL_INFO, "metadata"), .aliases = "trivy:DS-0026 trivy:DS026 trivy:AVD-DS-0026 checkov:CKV_DOCKER_2 kics:b03a748a-542d-44f4-bb86-9199ab4fd2d5", .yields_to = "healthcheck-missing", .summary = "a port is exposed, and there is no HEALTHCHECK",
		.why = "A process that hangs is up for docker. HEALTHCHECK asks the service itself; Kubernetes has probes of its own and ignores it.",
		.bad = "FROM debian:13\nEXPOSE 8080\nCMD [\"app\"]\n", .good = "FROM debian:13\nEXPOSE 8080\nHEALTHCHECK CMD [\"app\", \"--check\"]\nCMD [\"app\"]\n" } },
	{ .meta = { RULE("several-processes", LEVEL_INFO, "correctness"), .summary = "CMD or ENTRYPOINT starts processes in the background",
		.why = "The container lives as long as its first process: when one in the background ends nothing restarts it, and stop signals don't reach it. One container a service, or an init that looks after them (tini, s6, supervisord).",
		.bad = "FROM debian:13\nCMD service cron start && exec app\n", .good = "FROM debian:13\nCMD [\"app\"]\n" } },
	{ .meta = { 0 } },
};
