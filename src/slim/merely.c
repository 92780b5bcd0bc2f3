#include "slim/merely.h"
#include "base/hash.h"
#include "base/hashtab.h"
#include "program/closure.h"
#include "program/family.h"
#include "program/refer.h"
#include "program/source.h"

#define ROUNDS 64u /* programs that need programs that need …: the rest stays with what it needs */

static u32 hash_of(struct str s) { return (u32)hash64(s, hash_seed); }

static bool is_library(struct str name) { return str_contains(name, STR(".so")); }

/* --- what it needs is not there --- */
/* The file or link of this name in the table; 0. */
static node_id library_of(const struct graph *g, const struct hashtab *libraries, struct str name)
{
	u32 h = hash_of(name);
	for (u32 at = h, id; (id = hashtab_next(libraries, h, &at));)
		if (str_eq(graph_name(g, id), name))
			return id;
	return 0;
}

/* One of each name, rather one that is reached. */
static void find_libraries(const struct graph *g, const bool *stays, struct hashtab *ret)
{
	hashtab_open(ret, 1024);
	for (int merely = 0; merely < 2; merely++)
		for (node_id id = rootfs_next(g->r, ROOTFS_ROOT); id; id = rootfs_next(g->r, id))
			if ((merely ? stays[id] : g->use[id] != USE_NOT) && is_library(graph_name(g, id)) && rootfs_type(g->r, id) != TAR_DIR && !library_of(g, ret, graph_name(g, id)))
				hashtab_add(ret, hash_of(graph_name(g, id)), id);
}

/* Of a script that can be started: #!/usr/bin/perl, #!/usr/bin/env perl. 0: it is none, or names nothing that is in the image. */
static node_id interpreter_of(struct graph *g, node_id id)
{
	struct str line = rootfs_type(g->r, id) == TAR_FILE && rootfs_entry(g->r, id)->mode & 0111 ? closure_script(g->r, id) : STR("");
	if (!str_starts(line, STR("#!")))
		return 0;
	line = str_from(line, 2);
	line = str_trim(str_cut(&line, '\n'));
	struct str program = str_cut(&line, ' ');
	if (!str_is(str_base(program), "env") || !line.p)
		return rootfs_find(g->r, program, true);
	line = str_trim(line);
	return graph_program(g, str_cut(&line, ' '));
}

static bool has_what_it_needs(struct graph *g, const struct hashtab *libraries, const bool *stays, node_id id)
{
	struct elf_facts f;
	bool all = true;
	if (!graph_elf_facts(g, id, &f)) {
		node_id by = interpreter_of(g, id);
		return !by || g->use[by] || stays[by];
	}
	for (u32 i = 0; i < f.n_needed && all; i++) {
		node_id l = is_library(f.needed[i]) ? library_of(g, libraries, f.needed[i]) : id;
		all = l && (g->use[l] || stays[l]);
	}
	return all;
}

static void without_what_they_need(struct graph *g, bool *stays)
{
	struct hashtab libraries;
	bool more = true;
	find_libraries(g, stays, &libraries);
	for (u32 round = 0; more && round < ROUNDS; round++) {
		more = false;
		for (node_id id = rootfs_next(g->r, ROOTFS_ROOT); id; id = rootfs_next(g->r, id)) {
			if (!stays[id] || has_what_it_needs(g, &libraries, stays, id))
				continue;
			stays[id] = false;
			more = true;
			graph_spare(g, id);
		}
	}
	hashtab_free(&libraries);
}

/* --- nothing needs it --- */
static bool is_loaders(const struct graph *g, node_id dir)
{
	static const char *const places[] = { "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/local/lib64", "/lib/*-linux-*", "/usr/lib/*-linux-*", "/usr/local/lib/*-linux-*" };
	struct buf b = BUF(0);
	struct str path = graph_path(g, dir, &b);
	bool is = false;
	for (size_t i = 0; i < countof(places) && !is; i++)
		is = str_glob(str_of(places[i]), path);
	buf_free(&b);
	return is;
}

/* "icui18n" of libicui18n.so.72, of libicui18n, and of itself. */
static struct str stem_of(struct str name)
{
	name = str_base(name);
	name = str_starts(name, STR("lib")) ? str_from(name, 3) : name;
	for (size_t i = 0; i + 3 <= name.n; i++)
		if (str_starts(str_from(name, i), STR(".so")))
			return str_head(name, i);
	return name;
}

static bool is_in(const struct hashtab *t, struct str s)
{
	u32 h = hash_of(s), at = h;
	return hashtab_next(t, h, &at) != 0;
}

static void put(struct hashtab *t, struct str s)
{
	if (s.n && !is_in(t, s)) /* that two names have one hash keeps a library */
		hashtab_add(t, hash_of(s), 1);
}

/* Whether a source may load a library by a name with nothing before or behind it: it has a module that does, or is Java's. */
static bool loads_bare(struct str note)
{
	struct str text;
	char letter;
	bool does = source_letter(note) == 'J';
	while (!does && source_next(&note, &letter, &text))
		does = letter == 'm' && str_among(text, "ctypes ctypes.util cffi ffi fiddle fiddle/import ffi-napi koffi FFI FFI::Platypus FFI::CheckLib FFI::Raw");
	return does;
}

/* What an interpreter was built with and as: says names that it loads none of. */
static bool is_of_build(struct str name)
{
	return str_is(name, "rbconfig.rb") || str_glob(STR("Config*.p[lm]"), name) || str_starts(name, STR("_sysconfigdata"));
}

/* The names that programs, libraries and sources that are needed say; by package, whether one of it makes them up ("lib%s.so"): then any of its own may be meant. */
static void find_told(const struct graph *g, struct hashtab *told, struct hashtab *computes)
{
	struct str text;
	char letter;
	hashtab_open(told, 4096);
	hashtab_open(computes, 16);
	for (node_id id = rootfs_next(g->r, ROOTFS_ROOT); id; id = rootfs_next(g->r, id)) {
		if (g->use[id] == USE_NOT || g->use[id] == USE_PACKAGE || rootfs_type(g->r, id) != TAR_FILE || is_of_build(graph_name(g, id)))
			continue;
		struct str rest = graph_note_of(g, id, COLLECT_REFER);
		while (refer_next(&rest, &letter, &text))
			if (letter == 'l' && str_starts(stem_of(text), STR("%")))
				hashtab_add(computes, graph_package(g, id), 1);
			else if (letter == 'l' || letter == 'p')
				put(told, stem_of(text));
		rest = graph_note(g, id);
		bool bare = loads_bare(rest);
		while (source_next(&rest, &letter, &text))
			if (letter == 's' && (bare || str_starts(str_base(text), STR("lib")) || is_library(text)))
				put(told, stem_of(text));
	}
}

/* By its name, by what it calls itself, by a link's name. */
static bool is_needed(const struct graph *g, const struct hashtab *needed, node_id id, struct str soname)
{
	u32 n;
	const node_id *links = graph_links(g, id, &n);
	bool is = is_in(needed, graph_name(g, id)) || is_in(needed, soname);
	for (u32 i = 0; i < n && !is; i++)
		is = is_in(needed, graph_name(g, links[i]));
	return is;
}

static void find_needed(struct graph *g, const bool *stays, const bool *candidate, struct hashtab *needed)
{
	bool *done = xcalloc(g->n, sizeof *done), more = true;
	struct elf_facts f;
	hashtab_open(needed, 1024);
	for (u32 round = 0; more && round < ROUNDS; round++) {
		more = false;
		for (node_id id = rootfs_next(g->r, ROOTFS_ROOT); id; id = rootfs_next(g->r, id)) {
			bool last = round + 1 == ROUNDS; /* then all of them count */
			if (done[id] || !(g->use[id] || stays[id]) || !graph_elf_facts(g, id, &f) || (candidate[id] && !last && !is_needed(g, needed, id, f.soname)))
				continue;
			done[id] = more = true;
			for (u32 i = 0; i < f.n_needed; i++)
				put(needed, f.needed[i]);
		}
	}
	free(done);
}

/* Of the C library and the compilers': programs and libraries that come from elsewhere (out of an archive, a volume) count on them. */
static bool is_everybodys(struct str stem) { return str_among(stem, "c m dl pthread rt util resolv anl gcc_s stdc++"); }

static void unneeded_libraries(struct graph *g, bool *stays)
{
	struct hashtab needed, told, computes;
	struct elf_facts f;
	bool *candidate = xcalloc(g->n, sizeof *candidate);
	find_told(g, &told, &computes);
	for (node_id id = rootfs_next(g->r, ROOTFS_ROOT); id; id = rootfs_next(g->r, id)) {
		struct str name = graph_name(g, id), stem = stem_of(name);
		u32 at = graph_package(g, id);
		candidate[id] = stays[id] && str_starts(name, STR("lib")) && is_library(name) && graph_elf_facts(g, id, &f) && is_loaders(g, rootfs_node(g->r, id)->parent) && !is_in(&told, stem) && !is_everybodys(stem) &&
		                !hashtab_next(&computes, graph_package(g, id), &at);
	}
	find_needed(g, stays, candidate, &needed);
	for (node_id id = rootfs_next(g->r, ROOTFS_ROOT); id; id = rootfs_next(g->r, id))
		if (candidate[id] && graph_elf_facts(g, id, &f) && !is_needed(g, &needed, id, f.soname))
			stays[id] = false;
	hashtab_free(&needed);
	hashtab_free(&told);
	hashtab_free(&computes);
	free(candidate);
}

/* A link that merely stays brings nothing, either. */
static void without_targets(const struct graph *g, bool *stays)
{
	for (node_id id = rootfs_next(g->r, ROOTFS_ROOT); id; id = rootfs_next(g->r, id)) {
		node_id to = stays[id] && rootfs_type(g->r, id) == TAR_SYMLINK ? rootfs_follow(g->r, id) : 0;
		if (to && to != id && rootfs_is_file(g->r, to) && !g->use[to] && !stays[to])
			stays[id] = false;
	}
}

void merely_sift(struct graph *g, bool *stays)
{
	without_what_they_need(g, stays);
	unneeded_libraries(g, stays);
	without_targets(g, stays);
}

bool *merely_of_families(const struct graph *g)
{
	bool *ret = xcalloc(g->n, sizeof *ret);
	struct buf path = BUF(0);
	for (node_id id = rootfs_next(g->r, ROOTFS_ROOT); id; id = rootfs_next(g->r, id)) /* a directory before what is in it */
		ret[id] = ret[rootfs_node(g->r, id)->parent] || (rootfs_type(g->r, id) == TAR_DIR && family_has(graph_path(g, id, &path)));
	buf_free(&path);
	return ret;
}
