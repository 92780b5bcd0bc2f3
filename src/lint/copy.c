/* COPY and ADD: which of the two, where to, and archives that a later RUN unpacks. */
#include "lint/edit.h"

enum { ADD_FILES, NO_SLASH, RELATIVE, UNPACKED };
extern const struct lint_rule rules_copy[];
#define AS(l, r) ((l)->rule = &rules_copy[r])

static bool ends_with_any(struct str s, const char *const *v)
{
	for (; *v; v++)
		if (str_ends(s, str_of(*v)))
			return true;
	return false;
}

static struct str base_of(struct str path)
{
	for (size_t i = path.n; i > 0; i--)
		if (path.p[i - 1] == '/' || path.p[i - 1] == '\\')
			return str_from(path, i);
	return path;
}

/* Hadolint's list: what ADD unpacks, by its name. */
static const char *const archives[] = { ".tar", ".Z", ".bz2", ".gz", ".lz", ".lzma", ".tZ", ".tb2", ".tbz", ".tbz2", ".tgz", ".tlz", ".tpz", ".txz", ".xz", NULL };
static bool is_archive(struct str path) { return ends_with_any(lint_unquote(path), archives); }

/* --- ADD where COPY does --- */
/* ADD looks into a file to see whether it is an archive, so only a name that nobody gives to one proves that it copies. */
static const char *const plain_ends[] = { ".txt", ".md", ".rst", ".html", ".css", ".xml", ".json", ".yaml", ".yml", ".toml", ".ini", ".conf", ".cfg", ".cnf", ".properties", ".env", ".list",
	".repo", ".service", ".template", ".tmpl", ".tpl", ".j2", ".erb", ".sh", ".bash", ".py", ".rb", ".pl", ".php", ".js", ".mjs", ".cjs", ".ts", ".tsx", ".jsx", ".vue", ".go", ".rs", ".c", ".h", ".cc",
	".cpp", ".java", ".kt", ".scala", ".gradle", ".sbt", ".cs", ".csproj", ".sln", ".sql", ".lua", ".lock", ".mod", ".sum", ".gemspec", ".pem", ".crt", ".cer", ".key", ".pub", ".asc", ".gpg",
	".jar", ".war", ".ear", ".zip", ".whl", ".deb", ".rpm", ".exe", ".dll", ".so", ".ps1", ".bat", ".cmd", ".patch", ".diff", ".ttf", ".png", ".svg", ".csv", ".groovy", ".r", ".R", ".ipynb", NULL };
static const char *const plain_names[] = { "Makefile", "Dockerfile", "Gemfile", "Procfile", "Rakefile", "Pipfile", "LICENSE", "README", "Jenkinsfile", "Vagrantfile", "gradlew", "mvnw", "crontab",
	"entrypoint", "docker-entrypoint", "Cargo.lock", NULL };

static bool is_word(struct str s, const char *const *v)
{
	for (; *v; v++)
		if (str_is(s, *v))
			return true;
	return false;
}

enum source { PLAIN, MAYBE, REMOTE };

/* What ADD does with a source; MAYBE: its content decides. */
static enum source source_of(const struct lint *l, const struct df_instruction *in, struct str written)
{
	static const char *const remote[] = { "http://", "https://", "git://", "git@", "ssh://", NULL };
	bool known;
	struct str s = lint_expand(l, in, written, &known);
	if (l->codes == LINT_HADOLINT)
		s = lint_unquote(written);
	else if (!known)
		return REMOTE; /* nobody can say */
	for (const char *const *r = remote; *r && (l->codes != LINT_HADOLINT || r < remote + 2); r++)
		if (str_starts(s, str_of(*r)))
			return REMOTE;
	if (is_archive(s) || (l->codes != LINT_HADOLINT && (str_ends(s, STR(".git")) || str_ends(s, STR(".tar.zst")) || str_ends(s, STR(".tzst")) || str_ends(s, STR(".zst")))))
		return REMOTE;
	if (str_starts(written, STR("<<")) && in->n_heredocs)
		return PLAIN;
	struct str base = base_of(s);
	bool directory = !base.n || str_is(base, ".") || str_is(base, "..");
	return directory || base.p[0] == '.' || ends_with_any(base, plain_ends) || is_word(base, plain_names) ? PLAIN : MAYBE;
}

static struct str copy_keyword(struct str add)
{
	return add.p[0] >= 'a' ? STR("copy") : add.n > 1 && add.p[1] >= 'a' ? STR("Copy") : STR("COPY");
}

static void check_add(struct lint *l, const struct df_instruction *in)
{
	bool plain = false, remote = false, maybe = false;
	if (l->codes != LINT_HADOLINT && (df_flag(in, "checksum") || df_flag(in, "keep-git-dir") || df_flag(in, "unpack")))
		return;
	for (u32 i = 0; i + 1 < in->n_args; i++) {
		enum source s = source_of(l, in, in->args[i].s);
		*(s == PLAIN ? &plain : s == MAYBE ? &maybe : &remote) = true;
	}
	if (!plain && !maybe)
		return;
	AS(l, ADD_FILES);
	struct diagnostic *d = lint_add(l, in, "ADD copies plain files here: COPY does that and nothing else");
	if (!remote)
		lint_fix(l, d, maybe ? FIX_SUGGESTED : FIX_SAFE, "Use COPY instead of ADD", in->word.span, copy_keyword(in->word.s));
}

/* --- destinations --- */
static bool ends_with_slash(const struct lint *l, struct str s) { return s.n && (s.p[s.n - 1] == '/' || (l->codes != LINT_HADOLINT && s.p[s.n - 1] == '\\')); }

static void check_slash(struct lint *l, const struct df_instruction *in)
{
	const struct df_word *to = &in->args[in->n_args - 1];
	struct str s = lint_unquote(to->s);
	bool hadolint = l->codes == LINT_HADOLINT, known = true;
	if (!hadolint)
		s = lint_expand(l, in, to->s, &known);
	if (in->n_args <= 2 || !known || ends_with_slash(l, s) || (!hadolint && (str_is(s, ".") || str_ends(s, STR("/.")))))
		return;
	AS(l, NO_SLASH);
	struct diagnostic *d = lint_add_at(l, in, to->span, "several sources need a directory: %.*s must end in /", STR_FMT(to->s));
	u32 end = to->span.end - (to->span.end > to->span.at && (l->file.text.p[to->span.end - 1] == '"' || l->file.text.p[to->span.end - 1] == '\''));
	lint_fix(l, d, FIX_SAFE, "End the destination in a slash", (struct df_span){ end, end }, STR("/"));
}

static bool is_absolute(struct str s)
{
	if (s.n && (s.p[0] == '/' || s.p[0] == '$'))
		return true;
	return s.n >= 3 && s.p[1] == ':' && (s.p[2] == '/' || s.p[2] == '\\');
}

/* Hadolint follows WORKDIR by the names of images and stages, through ONBUILD on its own. The graph knows better. */
static bool workdir_set(const struct lint *l, const struct df_instruction *in, bool onbuild_workdir)
{
	const struct df_state *s = l->graph.state ? l->graph.state[in->index] : NULL;
	bool trigger = lint_outer(l, in) != in;
	if (l->codes == LINT_HADOLINT && trigger)
		return onbuild_workdir;
	return (s && s->workdir_set) || (trigger && onbuild_workdir);
}

static void check_relative(struct lint *l, const struct df_instruction *in, bool onbuild_workdir)
{
	const struct df_word *to = &in->args[in->n_args - 1];
	if (is_absolute(lint_unquote(to->s)) || workdir_set(l, in, onbuild_workdir))
		return;
	AS(l, RELATIVE);
	lint_add_at(l, in, to->span, "%.*s is relative to a directory that no WORKDIR of this file sets", STR_FMT(to->s));
}

static void check_copies(struct lint *l)
{
	bool onbuild_workdir = false;
	for (const struct df_instruction *in = NULL; (in = lint_next(l, in));) {
		if (in->keyword == DF_FROM)
			onbuild_workdir = false;
		else if (in->keyword == DF_WORKDIR && lint_outer(l, in) != in)
			onbuild_workdir = true;
		else if (in->keyword == DF_ADD && in->n_args >= 2)
			check_add(l, in);
		if (in->n_args >= 2 && (in->keyword == DF_COPY || (in->keyword == DF_ADD && l->codes != LINT_HADOLINT)))
			check_slash(l, in);
		if (in->keyword == DF_COPY && in->n_args >= 2)
			check_relative(l, in, onbuild_workdir);
	}
}

/* --- an archive that is copied, and unpacked by a RUN of the same stage --- */
#define ARCHIVES 100 /* of one stage that are watched */

struct archive {
	struct str name;
	const struct df_instruction *in;
};

static bool unpacks_by_name(struct str name)
{
	static const char *const programs[] = { "unzip", "gunzip", "bunzip2", "unlzma", "unxz", "zgz", "uncompress", "zcat", "gzcat", NULL };
	return is_word(name, programs);
}

/* What ADD cannot do: part of an archive, other names, fewer directories. */
static bool beyond_add(struct str arg)
{
	static const char *const options[] = { "--strip", "--transform", "--xform", "--exclude", "--wildcards", "--one-top-level", "--no-same-owner", "-O", NULL };
	for (const char *const *o = options; *o; o++)
		if (str_starts(arg, str_of(*o)))
			return true;
	return false;
}

static bool unpacks(const struct lint *l, const struct sh_command *c)
{
	bool tar = str_is(l->codes == LINT_HADOLINT ? c->name : c->base, "tar"), x = false;
	if (l->codes == LINT_HADOLINT && unpacks_by_name(c->name))
		return true;
	for (u32 i = 0; tar && i < c->n_args; i++) {
		struct str a = c->args[i].text;
		x |= str_is(a, "--extract") || str_is(a, "--get") || (a.n && a.p[0] == '-' && (l->codes == LINT_HADOLINT || a.n < 2 || a.p[1] != '-') && str_chr(a, 'x'));
		if (l->codes != LINT_HADOLINT) {
			x |= i == 0 && a.n && a.p[0] != '-' && str_chr(a, 'x'); /* tar xzf */
			if (beyond_add(a))
				return false;
		}
	}
	return x;
}

static bool tar_name(struct str name)
{
	static const char *const ends[] = { ".tar", ".tb2", ".tbz", ".tbz2", ".tgz", ".tlz", ".tpz", ".txz", ".tZ", NULL };
	return ends_with_any(name, ends) || str_contains(name, STR(".tar."));
}

static u32 remember(const struct lint *l, const struct df_instruction *in, struct archive *v, u32 n)
{
	struct str to = base_of(lint_unquote(in->args[in->n_args - 1].s));
	if (is_archive(to)) {
		if (n < ARCHIVES && (l->codes == LINT_HADOLINT || tar_name(to)))
			v[n++] = (struct archive){ to, in };
		return n;
	}
	for (u32 i = 0; i + 1 < in->n_args && n < ARCHIVES; i++) {
		struct str from = base_of(lint_unquote(in->args[i].s));
		if (is_archive(from) && (l->codes == LINT_HADOLINT || tar_name(from)))
			v[n++] = (struct archive){ from, in };
	}
	return n;
}

static void speak(struct lint *l, const struct sh_command *c, struct archive *v, u32 n)
{
	AS(l, UNPACKED);
	for (u32 k = 0; k < c->n_args; k++)
		for (u32 i = 0; i < n; i++)
			if (v[i].in && str_eq(base_of(lint_unquote(c->args[k].text)), v[i].name)) {
				lint_add(l, v[i].in, "ADD would unpack %.*s, and its packed form would not stay in a layer", STR_FMT(v[i].name));
				v[i].in = NULL;
			}
}

static void check_unpacked(struct lint *l)
{
	struct archive v[ARCHIVES];
	u32 n = 0;
	const struct lint_script *s = lint_next_run(l, NULL);
	for (const struct df_instruction *in = NULL; (in = lint_next(l, in));) {
		if (in->keyword == DF_FROM)
			n = 0;
		else if (in->keyword == DF_COPY && in->n_args >= 2 && !df_flag(in, "from"))
			n = remember(l, in, v, n);
		for (; s && s->in->index <= in->index; s = lint_next_run(l, s))
			for (u32 k = 0; n && k < s->commands.n; k++)
				if (unpacks(l, &s->commands.v[k]))
					speak(l, &s->commands.v[k], v, n);
	}
}

const struct lint_rule rules_copy[] = {
	[ADD_FILES] = { .meta = {
		.name = "add-for-files", .hadolint = "DL3020", .level = LEVEL_ERROR, .since = "2026.1", .topic = "correctness",
		.aliases = "trivy:DS-0005 trivy:DS005 trivy:AVD-DS-0005 checkov:CKV_DOCKER_4 kics:9513a694-aa0d-41d8-be61-3271e056f36b",
		.summary = "ADD copies plain files",
		.why = "ADD also fetches URLs, clones repositories and unpacks archives, and decides by content: a file that turns out to be an archive arrives unpacked. COPY says that a file is copied, and is. "
		       "Archives, URLs, repositories and what a variable hides are left alone.",
		.bad = "FROM debian:12\nADD app.py /app/\n", .good = "FROM debian:12\nCOPY app.py /app/\nADD rootfs.tar.gz /\n" },
		check_copies },
	[NO_SLASH] = { .meta = {
		.name = "copy-many-to-file", .hadolint = "DL3021", .level = LEVEL_ERROR, .since = "2026.1", .topic = "correctness",
		.aliases = "trivy:DS-0011 trivy:DS011 trivy:AVD-DS-0011 kics:6db6e0c2-32a3-4a2e-93b5-72c35f4119db",
		.summary = "several sources are copied to what is not written as a directory",
		.why = "Several files can only go into a directory, and a directory is what ends in a slash. BuildKit stops the build otherwise.",
		.bad = "FROM debian:12\nCOPY a b /app\n", .good = "FROM debian:12\nCOPY a b /app/\n" } },
	[RELATIVE] = { .meta = {
		.name = "copy-relative", .hadolint = "DL3045", .level = LEVEL_WARNING, .since = "2026.1", .topic = "correctness",
		.summary = "COPY writes to a relative path, and no WORKDIR says relative to what",
		.why = "Without a WORKDIR the base image's counts, which is `/` in one version and something else in the next: the files then land where nobody looks for them. "
		       "A WORKDIR of the stage, or of a stage it is built on, or an absolute path, settles it.",
		.bad = "FROM debian:12\nCOPY app.py app.py\n", .good = "FROM debian:12\nWORKDIR /app\nCOPY app.py app.py\n" } },
	[UNPACKED] = { .meta = {
		.name = "copy-then-unpack", .hadolint = "DL3010", .level = LEVEL_INFO, .since = "2026.1", .topic = "size",
		.summary = "an archive is copied into the image and unpacked by a later RUN",
		.why = "The archive stays in the layer that copied it, even when the RUN removes it: the image holds it packed and unpacked. ADD unpacks a local tar archive, compressed or not, while it copies. "
		       "Where tar is asked for what ADD cannot do (--strip-components, --exclude) the rule is silent.",
		.bad = "FROM debian:12\nCOPY app.tar.gz /tmp/\nRUN tar -xzf /tmp/app.tar.gz -C /opt\n", .good = "FROM debian:12\nADD app.tar.gz /opt/\n" },
		check_unpacked },
	{ .meta = { 0 } },
};
