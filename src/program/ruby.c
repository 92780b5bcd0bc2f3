/* ruby.c — which features, gems and extensions Ruby programs can need: the notes of source_ruby.c, looked up in $LOAD_PATH and in the gems of the image.
 *
 *      require "a/b" ─► a/b.rb or a/b.so: the first of site_ruby, vendor_ruby and the library of the version; and every gem that has it
 *      "a/#{x}"      ─► everything below a/
 *
 * A gem of which something is reached stays whole but for its tests, documents and the sources of extensions: gems find their parts by constants, tables and directories. Its specification stays, and the
 * gems that it says it needs: RubyGems resolves them when it is activated. Of Ruby's own library files stay one by one, with the specifications of the default gems that they are of; so do the encodings and
 * transcoders, whose names are made up from those of encodings. What only developers use is not followed from files that nothing asked for by name.
 *
 * Nothing is looked up before an interpreter (or libruby) is reached. */
#include "program/ruby.h"
#include "base/hash.h"
#include "base/hashtab.h"
#include "program/family.h"
#include "program/script.h"

#define ROOTS 128u
#define WANTED 200000u
#define SPECS 20000u
#define PATHS 4u

struct spec {
	struct str name;
	node_id file, base, dir; /* the specification; the directory that specifications/ lies in; of its files, 0 */
	node_id lib[PATHS];
	u32 n_libs;
	bool kept, is_default;
};

struct wanted {
	const char *name; /* "a/b"; "a/" is everything below */
	u32 n;
	bool found; /* in a root */
	node_id because;
};

struct ruby {
	struct hashtab seen, owned, dirs; /* wanted; files of specifications without a directory; directories of gems */
	struct wanted *v;
	u32 n, cap, done;
	node_id roots[ROOTS];
	u32 n_roots;
	struct spec *specs;
	u32 n_specs, cap_specs;
	struct { struct str name; u32 spec; } *own; /* "tilt/erb.rb" and whose it is */
	u32 n_own, cap_own;
	node_id *files; /* reached sources and extensions */
	u32 n_files, cap_files, files_done;
	bool running, all;
};

static struct ruby *ruby_of(const struct graph *g) { return graph_state(g, &graph_ruby); }

static void begin(struct graph *g)
{
	struct ruby *p = ruby_of(g);
	hashtab_open(&p->seen, 256);
	hashtab_open(&p->owned, 256);
	hashtab_open(&p->dirs, 256);
}

/* Features that ask for others by names that are made up, or that are better kept together. */
static const struct { const char *feature, *wants; } families[] = {
	{ "bigdecimal.rb", "bigdecimal/" },
	{ "bundler.rb", "bundler/" },
	{ "cgi.rb", "cgi/" },
	{ "csv.rb", "csv/" },
	{ "date.rb", "date_core" },
	{ "did_you_mean.rb", "did_you_mean/" },
	{ "digest.rb", "digest/" },
	{ "error_highlight.rb", "error_highlight/" },
	{ "json.rb", "json/" },
	{ "json/common.rb", "json/" },
	{ "net/http.rb", "net/http/ zlib" },
	{ "openssl.rb", "openssl/" },
	{ "optparse.rb", "optparse/" },
	{ "psych.rb", "psych/" },
	{ "reline.rb", "reline/" },
	{ "rexml/document.rb", "rexml/" },
	{ "set.rb", "set/" },
	{ "syntax_suggest.rb", "syntax_suggest/" },
	{ "syntax_suggest/core_ext.rb", "syntax_suggest/" },
	{ "unicode_normalize/normalize.rb", "unicode_normalize/" },
	{ "uri.rb", "uri/" },
	{ "webrick.rb", "webrick/" },
	{ "yaml.rb", "yaml/" },
};

static void want(struct graph *g, struct str name, node_id because)
{
	struct ruby *p = ruby_of(g);
	u32 hash = (u32)hash64(name, hash_seed);
	if (!name.n || name.n > TAR_PATH_MAX || name.p[0] == '/' || p->n >= WANTED)
		return;
	for (u32 at = hash, id; (id = hashtab_next(&p->seen, hash, &at));)
		if (str_eq(str_n(p->v[id - 1].name, p->v[id - 1].n), name))
			return;
	VEC_PUSH(p->v, p->n, p->cap, ((struct wanted){ .name = arena_bytes(&g->a, name), .n = (u32)name.n, .because = because }));
	hashtab_add(&p->seen, hash, p->n);
}

static void want_list(struct graph *g, struct str list, node_id because)
{
	while (list.p)
		want(g, str_cut(&list, ' '), because);
}

/* --- looking up --- */

static bool is_source_only(struct str name)
{
	static const char *const ends[] = { ".c", ".h", ".o", ".cpp", ".cc", ".hpp", ".java", ".rl", ".md", ".rdoc", ".markdown", ".gem", ".a", ".la", ".ronn", ".1", ".5", NULL };
	for (u32 i = 0; ends[i]; i++)
		if (str_ends(name, str_of(ends[i])))
			return true;
	return str_among(name, "Makefile Rakefile mkmf.log gem_make.out extconf.rb setup console .travis.yml .rspec .rubocop.yml .gitignore .yardopts .document");
}

static bool is_developers(struct str name)
{
	return str_among(name, "test tests spec specs features example examples sample samples doc docs rdoc man bench benchmark benchmarks .github .git gemfiles ports sig tmp contrib");
}

/* Everything below a directory; of a gem's, not what only its developers use. */
static void reach_files(struct graph *g, node_id dir, bool gem, enum graph_use use, node_id because)
{
	if (!rootfs_is_dir(g->r, dir))
		return;
	graph_reach(g, dir, use, because);
	bool skip;
	for (node_id at = rootfs_next_child(g->r, dir, 0); at; at = rootfs_next_below(g->r, dir, at, !skip)) {
		skip = gem && rootfs_up(g->r, at) == dir && rootfs_is_dir(g->r, at) && is_developers(graph_name(g, at));
		if (!rootfs_is_dir(g->r, at) && !is_source_only(graph_name(g, at)))
			graph_reach(g, at, use, because);
	}
}

/* A feature in a directory; 0: it is not there. */
static node_id find_in(struct graph *g, node_id dir, struct str name)
{
	static const char *const ends[] = { ".rb", ".so", "" };
	struct buf b = BUF(8192);
	node_id id = 0;
	for (u32 i = 0; i < countof(ends) && !rootfs_is_file(g->r, id); i++) {
		if (!ends[i][0] && !str_ends(name, STR(".rb")) && !str_ends(name, STR(".so")) && !str_ends(name, STR(".ru")))
			continue;
		buf_clear(&b);
		buf_add(&b, name);
		buf_puts(&b, ends[i]);
		id = graph_step(g, dir, buf_str(&b));
	}
	buf_free(&b);
	return rootfs_is_file(g->r, id) ? id : 0;
}

static bool try(struct graph *g, const struct wanted *w, node_id dir)
{
	struct str name = str_n(w->name, w->n);
	node_id id;
	if (name.p[name.n - 1] == '/') {
		if (rootfs_is_dir(g->r, id = graph_step(g, dir, name)))
			reach_files(g, id, false, USE_PLUGIN, w->because);
		return rootfs_is_dir(g->r, id);
	}
	if ((id = find_in(g, dir, name)))
		graph_reach(g, id, USE_MODULE, w->because);
	return id;
}

static void look_up(struct graph *g, struct wanted *w)
{
	struct ruby *p = ruby_of(g);
	struct str name = str_n(w->name, w->n);
	bool below = name.p[name.n - 1] == '/';
	for (u32 i = 0; i < p->n_roots && (!w->found || below); i++)
		w->found |= try(g, w, p->roots[i]);
	for (u32 i = 0; i < p->n_specs; i++)
		for (u32 k = 0; k < p->specs[i].n_libs && !(below && str_is(name, "enc/")); k++)
			try(g, w, p->specs[i].lib[k]);
}

static void add_root(struct graph *g, node_id dir)
{
	struct ruby *p = ruby_of(g);
	for (u32 i = 0; i < p->n_roots; i++)
		if (p->roots[i] == dir)
			return;
	if (!rootfs_is_dir(g->r, dir) || dir == ROOTFS_ROOT || p->n_roots == ROOTS)
		return;
	p->roots[p->n_roots++] = dir;
	for (u32 i = 0; i < p->done; i++)
		try(g, &p->v[i], dir);
}

static void add_lib(struct graph *g, struct str path, node_id dir) { add_root(g, graph_find_path(g, dir, path)); }

/* DIR/3.1.0/x86_64-linux, DIR/3.1.0, DIR */
static void add_versions(struct graph *g, node_id dir, bool itself)
{
	node_id *v, *w;
	u32 n = rootfs_is_dir(g->r, dir) ? rootfs_children(g->r, dir, &v) : 0;
	for (u32 i = 0; i < n; i++) {
		struct str name = graph_name(g, v[i]);
		node_id at = graph_step(g, dir, name);
		if (!rootfs_is_dir(g->r, at) || name.p[0] < '1' || name.p[0] > '9')
			continue;
		u32 m = rootfs_children(g->r, at, &w);
		for (u32 k = 0; k < m; k++)
			if (rootfs_type(g->r, w[k]) == TAR_DIR && (str_contains(graph_name(g, w[k]), STR("-linux")) || rootfs_child(g->r, w[k], STR("rbconfig.rb"))))
				add_root(g, w[k]);
		free(w);
		add_root(g, at);
	}
	if (n)
		free(v);
	if (itself)
		add_root(g, dir);
}

/* The directories of a prefix that hold libraries of Ruby, those of a machine among them. */
static void add_libraries(struct graph *g, node_id prefix, const char *part)
{
	static const char *const libs[] = { "lib", "lib64", "share", NULL };
	for (u32 i = 0; libs[i]; i++) {
		node_id lib = graph_step(g, prefix, str_of(libs[i])), *v, ruby = graph_step(g, lib, STR("ruby"));
		u32 n = rootfs_is_dir(g->r, lib) ? rootfs_children(g->r, lib, &v) : 0;
		add_versions(g, graph_step(g, ruby, str_of(part)), part[0] || !str_is(str_of(libs[i]), "lib"));
		if (strcmp(part, "site_ruby") == 0)
			add_versions(g, graph_step(g, lib, STR("site_ruby")), true);
		for (u32 k = 0; k < n; k++)
			if (str_contains(graph_name(g, v[k]), STR("-linux-"))) {
				add_versions(g, graph_step(g, graph_step(g, v[k], STR("ruby")), str_of(part)), part[0]);
				if (strcmp(part, "site_ruby") == 0)
					add_versions(g, graph_step(g, v[k], STR("site_ruby")), true);
			}
		if (n)
			free(v);
	}
}

/* --- gems --- */
static u32 hash_of(struct str s) { return (u32)hash64(s, hash_seed); }
static u32 hash_node(node_id id) { return hash_of(str_n(&id, sizeof id)); }

/* What a specification says of its gem. */
static void read_spec(struct graph *g, node_id file, node_id base, bool is_default)
{
	struct ruby *p = ruby_of(g);
	struct str rest = graph_note(g, file), text, stem = graph_name(g, file), paths[PATHS] = { STR("lib") };
	struct spec s = { .file = file, .base = base, .is_default = is_default };
	u32 n_paths = 0, index = p->n_specs + 1;
	char letter;
	stem.n -= 8; /* ".gemspec" */
	if (!is_default)
		s.dir = graph_step(g, graph_step(g, base, STR("gems")), stem);
	s.dir = rootfs_is_dir(g->r, s.dir) ? s.dir : 0;
	while (source_next(&rest, &letter, &text)) {
		if (letter != 'd')
			continue;
		if (str_starts(text, STR("name\t")))
			s.name = str_from(text, 5);
		else if (str_starts(text, STR("path\t")) && n_paths < PATHS)
			paths[n_paths++] = str_from(text, 5);
		else if (str_starts(text, STR("file\t")) && !s.dir && str_ends(text, STR(".rb"))) {
			text = str_from(text, 5);
			text = str_starts(text, STR("lib/")) ? str_from(text, 4) : text;
			VEC_PUSH(p->own, p->n_own, p->cap_own, ((__typeof__(*p->own)){ text, index }));
			hashtab_add(&p->owned, hash_of(text), p->n_own);
		}
	}
	s.name = s.name.n ? s.name : stem;
	for (u32 i = 0; s.dir && i < MAX(n_paths, 1u); i++) {
		node_id lib = graph_step(g, s.dir, paths[i]);
		if (rootfs_is_dir(g->r, lib))
			s.lib[s.n_libs++] = lib;
	}
	if (s.dir)
		hashtab_add(&p->dirs, hash_node(s.dir), index);
	VEC_PUSH(p->specs, p->n_specs, p->cap_specs, s);
}

static void find_specs(struct graph *g)
{
	for (node_id id = rootfs_next(g->r, ROOTFS_ROOT); id; id = rootfs_next(g->r, id)) {
		node_id dir = rootfs_node(g->r, id)->parent;
		bool is_default = dir && str_is(graph_name(g, dir), "default");
		if (rootfs_type(g->r, id) != TAR_FILE || !str_ends(graph_name(g, id), STR(".gemspec")) || id >= g->n || ruby_of(g)->n_specs >= SPECS)
			continue;
		dir = is_default ? rootfs_node(g->r, dir)->parent : dir;
		if (dir && str_is(graph_name(g, dir), "specifications"))
			read_spec(g, id, rootfs_node(g->r, dir)->parent, is_default);
	}
}

static void keep_gem(struct graph *g, u32 index, node_id because);

/* A gem by its name: all of its versions, and the feature that it goes by. */
static void want_gem(struct graph *g, struct str name, node_id because)
{
	struct ruby *p = ruby_of(g);
	struct buf b = BUF(4096);
	for (u32 i = 0; i < p->n_specs; i++)
		if (str_eq(p->specs[i].name, name))
			keep_gem(g, i + 1, because);
	want(g, name, because);
	for (size_t i = 0; i < name.n; i++)
		buf_putc(&b, name.p[i] == '-' ? '/' : name.p[i]);
	want(g, buf_str(&b), because);
	buf_free(&b);
}

/* Compiled parts lie beside: BASE/extensions/MACHINE/VERSION/NAME-VERSION */
static void keep_extensions(struct graph *g, const struct spec *s, node_id because)
{
	node_id at = graph_step(g, s->base, STR("extensions")), *v, *w;
	struct str stem = graph_name(g, s->file);
	stem.n -= 8;
	u32 n = rootfs_is_dir(g->r, at) ? rootfs_children(g->r, at, &v) : 0;
	for (u32 i = 0; i < n; i++) {
		u32 m = rootfs_is_dir(g->r, v[i]) ? rootfs_children(g->r, v[i], &w) : 0;
		for (u32 k = 0; k < m; k++)
			reach_files(g, graph_step(g, w[k], stem), false, USE_DATA, because);
		if (m)
			free(w);
	}
	if (n)
		free(v);
}

static void keep_gem(struct graph *g, u32 index, node_id because)
{
	struct ruby *p = ruby_of(g);
	struct spec *s = &p->specs[index - 1];
	if (s->kept)
		return;
	s->kept = true; /* what it needs is asked for when its specification is read: no recursion */
	graph_reach(g, s->file, USE_DATA, because);
	VEC_PUSH(p->files, p->n_files, p->cap_files, s->file); /* once more, should it have been seen before */
	if (s->dir) {
		reach_files(g, s->dir, true, USE_DATA, s->file);
		keep_extensions(g, s, s->file);
	} else if (!s->is_default && !str_is(s->name, "rubygems-update")) { /* a distribution's: its files lie in vendor_ruby */
		struct buf b = BUF(4096);
		for (size_t i = 0; i < s->name.n; i++)
			buf_putc(&b, s->name.p[i] == '-' ? '/' : s->name.p[i]);
		buf_putc(&b, '/');
		want(g, buf_str(&b), s->file);
		buf_free(&b);
	}
}

static void spec_needs(struct graph *g, node_id file)
{
	struct ruby *p = ruby_of(g);
	struct str rest = graph_note(g, file), text;
	char letter;
	bool kept = false;
	for (u32 i = 0; i < p->n_specs && !kept; i++)
		kept = p->specs[i].kept && p->specs[i].file == file;
	while (kept && source_next(&rest, &letter, &text)) /* RubyGems looks at all of them: that one was seen says nothing */
		if (letter == 'd' && str_starts(text, STR("needs\t")))
			want_gem(g, str_from(text, 6), file);
}

/* Of which gem a reached file is; 0 of none. *feature: its name in $LOAD_PATH, into out. */
static u32 gem_of(struct graph *g, node_id file, struct buf *out, bool *inside)
{
	struct ruby *p = ruby_of(g);
	*inside = false;
	for (node_id up = rootfs_node(g->r, file)->parent; up && up != ROOTFS_ROOT; up = rootfs_node(g->r, up)->parent) {
		u32 h = hash_node(up);
		for (u32 at = h, id; (id = hashtab_next(&p->dirs, h, &at));)
			if (p->specs[id - 1].dir == up)
				return id;
		for (u32 i = 0; i < p->n_roots; i++)
			if (p->roots[i] == up) {
				struct buf root = BUF(0);
				size_t n = graph_path(g, up, &root).n + 1;
				graph_path(g, file, out);
				memmove(out->p, out->p + n, out->n - n);
				out->n -= n;
				*inside = true;
				buf_free(&root);
				struct str name = buf_str(out);
				h = hash_of(name);
				for (u32 at = h, id; (id = hashtab_next(&p->owned, h, &at));)
					if (str_eq(p->own[id - 1].name, name))
						return p->own[id - 1].spec;
				return 0;
			}
	}
	return 0;
}

/* --- what a file refers to --- */
enum { IMPORT = 1, LOAD = 2, EVAL = 4, WIDE = 8, FILES = 16, BUNDLER = 32, RUN = 64 };
static const char unknown[] = "import load eval wide files bundler run";

static bool for_developers(struct str m)
{
	static const char *const of[] = { "rake", "rdoc", "irb", "bundler", "minitest", "test/unit", "test-unit", "rspec", "capistrano", "yard", "debug", "pry", "byebug", "rbs", "typeprof", "rubygems/", "ruby-prof", "benchmark/",
		"cucumber", "simplecov", "mkmf", "rubocop", "racc/grammar", "ripper", "coverage", "objspace", "profile", "stackprof", "memory_profiler", "sdoc", "power_assert", NULL };
	for (u32 i = 0; of[i]; i++)
		if (str_starts(m, str_of(of[i])))
			return true;
	return false;
}

static void feature_line(struct graph *g, node_id file, struct str t, bool lazy)
{
	node_id dir = rootfs_node(g->r, file)->parent, id;
	if (!str_starts(t, STR("./"))) {
		if (lazy && for_developers(t))
			return;
		want(g, t, file);
		if (str_starts(t, STR("/")))
			graph_reach_path(g, 0, t, USE_MODULE, file);
		return;
	}
	struct buf b = BUF(8192);
	static const char *const ends[] = { ".rb", ".so", "" };
	for (u32 i = 0; i < countof(ends); i++) {
		buf_clear(&b);
		buf_add(&b, t);
		buf_puts(&b, ends[i]);
		for (u32 k = 0; k < 2; k++) { /* "./x" of require is relative to where it runs */
			if (rootfs_is_file(g->r, id = graph_find_path(g, k ? 0 : dir, buf_str(&b))))
				graph_reach_path(g, k ? 0 : dir, buf_str(&b), USE_MODULE, file);
			else if (rootfs_is_dir(g->r, id) && t.p[t.n - 1] == '/' && id != dir)
				reach_files(g, id, false, USE_PLUGIN, file);
		}
	}
	buf_free(&b);
}

static void string_line(struct graph *g, node_id file, struct str t, u32 bits, bool application)
{
	node_id dir = rootfs_node(g->r, file)->parent, id;
	if (t.p[0] == '/') {
		if (rootfs_is_file(g->r, id = graph_find_path(g, 0, t)))
			graph_reach_path(g, 0, t, USE_NAMED, file);
		else if (rootfs_is_dir(g->r, id) && graph_is_own(g, id))
			graph_reach_below(g, id, USE_NAMED, file);
		return;
	}
	if (application || (bits & (IMPORT | EVAL)))
		if (!for_developers(t))
			want(g, t, file);
	if (application || (bits & FILES)) {
		if (rootfs_is_file(g->r, graph_find_path(g, dir, t)))
			graph_reach_path(g, dir, t, USE_NAMED, file);
		if (application && rootfs_is_file(g->r, graph_find_path(g, 0, t)))
			graph_reach_path(g, 0, t, USE_NAMED, file);
	}
}

static void unbounded(struct graph *g, node_id file)
{
	struct ruby *p = ruby_of(g);
	struct buf b = BUF(0);
	struct str path = graph_path(g, file, &b);
	graph_doubt(g, true, "ruby: %.*s requires what is not known: all gems are kept", STR_FMT(path));
	for (u32 i = 0; i < p->n_specs && !p->all; i++)
		if (p->specs[i].dir)
			keep_gem(g, i + 1, file);
	p->all = true;
	buf_free(&b);
}

/* Gems that come from repositories: BASE/bundler/gems/NAME-COMMIT */
static void keep_bundled(struct graph *g, node_id because)
{
	struct ruby *p = ruby_of(g);
	for (u32 i = 0; i < p->n_specs; i++)
		reach_files(g, graph_step(g, p->specs[i].base, STR("bundler/gems")), false, USE_DATA, because);
}

/* RubyGems itself asks for much that only its commands use. */
static bool is_rubygems(const struct buf *feature) { return str_starts(buf_str(feature), STR("rubygems")); }

static void read_file(struct graph *g, node_id file)
{
	struct str note = graph_note(g, file), rest = note, text, name = graph_name(g, file);
	struct buf feature = BUF(0);
	bool inside;
	u32 gem = gem_of(g, file, &feature, &inside), bits = source_unknowns(note, unknown);
	enum graph_use use = g->use[file];
	bool merely = use == USE_PACKAGE; /* stays with others of its package: what it loads does, too, what it would start or read does not */
	bool application = !gem && !inside && !merely, lazy = !application && (is_rubygems(&feature) || use == USE_SEEN || use == USE_DATA || use == USE_PLUGIN || use == USE_WIDE || use == USE_PACKAGE);
	char letter;
	if (application && !str_ends(name, STR(".gemspec")))
		graph_lies_with(g, file);
	if (gem)
		keep_gem(g, gem, file);
	if (str_ends(name, STR(".gemspec"))) {
		spec_needs(g, file);
		buf_free(&feature);
		return;
	}
	while (source_next(&rest, &letter, &text)) {
		if (letter == 'm')
			feature_line(g, file, text, lazy);
		else if (letter == 's' && !merely && !str_is(name, "rbconfig.rb")) /* names what Ruby was built with */
			string_line(g, file, text, bits, application);
		else if (letter == 'c' && !merely)
			graph_source_command(g, file, text);
		else if (letter == 'd' && str_starts(text, STR("gem\t")) && !lazy)
			want_gem(g, str_from(text, 4), file);
		else if (letter == 'd' && str_starts(text, STR("lib\t"))) {
			add_lib(g, str_from(text, 4), rootfs_node(g->r, file)->parent);
			add_lib(g, str_from(text, 4), 0);
		}
	}
	text = buf_str(&feature);
	for (u32 i = 0; inside && i < countof(families); i++)
		if (str_is(text, families[i].feature))
			want_list(g, str_of(families[i].wants), file);
	if (inside && str_ends(text, STR(".rb")) && (bits & IMPORT) && !str_starts(text, STR("rubygems")) && !str_starts(text, STR("bundler"))) {
		feature.n -= 3;
		buf_putc(&feature, '/');
		want(g, buf_str(&feature), file);
	}
	if (str_is(name, "openssl.rb") || str_is(name, "http.rb"))
		family_ask(g, "certificates", file);
	if (str_is(name, "tzinfo.rb"))
		family_ask(g, "zones", file);
	if (application && (bits & BUNDLER)) {
		want_gem(g, STR("bundler"), file);
		keep_bundled(g, file);
	}
	if (bits & RUN) /* what is started by a name that is not known may need a shell */
		graph_reach_path(g, 0, STR("/bin/sh"), USE_COMMAND, file);
	if (application && (bits & IMPORT) && !(bits & WIDE))
		unbounded(g, file);
	buf_free(&feature);
}

/* --- the kind --- */
static bool is_interpreter(struct str name) { return source_runs(name, "ruby") || (str_starts(name, STR("libruby")) && str_contains(name, STR(".so"))); }

static void option(struct graph *g, struct str t, node_id because)
{
	if (str_starts(t, STR("-r"))) {
		t = str_from(t, 2);
		want(g, t, because);
		graph_reach_path(g, 0, t, USE_NAMED, because);
	} else if (str_starts(t, STR("-I")))
		add_lib(g, str_from(t, 2), 0);
	else if (str_starts(t, STR("--jit")) || str_starts(t, STR("--mjit")))
		graph_reach(g, graph_program(g, STR("gcc")), USE_COMMAND, because); /* and its header: native.c leaves both out */
}

/* What documents and installs: who uses it requires it. */
static void spare_tools(struct graph *g)
{
	static const char *const tools[] = { "rdoc", "rdoc.rb", "bundler", "bundler.rb", "mkmf.rb", NULL };
	struct ruby *p = ruby_of(g);
	for (u32 i = 0; i < p->n_roots; i++)
		for (const char *const *t = tools; *t; t++)
			graph_spare_below(g, rootfs_child(g->r, p->roots[i], str_of(*t)));
}

static void begin_ruby(struct graph *g, node_id interpreter)
{
	struct ruby *p = ruby_of(g);
	static const char *const parts[] = { "site_ruby", "vendor_ruby", "" };
	/* what Ruby asks for by itself: at its start, for methods that are there without being asked for, when an error is told */
	static const char own[] = "rbconfig rubygems rubygems/defaults/operating_system rubygems/defaults/ruby rubygems/errors did_you_mean error_highlight syntax_suggest syntax_suggest/core_ext monitor pp set bundled_gems enc/ "
				  "unicode_normalize/normalize random/formatter io/console/size ruby2_keywords etc rubygems/ext rubygems/core_ext/ rubygems/security_option rubygems/bundler_version_finder continuation warning";
	struct str env = str_of(graph_env(g, "RUBYLIB")), opt = str_of(graph_env(g, "RUBYOPT"));
	node_id prefix = graph_prefix(g, interpreter), usr = rootfs_find(g->r, STR("/usr"), true), local = rootfs_find(g->r, STR("/usr/local"), true);
	while (env.p)
		add_lib(g, str_cut(&env, ':'), 0);
	for (u32 i = 0; i < countof(parts); i++) {
		if (prefix == usr && parts[i][0])
			add_libraries(g, local, parts[i]);
		add_libraries(g, prefix, parts[i]);
	}
	add_root(g, rootfs_find(g->r, STR("/usr/share/rubygems"), true));
	spare_tools(g);
	if (!p->running)
		find_specs(g);
	p->running = true;
	want_list(g, str_of(own), interpreter);
	while (opt.p)
		option(g, str_cut(&opt, ' '), GRAPH_START);
}

static void reached(struct graph *g, node_id file)
{
	struct str name = graph_name(g, file);
	bool source = source_letter(graph_note(g, file)) == 'R' || str_ends(name, STR(".so"));
	struct elf_facts f;
	if (source) {
		struct ruby *p = ruby_of(g);
		VEC_PUSH(p->files, p->n_files, p->cap_files, file);
	} else if (is_interpreter(name) && graph_elf_facts(g, file, &f))
		begin_ruby(g, file);
}

static void run_text(struct graph *g, struct str text, node_id because)
{
	struct buf note = { 0 };
	char letter;
	source_take(&source_ruby, STR(""), STR("-e.rb"), text, false, &note);
	for (struct str rest = str_n(arena_bytes(&g->a, buf_str(&note)), note.n); source_next(&rest, &letter, &text);)
		if (letter == 'c')
			graph_source_command(g, because, text);
		else if (letter == 'm' && !str_starts(text, STR("./")))
			want(g, text, because);
		else if (letter == 'm')
			graph_reach_path(g, 0, text, USE_MODULE, because);
	buf_free(&note);
}

/* ruby -rjson -Ilib -e 'require "x"'; bundle exec …; rackup, puma, unicorn, sidekiq -r ./app.rb */
static void command(struct graph *g, node_id program, const struct str *words, u32 n, node_id because)
{
	static const char programs[] = "rackup puma unicorn unicorn_rails thin falcon rails rake sidekiq bundle bundler irb gem resque clockwork foreman hanami jekyll racc erb";
	(void)program;
	if (!n || (!is_interpreter(str_base(words[0])) && !str_among(str_base(words[0]), programs)))
		return;
	graph_working_directory(g, because);
	for (u32 i = 1; i < n; i++) {
		struct str t = words[i];
		option(g, t, because);
		if (t.n == 2 && (str_is(t, "-r") || str_is(t, "-I")) && i + 1 < n) {
			struct buf b = BUF(8192);
			buf_add(&b, t);
			buf_add(&b, words[i + 1]);
			option(g, buf_str(&b), because);
			buf_free(&b);
		}
		if (is_interpreter(str_base(words[0])) && t.n > 1 && t.p[0] == '-' && t.p[t.n - 1] == 'e' && i + 1 < n)
			run_text(g, words[++i], because);
	}
	if (str_is(str_base(words[0]), "bundle")) {
		want_gem(g, STR("bundler"), because);
		for (u32 i = 2; i < n && i < 3; i++) /* bundle exec PROGRAM */
			graph_command(g, words + i, n - i, because);
	}
}

static bool settle(struct graph *g)
{
	struct ruby *p = ruby_of(g);
	bool any = false;
	if (!p->running)
		return false;
	while (p->files_done < p->n_files || p->done < p->n) {
		any = true;
		if (p->done < p->n) {
			struct wanted w = p->v[p->done];
			look_up(g, &w);
			p->v[p->done++].found = w.found;
		} else
			read_file(g, p->files[p->files_done++]);
	}
	return any;
}

static void end(struct graph *g)
{
	struct ruby *p = ruby_of(g);
	hashtab_free(&p->seen);
	hashtab_free(&p->owned);
	hashtab_free(&p->dirs);
	free(p->v);
	free(p->specs);
	free(p->own);
	free(p->files);
}

const struct graph_kind graph_ruby = { .name = "ruby", .state = sizeof(struct ruby), .begin = begin, .reached = reached, .command = command, .settle = settle, .end = end };
