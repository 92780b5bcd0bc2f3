/* Shell scripts: every word that may be a path or a program's name, wherever it stands, so that what is computed can be bounded (native.c); what they start for sure is script.h's. And the names of the locales
 * that an archive of them holds. */
#include "program/native.h"
#include "program/script.h"

static bool is_shell(struct str dir, struct str name)
{
	(void)dir;
	return str_ends(name, STR(".sh")) || str_ends(name, STR(".bash")) || str_ends(name, STR(".envsh")) || str_is(name, ".bashrc") || str_is(name, ".profile") || str_is(name, "bash.bashrc");
}

static bool is_default(struct str dir, struct str name)
{
	return is_shell(dir, name) || str_is(dir, "etc/default") || str_is(dir, "etc/conf.d") || (str_is(dir, "etc") && (str_is(name, "profile") || str_is(name, "environment")));
}

static bool ends_word(char c) { return (u8)c <= ' ' || strchr("\"'`;|&()<>=,", c); }

/* "$here/lib/$cmd.sh" stays as it is written, without its quotes; "${x:-/etc/y}" tells of both. */
static void read_shell(struct str dir, struct str name, struct str text, struct source_note *n)
{
	(void)dir, (void)name;
	bool start = true;
	for (size_t i = 0; i < text.n;) {
		if (text.p[i] == '#' && start) { /* a comment */
			while (i < text.n && text.p[i] != '\n')
				i++;
			continue;
		}
		if (ends_word(text.p[i])) {
			start = text.p[i] != '"' && text.p[i] != '\'';
			i++;
			continue;
		}
		size_t from = i;
		while (i < text.n && !ends_word(text.p[i]))
			i++;
		start = false;
		struct str word = str_n(text.p + from, i - from);
		const char *other = str_find(word, STR(":-"));
		if (other)
			source_tell(n, 's', str_from(word, (size_t)(other - word.p) + 2));
		if (word.n > 1)
			source_tell(n, 's', word);
	}
}

const struct source_language source_shell = { .letter = 'S', .name = "shell", .is = is_default, .runs = script_is_shell, .bytes = MiB, .read = read_shell };

/* glibc's locale-archive: a header of 4-byte numbers, tables, then names ("cs_CZ.utf8") with a zero behind each. */
static bool is_archive(struct str dir, struct str name) { return str_is(name, "locale-archive") && str_ends(dir, STR("lib/locale")); }

static void read_archive(struct str dir, struct str name, struct str text, struct source_note *n)
{
	(void)dir, (void)name;
	u32 at, used;
	if (text.n < 32)
		return;
	memcpy(&at, text.p + 20, 4);
	memcpy(&used, text.p + 24, 4);
	for (struct str rest = str_head(str_from(text, at), used); rest.p && rest.n;)
		source_tell(n, 's', str_cut(&rest, '\0'));
}

const struct source_language source_archive = { .letter = 'A', .name = "locale archive", .is = is_archive, .read = read_archive };
