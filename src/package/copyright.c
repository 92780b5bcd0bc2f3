/* copyright.c — licences of Debian's packages: usr/share/doc/PACKAGE/copyright, which every package has to bring (Debian Policy 12.5).
 *
 * Most are machine-readable (copyright-format 1.0): the first line of each License field is an expression. Of the others what they refer to below
 * /usr/share/common-licenses is known, and the short texts that are always the same. The note is what all of them come to: a line a licence, each once, sorted. */
#include "base/arena.h"
#include "package/license.h"
#include "package/note.h"

#define DOC "usr/share/doc"
#define COMMON "/usr/share/common-licenses/"
#define LICENSES_MAX 256u
#define REFERENCES_MAX 4096u
#define SPELLINGS_MAX 8192u /* of one file, each read once as an expression; further ones are left out */

static bool wants(struct str dir, struct str name) { return str_is(name, "copyright") && str_starts(dir, STR(DOC "/")) && !str_chr(str_from(dir, sizeof DOC), '/'); }

struct found {
	struct arena arena;
	const char **v;
	struct str raw[16]; /* the last that were added, as they are spelled: most say the same again */
	u32 n, cap, n_raw;
};

static void add(struct found *f, struct str raw)
{
	struct buf b = BUF(0);
	for (u32 i = 0; i < MIN(f->n_raw, countof(f->raw)); i++)
		if (str_eq(f->raw[i], raw))
			return;
	if (f->n_raw >= SPELLINGS_MAX)
		return;
	f->raw[f->n_raw++ % countof(f->raw)] = raw;
	license_expression(&b, str_head(raw, 512));
	bool known = b.n == 0;
	for (u32 i = 0; i < f->n && !known; i++)
		known = str_is(buf_str(&b), f->v[i]);
	if (!known && f->n < LICENSES_MAX)
		VEC_PUSH(f->v, f->n, f->cap, arena_bytes(&f->arena, buf_str(&b)));
	buf_free(&b);
}

static bool machine_readable(struct str text)
{
	for (u32 i = 0; i < 10 && text.p; i++) {
		struct str v = str_cut(&text, '\n'), name = str_cut(&v, ':');
		if (v.p && (str_ieq(name, STR("Format")) || str_ieq(name, STR("Format-Specification"))))
			return str_contains(v, STR("copyright-format")) || str_contains(v, STR("dep5")) || str_contains(v, STR("DEP5")) || str_contains(v, STR("DEP-5"));
	}
	return false;
}

static void take_fields(struct found *f, struct str text)
{
	while (text.p) {
		struct str v = str_cut(&text, '\n');
		if (!v.n || v.p[0] == ' ' || v.p[0] == '\t')
			continue;
		struct str name = str_cut(&v, ':');
		if (!v.p || !str_ieq(name, STR("License")))
			continue;
		add(f, str_trim(v));
	}
}

static bool in_name(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.'; }

/* "On Debian systems … can be found in `/usr/share/common-licenses/GPL-2'." Whether later versions may be taken stands in the paragraphs before. */
static void take_references(struct found *f, struct str text)
{
	struct str rest = text;
	u32 n_seen = 0;
	for (const char *at; n_seen++ < REFERENCES_MAX && (at = str_find(rest, STR(COMMON)));) {
		rest = str_from(rest, (size_t)(at - rest.p) + sizeof COMMON - 1);
		size_t n = 0;
		while (n < rest.n && n < 40 && in_name(rest.p[n]))
			n++;
		struct str name = str_head(rest, n), before = str_n(text.p, (size_t)(at - text.p));
		while (name.n && name.p[name.n - 1] == '.')
			name.n--;
		if (before.n > 1200)
			before = str_from(before, before.n - 1200);
		bool later = str_contains(before, STR("later version")) || str_contains(before, STR("or later")) || str_contains(before, STR("newer version"));
		bool gnu = str_contains(name, STR("GPL-")) || str_starts(name, STR("GFDL-"));
		char text_of[48];
		snprintf(text_of, sizeof text_of, "%.*s%s", STR_FMT(name), gnu && later ? "+" : "");
		if (name.n)
			add(f, str_of(arena_strdup(&f->arena, str_of(text_of))));
	}
}

/* Texts that are known by a sentence of theirs; the second must stand there too, the third must not. */
static const struct {
	const char *id, *sentence, *also, *without;
} texts[] = {
	{ "MIT", "Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files", "", NULL },
	{ "ISC", "for any purpose with or without fee is hereby granted, provided that the above copyright notice and this permission notice appear in all copies", "", NULL },
	{ "BSD-3-Clause", "Redistribution and use in source and binary forms, with or without modification, are permitted", "endorse or promote products", "must display the following acknowledg" },
	{ "BSD-4-Clause", "Redistribution and use in source and binary forms, with or without modification, are permitted", "must display the following acknowledg", NULL },
	{ "BSD-2-Clause", "Redistribution and use in source and binary forms, with or without modification, are permitted", "", "endorse or promote products" },
	{ "Zlib", "This software is provided 'as-is', without any express or implied warranty", "must not be misrepresented", NULL },
	{ "Apache-2.0", "Licensed under the Apache License, Version 2.0", "", NULL },
	{ "MPL-2.0", "subject to the terms of the Mozilla Public License, v. 2.0", "", NULL },
};
#define TEXT_MAX ((size_t)(256 * KiB)) /* how much of a file is looked at for them */

static void take_texts(struct found *f, struct str text)
{
	struct buf flat = BUF(TEXT_MAX);
	bool blank = true;
	for (size_t i = 0; i < text.n && i < TEXT_MAX; i++) {
		bool space = (u8)text.p[i] <= ' ' || text.p[i] == '*' || text.p[i] == '#';
		if (!space || !blank)
			buf_putc(&flat, space ? ' ' : text.p[i]);
		blank = space;
	}
	for (size_t i = 0; i < countof(texts); i++)
		if (str_contains(buf_str(&flat), str_of(texts[i].sentence)) && (!*texts[i].also || str_contains(buf_str(&flat), str_of(texts[i].also))) &&
		    !(texts[i].without && str_contains(buf_str(&flat), str_of(texts[i].without))))
			add(f, str_of(texts[i].id));
	buf_free(&flat);
}

static int by_bytes(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

static int take(struct str dir, struct str name, struct str content, struct buf *note, struct error *err)
{
	struct found f = { 0 };
	(void)dir, (void)name, (void)err;
	if (machine_readable(content))
		take_fields(&f, content);
	if (!f.n)
		take_references(&f, content);
	if (!f.n)
		take_texts(&f, content);
	if (f.n)
		qsort(f.v, f.n, sizeof *f.v, by_bytes);
	for (u32 i = 0; i < f.n; i++)
		buf_printf(note, "%s\n", f.v[i]);
	free(f.v);
	arena_free(&f.arena);
	return 0;
}

const struct collector copyright_collector = { .id = COLLECT_LICENSE, .version = 1, .name = "copyright", .limit = 64 * MiB, .wants = wants, .take = take };

static const char *expression_of(struct packages *p, struct str lines)
{
	struct buf b = BUF(LICENSE_MAX);
	while (lines.p) {
		struct str l = str_cut(&lines, '\n');
		bool wrap = license_is_choice(l);
		if (!l.n)
			continue;
		buf_puts(&b, b.n ? " AND " : "");
		buf_puts(&b, wrap ? "(" : "");
		buf_add(&b, l);
		buf_puts(&b, wrap ? ")" : "");
	}
	const char *z = arena_bytes(&p->arena, buf_str(&b));
	buf_free(&b);
	return z;
}

/* Many a package's directory is a link to that of another of the same source. */
static void read_copyright(const struct rootfs *r, struct packages *p)
{
	struct buf path = BUF(0);
	for (u32 i = 0; i < p->n; i++) {
		struct package *k = &p->v[i];
		if (strcmp(k->type, "deb") != 0 || *k->license)
			continue;
		buf_clear(&path);
		buf_printf(&path, DOC "/%s/copyright", k->name);
		node_id id = rootfs_find(r, buf_str(&path), true);
		struct str lines = id ? packages_note(r, id, COLLECT_LICENSE) : STR("");
		if (lines.n)
			k->license = expression_of(p, lines);
	}
	buf_free(&path);
}

const struct ecosystem copyright_ecosystem = { .type = "deb", .collector = &copyright_collector, .set = COLLECT_PACKAGES, .read = read_copyright };
