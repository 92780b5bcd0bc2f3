/* perl.c — which modules, extensions and data Perl programs can need: the notes of source_perl.c, looked up in @INC.
 *
 * @INC is found by where an interpreter lies: of /usr/bin/perl the directories of Debian, Alpine and Fedora below /usr, /usr/local and /etc; of any other those below its prefix. Nothing is looked up before
 * an interpreter (or libperl) is reached. What is wanted is remembered, so that a directory that is added later (use lib, PERL5LIB, an application's lib/) is asked for all of it, too.
 *
 *      Foo::Bar  ─► Foo/Bar.pm, and of its extension auto/Foo/Bar/ (Bar.so, AutoLoader's *.al), auto/share/dist/Foo-Bar/
 *      Foo/      ─► everything below Foo/ and auto/Foo/: named by what is computed ("Foo::$x"), looked for in directories, or known to be so (families[])
 *
 * What only developers use (tests, CPAN's tools) is not followed from what is merely kept for such a name. */
#include "program/perl.h"
#include "base/hash.h"
#include "base/hashtab.h"
#include "program/family.h"
#include "program/script.h"

#define ROOTS 128u
#define WANTED 200000u

enum want { WANT_FILE, WANT_BELOW, WANT_BESIDE /* files of a directory, not those below */, WANT_DATA /* below, but no modules */ };

struct wanted {
	const char *name; /* as a path: "Foo/Bar.pm", "Foo/", "auto/Foo/Bar/" */
	u32 n;
	u8 want;
	bool base; /* found in perl-base: not asked for in the same library's other directories */
	node_id because;
};

struct perl {
	struct hashtab seen;
	struct wanted *v;
	u32 n, cap, done;
	struct { node_id dir; bool base, core; } roots[ROOTS];
	u32 n_roots;
	node_id *files; /* Perl sources, in the order they were reached */
	u32 n_files, cap_files, files_done;
	bool running, all;
};

static struct perl *perl_of(const struct graph *g) { return graph_state(g, &graph_perl); }

static void begin(struct graph *g)
{
	struct perl *p = perl_of(g);
	hashtab_open(&p->seen, 256);
}

/* --- wanting --- */
/* Modules that ask for others by names that are made up, or known by a table. What ends with '/' is everything below. */
static const struct { const char *module, *wants; } families[] = {
	{ "AnyEvent.pm", "AnyEvent/" },
	{ "CGI.pm", "CGI/" },
	{ "Carp.pm", "Carp/Heavy.pm" },
	{ "Catalyst.pm", "Catalyst/" },
	{ "Config.pm", "Config_heavy.pl Config_git.pl" },
	{ "DBI.pm", "DBD/ DBI/" },
	{ "DBIx/Class.pm", "DBIx/Class/" },
	{ "Dancer.pm", "Dancer/" },
	{ "Dancer2.pm", "Dancer2/" },
	{ "DateTime/Locale.pm", "DateTime/Locale/" },
	{ "DateTime/TimeZone.pm", "DateTime/TimeZone/" },
	{ "Digest.pm", "Digest/" },
	{ "Email/Sender.pm", "Email/Sender/" },
	{ "Encode.pm", "Encode/" },
	{ "Exporter.pm", "Exporter/Heavy.pm" },
	{ "File/Spec.pm", "File/Spec/" },
	{ "HTTP/Daemon.pm", "HTTP/" },
	{ "IO/Async.pm", "IO/Async/" },
	{ "IO/Socket/SSL.pm", "IO/Socket/IP.pm IO/Socket/SSL/ Mozilla/CA.pm URI/_idna.pm Net/LibIDN.pm Net/IDN/Encode.pm" },
	{ "JSON.pm", "JSON/XS.pm JSON/PP.pm JSON/backportPP.pm JSON/" },
	{ "JSON/Any.pm", "JSON/XS.pm JSON/PP.pm JSON/DWIW.pm Cpanel/JSON/XS.pm" },
	{ "JSON/MaybeXS.pm", "Cpanel/JSON/XS.pm JSON/XS.pm JSON/PP.pm" },
	{ "LWP/UserAgent.pm", "LWP/Protocol/ LWP/Authen/" },
	{ "Locale/Maketext.pm", "Locale/Maketext/" },
	{ "Log/Any.pm", "Log/Any/" },
	{ "Log/Dispatch.pm", "Log/Dispatch/" },
	{ "Log/Log4perl.pm", "Log/Log4perl/" },
	{ "Math/BigInt.pm", "Math/BigInt/ Math/BigFloat.pm" },
	{ "Mojo/Base.pm", "Mojo/ Mojolicious/" },
	{ "Moose.pm", "Moose/ Class/MOP/" },
	{ "Mouse.pm", "Mouse/" },
	{ "Net/Server.pm", "Net/Server/" },
	{ "Package/Stash.pm", "Package/Stash/XS.pm Package/Stash/PP.pm" },
	{ "Params/Validate.pm", "Params/Validate/" },
	{ "PerlIO/encoding.pm", "Encode.pm" },
	{ "Plack.pm", "Plack/ HTTP/Server/PSGI.pm HTTP/Server/PSGI/" },
	{ "Plack/Runner.pm", "Plack/ HTTP/Server/PSGI.pm HTTP/Server/PSGI/" },
	{ "Plack/Util.pm", "Plack/" },
	{ "Pod/Usage.pm", "Pod/Text.pm Pod/Text/ Pod/Simple.pm Pod/Simple/ Pod/Man.pm" },
	{ "Starman.pm", "Starman/ Plack.pm" },
	{ "Template.pm", "Template/" },
	{ "Text/CSV.pm", "Text/CSV_XS.pm Text/CSV_PP.pm" },
	{ "Twiggy.pm", "Twiggy/ Plack.pm" },
	{ "URI.pm", "URI/" },
	{ "Unicode/Collate.pm", "Unicode/Collate/allkeys.txt Unicode/Collate/keys.txt" },
	{ "Unicode/Collate/Locale.pm", "Unicode/Collate/" },
	{ "Unicode/Normalize.pm", "unicore/CombiningClass.pl unicore/Decomposition.pl unicore/CompositionExclusions.txt" },
	{ "Unicode/UCD.pm", "unicore/" },
	{ "XML/SAX.pm", "XML/SAX/" },
	{ "_charnames.pm", "unicore/Name.pl unicore/Name.pm" },
	{ "charnames.pm", "_charnames.pm" },
	{ "diagnostics.pm", "pod/perldiag.pod" },
	{ "encoding.pm", "Encode.pm PerlIO/encoding.pm" },
	{ "open.pm", "Encode.pm PerlIO/encoding.pm" },
	{ "utf8_heavy.pl", "unicore/" }, /* before 5.32 properties of characters were read from files */
};

static void want(struct graph *g, struct str name, enum want how, node_id because)
{
	struct perl *p = perl_of(g);
	u32 hash = (u32)hash64(name, hash_seed) + how;
	if (!name.n || name.n > TAR_PATH_MAX || p->n >= WANTED)
		return;
	for (u32 at = hash, id; (id = hashtab_next(&p->seen, hash, &at));)
		if (p->v[id - 1].want == how && str_eq(str_n(p->v[id - 1].name, p->v[id - 1].n), name))
			return;
	VEC_PUSH(p->v, p->n, p->cap, ((struct wanted){ .name = arena_bytes(&g->a, name), .n = (u32)name.n, .want = (u8)how, .because = because }));
	hashtab_add(&p->seen, hash, p->n);
}

/* "Foo::Bar" with what stands before and behind it, as a path. */
static void want_name(struct graph *g, const char *before, struct str module, const char *behind, enum want how, node_id because)
{
	struct buf b = BUF(4096);
	buf_puts(&b, before);
	for (size_t i = 0; i < module.n; i++)
		if (module.p[i] == ':') {
			buf_putc(&b, '/');
			i += i + 1 < module.n && module.p[i + 1] == ':';
		} else
			buf_putc(&b, module.p[i]);
	buf_puts(&b, behind);
	want(g, buf_str(&b), how, because);
	buf_free(&b);
}

static void want_list(struct graph *g, struct str list, node_id because)
{
	while (list.p) {
		struct str t = str_cut(&list, ' ');
		if (t.n)
			want(g, t, t.p[t.n - 1] == '/' ? WANT_BELOW : WANT_FILE, because);
	}
}

static void want_module(struct graph *g, struct str module, node_id because) { want_name(g, "", module, ".pm", WANT_FILE, because); }

/* --- looking up --- */
static bool is_document(struct str name)
{
	return str_ends(name, STR(".pod")) || str_ends(name, STR(".3pm")) || str_is(name, ".packlist") || str_ends(name, STR(".bs")) || str_ends(name, STR(".h")) || str_ends(name, STR(".c")) || str_ends(name, STR(".xs")) || str_ends(name, STR(".t"));
}

static bool is_module_file(struct str name) { return str_ends(name, STR(".pm")) || str_ends(name, STR(".pl")); }

/* Whether a directory that Perl looks at first has a file of the same place. */
static bool is_hidden(struct graph *g, node_id at, node_id dir, node_id first)
{
	struct buf a = BUF(0), b = BUF(0);
	struct str path = rootfs_path(g->r, at, &a), top = rootfs_path(g->r, dir, &b);
	bool hidden = path.n > top.n && graph_step(g, first, str_from(path, top.n));
	buf_free(&a);
	buf_free(&b);
	return hidden;
}

/* first: 0, or a directory of the same name that hides what it has, too. */
static void reach_files(struct graph *g, node_id dir, node_id first, enum want how, node_id because)
{
	if (!rootfs_is_dir(g->r, dir))
		return;
	if (!first)
		graph_reach(g, dir, USE_DATA, because);
	for (node_id at = rootfs_next_child(g->r, dir, 0); at; at = rootfs_next_below(g->r, dir, at, how != WANT_BESIDE)) {
		struct str name = graph_name(g, at);
		if (!rootfs_is_dir(g->r, at) && !is_document(name) && !(how == WANT_DATA && is_module_file(name)) && !(first && is_hidden(g, at, dir, first)))
			graph_reach(g, at, how == WANT_BESIDE || how == WANT_DATA ? USE_DATA : USE_PLUGIN, because);
	}
}

static void try(struct graph *g, struct wanted *w, u32 root)
{
	struct perl *p = perl_of(g);
	bool hides = w->base && p->roots[root].core;
	if (hides && w->want == WANT_FILE) /* a directory is looked for in each: what one lacks another has */
		return;
	node_id id = graph_step(g, p->roots[root].dir, str_n(w->name, w->n)), first = 0;
	if (!id)
		return;
	w->base |= p->roots[root].base;
	for (u32 i = 0; hides && !first && i < p->n_roots; i++)
		first = p->roots[i].base ? graph_step(g, p->roots[i].dir, str_n(w->name, w->n)) : 0;
	if (w->want == WANT_FILE && rootfs_type(g->r, id) == TAR_FILE)
		graph_reach(g, id, USE_MODULE, w->because);
	else if (w->want != WANT_FILE)
		reach_files(g, id, first, w->want, w->because);
}

static void add_root(struct graph *g, node_id dir, bool base, bool core)
{
	struct perl *p = perl_of(g);
	for (u32 i = 0; i < p->n_roots; i++)
		if (p->roots[i].dir == dir)
			return;
	if (!dir || dir == ROOTFS_ROOT || rootfs_type(g->r, dir) != TAR_DIR || p->n_roots == ROOTS)
		return;
	p->roots[p->n_roots].dir = dir;
	p->roots[p->n_roots].base = base;
	p->roots[p->n_roots++].core = core;
	for (u32 i = 0; i < p->done; i++)
		try(g, &p->v[i], p->n_roots - 1);
}

static bool is_part(struct str name)
{
	return (name.n && name.p[0] == '5' && str_chr(name, '.')) || str_contains(name, STR("-linux")) || str_among(name, "site_perl vendor_perl core_perl");
}

/* A directory of @INC and those in it, by versions, machines and who installs there. */
static void add_tree(struct graph *g, node_id dir, bool core, u32 depth)
{
	node_id *v;
	if (!rootfs_is_dir(g->r, dir))
		return;
	bool base = str_is(graph_name(g, dir), "perl-base");
	u32 n = depth ? rootfs_children(g->r, dir, &v) : 0;
	for (u32 i = 0; i < n; i++)
		if (rootfs_type(g->r, v[i]) == TAR_DIR && is_part(graph_name(g, v[i])))
			add_tree(g, v[i], core, depth - 1);
	if (depth)
		free(v);
	add_root(g, dir, base, core);
}

static void add_libraries(struct graph *g, node_id prefix, bool core)
{
	static const char *const libs[] = { "lib", "lib64", "share", NULL };
	for (u32 i = 0; libs[i]; i++) {
		node_id lib = graph_step(g, prefix, str_of(libs[i])), *v;
		u32 n = rootfs_is_dir(g->r, lib) ? rootfs_children(g->r, lib, &v) : 0;
		for (u32 k = 0; k < n; k++)
			if (str_contains(graph_name(g, v[k]), STR("-linux-"))) {
				add_tree(g, graph_step(g, v[k], STR("perl5")), false, 4);
				add_tree(g, graph_step(g, v[k], STR("perl-base")), false, 0);
				add_tree(g, graph_step(g, v[k], STR("perl")), core, 4);
			}
		if (n)
			free(v);
		add_tree(g, graph_step(g, lib, STR("perl5")), false, 4);
		add_tree(g, graph_step(g, lib, STR("perl")), core, 4);
		add_root(g, graph_step(g, lib, STR("site_perl")), false, false);
	}
}

static void add_lib(struct graph *g, struct str path, node_id dir)
{
	node_id id = graph_find_path(g, dir, path);
	if (id)
		add_tree(g, id, false, 3);
}

/* --- what a file refers to --- */
enum { IMPORT = 1, LOAD = 2, EVAL = 4, WIDE = 8, FILES = 16, RUN = 32, NAMES = 64 /* has a module that loads by name do so */ };

static u32 unknowns(struct str note)
{
	u32 bits = source_unknowns(note, "import load eval wide files run");
	char letter;
	struct str text;
	while (source_next(&note, &letter, &text)) {
		if (letter == 'm' && str_among(text, "Module::Implementation Module::Runtime Module::Load Module::Load::Conditional Class::Load Module::Find Module::Util Mojo::Loader Plack::Util UNIVERSAL::require Class::Inspector Module::Loader "
						    "Catalyst::Utils Module::Pluggable Module::Pluggable::Object Class::Autouse Plugin::Loader Plugin::Simple Dancer2::Core::Factory"))
			bits |= NAMES;
	}
	return bits;
}

/* "Foo/Bar.pm" of a file in @INC, into out; false: it lies elsewhere. */
static bool name_of(struct graph *g, node_id file, struct buf *out, bool *core)
{
	struct perl *p = perl_of(g);
	for (node_id up = rootfs_node(g->r, file)->parent; up && up != ROOTFS_ROOT; up = rootfs_node(g->r, up)->parent)
		for (u32 i = 0; i < p->n_roots; i++)
			if (p->roots[i].dir == up) {
				struct buf root = BUF(0);
				struct str whole = graph_path(g, file, out), base = graph_path(g, up, &root);
				size_t n = base.n + 1;
				*core = p->roots[i].core || p->roots[i].base;
				if (whole.n > n) {
					memmove(out->p, out->p + n, out->n - n);
					out->n -= n;
				}
				buf_free(&root);
				return true;
			}
	return false;
}

/* Modules that load whatever they are told to: who calls them says what. */
static bool only_loads(struct str name)
{
	return str_starts(name, STR("Module/")) || str_starts(name, STR("Class/Load")) || str_starts(name, STR("Test/")) ||
	       str_among(name, "base.pm parent.pm autouse.pm if.pm fields.pm aliased.pm ok.pm Mojo/Loader.pm UNIVERSAL/require.pm Plack/Util.pm Moo/_Utils.pm Role/Tiny.pm Class/MOP.pm Fatal.pm autodie.pm AutoLoader.pm "
			       "SelfLoader.pm Exporter.pm Carp.pm DynaLoader.pm XSLoader.pm Moose/Util.pm namespace/clean.pm Devel/GlobalDestruction.pm Safe.pm Symbol.pm Storable.pm");
}

static bool for_developers(struct str m)
{
	static const char *const of[] = { "Test::", "Test2::", "CPAN", "ExtUtils::", "Module::Build", "TAP::", "App::Prove", "Pod::Man", "Pod::Perldoc", "Devel::Cover", "Perl::Critic", "Perl::Tidy", "inc::", "Module::Install", "Dist::", NULL };
	for (u32 i = 0; of[i]; i++)
		if (str_starts(m, str_of(of[i])))
			return true;
	return false;
}

static void module_line(struct graph *g, node_id file, struct str t, bool application)
{
	const char *tab = str_chr(t, '\t');
	struct str m = tab ? str_head(t, (size_t)(tab - t.p)) : t;
	bool lazy = g->use[file] == USE_SEEN || g->use[file] == USE_PLUGIN || g->use[file] == USE_WIDE || g->use[file] == USE_PACKAGE;
	node_id dir = rootfs_node(g->r, file)->parent;
	if (!m.n || (lazy && for_developers(m)))
		return;
	if (tab && !application && !(unknowns(graph_note(g, file)) & (IMPORT | NAMES)))
		return;
	if (m.p[m.n - 1] == '/')
		want(g, m, WANT_BELOW, file);
	else if (m.p[m.n - 1] == ':')
		want_name(g, "", m, "/", WANT_BELOW, file);
	else if (str_chr(m, '/') || str_chr(m, '.')) {
		if (m.p[0] != '/')
			want(g, m, WANT_FILE, file);
		graph_reach_path(g, dir, m, USE_MODULE, file);
		graph_reach_path(g, 0, m, USE_MODULE, file);
	} else
		want_module(g, m, file);
}

static void string_line(struct graph *g, node_id file, struct str t, u32 bits, bool application)
{
	node_id dir = rootfs_node(g->r, file)->parent;
	bool by_name = application || (bits & (IMPORT | WIDE | EVAL | NAMES));
	if (t.n > 5 && (str_starts(t, STR("dbi:")) || str_starts(t, STR("DBI:")))) {
		struct str rest = str_from(t, 4), driver = str_cut(&rest, ':');
		want_name(g, "DBD/", driver, ".pm", WANT_FILE, file);
	} else if (str_contains(t, STR("::"))) {
		bool open = t.p[t.n - 1] == ':';
		if (!by_name || t.p[0] == ':' || t.n < 5)
			return;
		if (!open)
			want_module(g, t, file);
		if ((open && (bits & (IMPORT | WIDE | NAMES))) || (bits & WIDE))
			want_name(g, "", open ? str_head(t, t.n - 2) : t, "/", WANT_BELOW, file);
	} else if (t.p[0] == '/') {
		node_id id = graph_find_path(g, 0, t);
		if (id && rootfs_type(g->r, id) != TAR_DIR)
			graph_reach_path(g, 0, t, USE_NAMED, file);
		else if (id && graph_is_own(g, id))
			graph_reach_below(g, id, USE_NAMED, file);
	} else if (application || (bits & (FILES | LOAD | IMPORT))) {
		node_id id = graph_find_path(g, dir, t);
		if (id && id != dir && rootfs_type(g->r, id) == TAR_FILE)
			graph_reach_path(g, dir, t, USE_NAMED, file);
		if (application)
			graph_reach_path(g, 0, t, USE_NAMED, file);
	}
}

/* An application's own modules lie in lib/ beside it or above; those that were installed for it in local/lib/perl5. */
static void add_application(struct graph *g, node_id file)
{
	u32 depth = 0;
	for (node_id up = rootfs_node(g->r, file)->parent; up && up != ROOTFS_ROOT && depth < 6; up = rootfs_node(g->r, up)->parent, depth++) {
		struct str name = graph_name(g, up);
		if (str_among(name, "usr local") && depth)
			return;
		if (str_is(name, "lib") && rootfs_node(g->r, up)->parent != ROOTFS_ROOT && !str_is(graph_name(g, rootfs_node(g->r, up)->parent), "usr"))
			add_root(g, up, false, false);
		if (!str_is(name, "usr") && !str_is(name, "local"))
			add_root(g, graph_step(g, up, STR("lib")), false, false);
		add_tree(g, graph_step(g, up, STR("local/lib/perl5")), false, 3);
	}
}

/* Loads what cannot be told: what is installed beside Perl itself may be meant. */
static void unbounded(struct graph *g, node_id file)
{
	struct perl *p = perl_of(g);
	struct buf b = BUF(0);
	struct str path = graph_path(g, file, &b);
	graph_doubt(g, true, "perl: %.*s loads modules by names that are not known: all that are installed are kept", STR_FMT(path));
	for (u32 i = 0; i < p->n_roots && !p->all; i++)
		if (!p->roots[i].core && !p->roots[i].base)
			reach_files(g, p->roots[i].dir, 0, WANT_BELOW, file);
	p->all = true;
	buf_free(&b);
}

static void read_file(struct graph *g, node_id file)
{
	struct str note = graph_note(g, file), rest = note, text, module;
	u32 bits = unknowns(note), named = 0;
	struct buf name = BUF(0);
	bool merely = g->use[file] == USE_PACKAGE; /* stays with others of its package: what it loads does, too, what it would start or read does not */
	bool core = false, inside = name_of(g, file, &name, &core), application = !merely && (!inside || g->use[file] == USE_APPLICATION);
	char letter;
	if (application) {
		add_application(g, file);
		graph_lies_with(g, file);
	}
	while (source_next(&rest, &letter, &text)) {
		named += letter == 's' && str_contains(text, STR("::"));
		if (letter == 'm')
			module_line(g, file, text, application);
		else if (letter == 's' && !merely && !str_starts(graph_name(g, file), STR("Config"))) /* names what Perl was built with */
			string_line(g, file, text, bits, application);
		else if (letter == 'c' && !merely)
			graph_source_command(g, file, text);
		else if (letter == 'd' && str_starts(text, STR("lib\t"))) {
			add_lib(g, str_from(text, 4), rootfs_node(g->r, file)->parent);
			add_lib(g, str_from(text, 4), 0);
		}
	}
	module = buf_str(&name);
	if (inside && str_ends(module, STR(".pm"))) {
		struct str stem = str_head(module, module.n - 3);
		want_name(g, "auto/", stem, "/", WANT_BESIDE, file);
		struct buf dist = BUF(0);
		buf_puts(&dist, "auto/share/dist/");
		for (size_t i = 0; i < stem.n; i++)
			buf_putc(&dist, stem.p[i] == '/' ? '-' : stem.p[i]);
		buf_putc(&dist, '/');
		want(g, buf_str(&dist), WANT_BELOW, file);
		buf_free(&dist);
		if ((bits & FILES) && !core)
			want_name(g, "", stem, "/", WANT_DATA, file);
		if ((bits & (IMPORT | WIDE | NAMES)) && !only_loads(module))
			want_name(g, "", stem, "/", WANT_BELOW, file);
	}
	for (u32 i = 0; inside && i < countof(families); i++)
		if (str_is(module, families[i].module))
			want_list(g, str_of(families[i].wants), file);
	if (str_is(module, "IO/Socket/SSL.pm") || str_is(module, "LWP/UserAgent.pm") || str_is(module, "Net/SSLeay.pm"))
		family_ask(g, "certificates", file);
	if (bits & RUN) /* what is started by a name that is not known may need a shell */
		graph_reach_path(g, 0, STR("/bin/sh"), USE_COMMAND, file);
	if (application && (bits & IMPORT) && !named)
		unbounded(g, file);
	buf_free(&name);
}

/* --- the kind --- */
static bool is_interpreter(struct str name) { return source_runs(name, "perl") || str_starts(name, STR("libperl.so")); }

static void options(struct graph *g, struct str t, node_id because)
{
	if (str_starts(t, STR("-M")) || str_starts(t, STR("-m"))) {
		t = str_from(t, 2);
		struct str m = str_cut(&t, '=');
		m = m.n && m.p[0] == '-' ? str_from(m, 1) : m;
		want_module(g, str_cut(&m, ' '), because);
	} else if (str_starts(t, STR("-I")))
		add_lib(g, str_from(t, 2), 0);
}

/* Of Perl's own library what extensions are built with, what installs, tests and debugs, and tables of characters that modules ask for by knowledge: who uses it says so. */
static void spare_tools(struct graph *g, node_id core)
{
	static const char *const tools[] = { "CORE", "CPAN", "CPAN.pm", "App/Cpan.pm", "App/Prove", "App/Prove.pm", "Devel/PPPort.pm", "ExtUtils", "Module/CoreList", "Module/CoreList.pm", "Pod/Perldoc",
		"Pod/Perldoc.pm", "TAP", "Test", "Test2", "Test.pm", "Test2.pm", "Unicode/Collate", "perl5db.pl", "unicore", NULL };
	for (const char *const *t = tools; *t; t++)
		graph_spare_below(g, graph_step(g, core, str_of(*t)));
}

static void begin_perl(struct graph *g, node_id interpreter)
{
	struct perl *p = perl_of(g);
	/* what perl asks for by itself: %+, %!, open to a string, methods of handles, glob, \N{}, errors */
	static const char own[] = "strict.pm warnings.pm warnings/register.pm utf8.pm feature.pm Config.pm Errno.pm Tie/Hash/NamedCapture.pm PerlIO.pm PerlIO/scalar.pm IO/File.pm IO/Handle.pm IO/Seekable.pm File/Glob.pm mro.pm attributes.pm "
				  "overload.pm overloading.pm Carp.pm Exporter.pm XSLoader.pm DynaLoader.pm vars.pm re.pm Symbol.pm lib.pm bytes.pm bytes_heavy.pl builtin.pm version.pm version/regex.pm integer.pm constant.pm "
				  "utf8_heavy.pl sitecustomize.pl FileHandle.pm SelectSaver.pm sort.pm";
	struct str env = str_of(graph_env(g, "PERL5LIB")), opt = str_of(graph_env(g, "PERL5OPT"));
	node_id usr = rootfs_find(g->r, STR("/usr"), true), prefix = graph_prefix(g, interpreter);
	while (env.p)
		add_lib(g, str_cut(&env, ':'), 0);
	if (prefix == usr) {
		add_root(g, rootfs_find(g->r, STR("/etc/perl"), true), false, false);
		add_libraries(g, rootfs_find(g->r, STR("/usr/local"), true), false);
	}
	add_libraries(g, prefix, prefix == usr);
	for (u32 i = 0; i < p->n_roots; i++)
		if (rootfs_child(g->r, p->roots[i].dir, STR("strict.pm")) || rootfs_child(g->r, p->roots[i].dir, STR("Config.pm")))
			spare_tools(g, p->roots[i].dir);
	p->running = true;
	want_list(g, str_of(own), interpreter);
	while (opt.p)
		options(g, str_cut(&opt, ' '), GRAPH_START);
}

static void reached(struct graph *g, node_id file)
{
	struct str note = graph_note(g, file), name = graph_name(g, file);
	bool source = source_letter(note) == 'L';
	if (!source && !is_interpreter(name))
		return;
	struct perl *p = perl_of(g);
	struct elf_facts f;
	if (source)
		VEC_PUSH(p->files, p->n_files, p->cap_files, file);
	else if (graph_elf_facts(g, file, &f))
		begin_perl(g, file);
}

static void run_text(struct graph *g, struct str text, node_id because)
{
	struct buf note = { 0 };
	char letter;
	source_take(&source_perl, STR(""), STR("-e.pl"), text, false, &note);
	for (struct str rest = str_n(arena_bytes(&g->a, buf_str(&note)), note.n); source_next(&rest, &letter, &text);)
		if (letter == 'c')
			graph_source_command(g, because, text);
		else if (letter == 'm' && str_contains(text, STR(".")))
			want(g, text, WANT_FILE, because);
		else if (letter == 'm' || (letter == 's' && str_contains(text, STR("::")) && text.p[0] != ':'))
			want_module(g, str_cut(&text, '\t'), because);
	buf_free(&note);
}

/* perl -MFoo=bar -Ilib -e 'use Foo; …' */
static void command(struct graph *g, node_id program, const struct str *words, u32 n, node_id because)
{
	(void)program;
	if (!n || (!is_interpreter(str_base(words[0])) && !str_among(str_base(words[0]), "plackup starman twiggy starlet hypnotoad morbo uwsgi feersum gazelle")))
		return;
	graph_working_directory(g, because);
	for (u32 i = 1; i < n; i++) {
		struct str t = words[i];
		if (!t.n || t.p[0] != '-')
			continue;
		if (str_starts(t, STR("-M")) || str_starts(t, STR("-m")) || str_starts(t, STR("-I")))
			options(g, t, because);
		else if ((t.p[t.n - 1] == 'e' || t.p[t.n - 1] == 'E') && i + 1 < n)
			run_text(g, words[++i], because);
	}
}

static bool settle(struct graph *g)
{
	struct perl *p = perl_of(g);
	bool any = false;
	if (!p->running)
		return false;
	while (p->files_done < p->n_files || p->done < p->n) {
		any = true;
		if (p->done < p->n) {
			u32 i = p->done++;
			for (u32 k = 0; k < p->n_roots; k++)
				try(g, &p->v[i], k);
		} else
			read_file(g, p->files[p->files_done++]);
	}
	return any;
}

static void end(struct graph *g)
{
	struct perl *p = perl_of(g);
	hashtab_free(&p->seen);
	free(p->v);
	free(p->files);
}

const struct graph_kind graph_perl = { .name = "perl", .state = sizeof(struct perl), .begin = begin, .reached = reached, .command = command, .settle = settle, .end = end };
