/* manual.c — help, man pages and shell completion, all printed from the tables of the commands.
 *
 * One document a command, described once (document()), written twice: as plain text for --help and as roff for man(1). So
 * `pare inspect --help` and `man pare-inspect` cannot differ. */
#include "advisory/feed.h"
#include "base/buf.h"
#include "base/text.h"
#include "command/command.h"
#include "lint/lint.h"
#include "report/lint_rules.h"
#include "transport/transport.h"

#define MANUAL_DATE "2026-11-21" /* of the text, not of the build: pages stay the same from build to build */
#define WIDTH 80u

struct page {
	FILE *f;
	bool roff;
};

static const struct {
	const char *term, *text;
} statuses[] = {
	{ "0", "Done, and every gate that was asked for holds." },
	{ "1", "A gate failed: a finding at or over the threshold, an efficiency rule, a verification that did not pass." },
	{ "2", "The command line or a configuration file is wrong." },
	{ "3", "The input is damaged, unsupported or over a budget. Whatever could be read is reported and marked incomplete." },
	{ "4", "The surroundings failed: network, permission, disk." },
}, environment[] = {
	{ "PARE_OFFLINE", "Set to anything but 0: no registry is asked but those of this machine; what the store has must do." },
	{ "PARE_POLICY", "Policy of copy, pull and verify, where --policy is not given; else pare/policy.toml in $XDG_CONFIG_HOME (~/.config), else in /etc." },
	{ "COSIGN_PASSWORD", "Password of the key that sign reads, where --password-file is not given." },
	{ "PARE_STORE", "Directory of the store, where --store is not given; else $XDG_DATA_HOME/pare, else ~/.local/share/pare." },
	{ "PARE_THREADS", "How many layers are read at once; by default as many as the process may use processors." },
	{ "NO_COLOR", "When set and not empty, nothing is coloured." },
	{ "DOCKER_HOST, DOCKER_TLS_VERIFY, DOCKER_CERT_PATH", "Where the Docker engine listens, as for docker(1)." },
	{ "CONTAINER_HOST", "Where Podman's service listens (--engine podman), as for podman(1)." },
	{ "CONTAINERS_REGISTRIES_CONF", "The registries.conf that is read, instead of the user's or the system's: mirrors, other locations, blocks." },
	{ "https_proxy, http_proxy, no_proxy", "Proxies for what is fetched; this machine itself is never asked through one." },
	{ "SSL_CERT_FILE", "Authorities that certificates are checked against, instead of the system's (PEM)." },
	{ "DOCKER_CONFIG, REGISTRY_AUTH_FILE", "Where the credentials for registries are kept, as for docker(1) and podman(1)." },
};

/* ---- plain text and roff ---- */

static void put_spaces(FILE *f, size_t n)
{
	while (n--)
		fputc(' ', f);
}

/* Words of s in lines of at most WIDTH columns, each indented; `at` is the column the first one starts at. */
static void put_wrapped(FILE *f, struct str s, size_t indent, size_t at)
{
	bool fresh = true;
	while (s.n) {
		size_t n = 0;
		while (n < s.n && s.p[n] != ' ' && s.p[n] != '\n')
			n++;
		struct str word = str_head(s, n);
		s = str_from(s, n + 1);
		if (word.n == 0)
			continue;
		size_t columns = text_width(word);
		if (!fresh && at + 1 + columns > WIDTH) {
			fputc('\n', f);
			at = 0;
			fresh = true;
		}
		if (fresh) {
			put_spaces(f, at < indent ? indent - at : 0);
			at = MAX(at, indent);
		} else {
			fputc(' ', f);
			at++;
		}
		fwrite(word.p, 1, word.n, f);
		at += columns;
		fresh = false;
	}
	fputc('\n', f);
}

/* Text in roff: nothing in it is a request, a minus stays a minus, other than ASCII is written by number. */
static void put_roff(FILE *f, struct str s)
{
	static const struct {
		char c;
		const char *escape;
	} special[] = { { '\\', "\\e" }, { '-', "\\-" }, { '^', "\\(ha" }, { '~', "\\(ti" }, { '`', "\\(ga" }, { '\'', "\\(aq" }, { '"', "\\(dq" } };
	bool start = true;
	while (s.n) {
		u32 code = 0;
		size_t n = text_utf8(s, &code);
		if (n == 0) {
			s = str_from(s, 1);
			continue;
		}
		const char *escape = NULL;
		for (size_t i = 0; i < countof(special); i++)
			if (code == (u32)(u8)special[i].c)
				escape = special[i].escape;
		if (start && code == '.')
			fputs("\\&", f);
		if (escape)
			fputs(escape, f);
		else if (code >= 0x80)
			fprintf(f, "\\[u%04X]", code);
		else
			fputc((int)code, f);
		start = code == '\n';
		s = str_from(s, n);
	}
}

static void put_bold(FILE *f, const char *z)
{
	fputs("\\fB", f);
	put_roff(f, str_of(z));
	fputs("\\fR", f);
}

static void section(struct page *p, const char *title)
{
	if (p->roff) {
		fputs(".SH ", p->f);
		for (const char *c = title; *c; c++)
			fputc(*c >= 'a' && *c <= 'z' ? *c - 32 : *c, p->f);
		fputc('\n', p->f);
	} else {
		fprintf(p->f, "\n%s:\n", title);
	}
}

static void verbatim(struct page *p, struct str lines, size_t indent)
{
	if (p->roff)
		fputs(".nf\n", p->f);
	while (lines.p) {
		struct str line = str_cut(&lines, '\n');
		if (p->roff) {
			put_roff(p->f, line);
		} else {
			put_spaces(p->f, line.n ? indent : 0);
			fwrite(line.p, 1, line.n, p->f);
		}
		fputc('\n', p->f);
	}
	if (p->roff)
		fputs(".fi\n", p->f);
}

/* Paragraphs separated by empty lines; one that begins with a blank stays as it is. */
static void prose(struct page *p, const char *text, size_t indent)
{
	struct str rest = str_of(text);
	bool first = true;
	while (rest.n) {
		const char *gap = str_find(rest, STR("\n\n"));
		struct str one = str_head(rest, gap ? (size_t)(gap - rest.p) : rest.n);
		rest = str_from(rest, one.n + 2);
		if (one.n == 0)
			continue;
		if (!first)
			fputs(p->roff ? ".PP\n" : "\n", p->f);
		first = false;
		if (one.p[0] == ' ' || one.p[0] == '\t') {
			verbatim(p, one, 0);
		} else if (p->roff) {
			put_roff(p->f, str_trim(one));
			fputc('\n', p->f);
		} else {
			put_wrapped(p->f, one, indent, 0);
		}
	}
}

/* A term and what it means: the meaning in column `indent`, on a line of its own when the term is too long. */
static void item(struct page *p, const char *term, const char *text, size_t indent)
{
	if (p->roff) {
		fputs(".TP\n", p->f);
		put_bold(p->f, term);
		fputc('\n', p->f);
		put_roff(p->f, str_of(text));
		fputc('\n', p->f);
		return;
	}
	fprintf(p->f, "  %s", term);
	size_t at = 2 + text_width(str_of(term));
	if (at + 2 > indent) {
		fputc('\n', p->f);
		at = 0;
	}
	put_wrapped(p->f, str_of(text), indent, at);
}

static void option_item(struct page *p, const struct option *o)
{
	struct buf text = BUF(0);
	buf_add(&text, str_trim(str_of(o->help)));
	if (o->choices) {
		buf_puts(&text, text.n && text.p[text.n - 1] == '.' ? " One of" : ". One of");
		struct str rest = str_of(o->choices);
		for (bool first = true; rest.p; first = false) {
			struct str word = str_cut(&rest, ' ');
			buf_printf(&text, "%s%.*s", first ? " " : ", ", STR_FMT(word));
		}
		buf_putc(&text, '.');
	}
	if (o->kind == OPT_LIST)
		buf_puts(&text, " May be given several times.");
	if (p->roff) {
		fputs(".TP\n", p->f);
		if (o->letter) {
			put_bold(p->f, (char[]){ '-', o->letter, '\0' });
			fputs(", ", p->f);
		}
		fputs("\\fB\\-\\-", p->f);
		put_roff(p->f, str_of(o->name));
		fputs("\\fR", p->f);
		if (o->kind != OPT_FLAG && o->arg) {
			bool optional = o->kind == OPT_OPTIONAL;
			fputs(optional ? "[=\\fI" : " \\fI", p->f);
			put_roff(p->f, str_of(o->arg));
			fputs(optional ? "\\fR]" : "\\fR", p->f);
		}
		fputc('\n', p->f);
		put_roff(p->f, buf_str(&text));
		fputc('\n', p->f);
	} else {
		struct buf term = BUF(0);
		if (o->letter)
			buf_printf(&term, "-%c, ", o->letter);
		else
			buf_puts(&term, "    ");
		buf_printf(&term, "--%s", o->name);
		if (o->kind != OPT_FLAG && o->arg)
			buf_printf(&term, o->kind == OPT_OPTIONAL ? "[=%s]" : " %s", o->arg);
		item(p, term.p, text.p, 26);
		buf_free(&term);
	}
	buf_free(&text);
}

/* ---- the document ---- */

static void images_section(struct page *p)
{
	section(p, "Where images come from");
	for (const struct transport *const *t = transports; *t; t++) {
		struct buf term = BUF(0);
		buf_printf(&term, "%s:%s", (*t)->name, (*t)->detail ? (*t)->detail : "");
		item(p, term.p, (*t)->summary, 34);
		buf_free(&term);
	}
	item(p, "PATH", "An existing file or directory, recognised by its content.", 34);
	item(p, "-", "An archive on standard input.", 34);
	item(p, "NAME", "Any other name: of our store when it has it, else of the Docker engine, else of its registry.", 34);
}

static void examples_section(struct page *p, const char *examples)
{
	section(p, "Examples");
	struct str rest = str_trim(str_of(examples));
	while (rest.n) {
		struct str line = str_trim(str_cut(&rest, '\n')), what = { "", 0 };
		const char *hash = str_find(line, STR(" # "));
		if (hash) {
			what = str_from(line, (size_t)(hash - line.p) + 3);
			line = str_trim(str_head(line, (size_t)(hash - line.p)));
		}
		struct buf command = BUF(0), text = BUF(0);
		buf_add(&command, line);
		buf_add(&text, str_trim(what));
		if (command.n && p->roff) {
			item(p, command.p, text.n ? text.p : "", 0);
		} else if (command.n) {
			fprintf(p->f, "  %s\n", command.p);
			if (text.n)
				put_wrapped(p->f, buf_str(&text), 6, 0);
		}
		buf_free(&command);
		buf_free(&text);
	}
}

static void synopsis(struct page *p, const struct command *c)
{
	const char *name = c ? c->name : "", *operands = c && c->synopsis ? c->synopsis : "";
	const char *options = strncmp(operands, "[OPTION", 7) == 0 ? "" : "[OPTION...] ";
	if (!p->roff) {
		if (!c)
			fputs("Usage: pare IMAGE\n       pare COMMAND [OPTION...] ARGUMENT...\n", p->f);
		else
			fprintf(p->f, "Usage: pare %s %s%s\n", name, options, operands);
		return;
	}
	section(p, "Synopsis");
	if (!c) {
		fputs("\\fBpare\\fR \\fIIMAGE\\fR\n.br\n\\fBpare\\fR \\fICOMMAND\\fR [\\fIOPTION\\fR...] \\fIARGUMENT\\fR...\n", p->f);
		return;
	}
	fputs("\\fBpare ", p->f);
	put_roff(p->f, str_of(name));
	fputs("\\fR ", p->f);
	put_roff(p->f, str_of(options));
	put_roff(p->f, str_of(operands));
	fputc('\n', p->f);
}

static void heading(struct page *p, const struct command *c)
{
	const char *summary = c ? c->summary : "pare container images down to what they need, and prove it";
	if (p->roff) {
		fputs(".TH PARE", p->f);
		for (const char *z = c ? c->name : ""; *z; z++) {
			if (z == c->name)
				fputs("\\-", p->f);
			fputc(*z >= 'a' && *z <= 'z' ? *z - 32 : *z, p->f);
		}
		fprintf(p->f, " 1 %s \"pare %s\" \"User Commands\"\n", MANUAL_DATE, PARE_VERSION);
		section(p, "Name");
		fputs(c ? "pare\\-" : "pare", p->f);
		put_roff(p->f, str_of(c ? c->name : ""));
		fputs(" \\- ", p->f);
		put_roff(p->f, str_of(summary));
		fputc('\n', p->f);
		synopsis(p, c);
		section(p, "Description");
	} else {
		synopsis(p, c);
		fputc('\n', p->f);
		put_wrapped(p->f, str_of(summary), 0, 0);
		if (c && c->description && *c->description)
			fputc('\n', p->f);
	}
}

static void see_also(struct page *p, const struct command *c)
{
	section(p, "See also");
	if (c)
		fputs(".BR pare (1)", p->f);
	bool first = !c;
	for (const struct command *const *o = commands; *o; o++) {
		if ((*o)->hidden || *o == c)
			continue;
		fputs(first ? ".BR pare\\-" : ",\n.BR pare\\-", p->f);
		put_roff(p->f, str_of((*o)->name));
		fputs(" (1)", p->f);
		first = false;
	}
	fputc('\n', p->f);
}

static void overview(struct page *p)
{
	if (p->roff)
		prose(p,
			"pare reads the bytes of a container image once, turns them into facts, and asks every question of the same facts: "
			"where the bytes are, what is risky, what to do about it. What a layer holds is kept by its diff ID, so a layer is read once in its life.\n\n"
			"pare IMAGE is the same as pare report IMAGE.",
			0);
	section(p, "Commands");
	for (const struct command *const *c = commands; *c; c++)
		if (!(*c)->hidden)
			item(p, (*c)->name, (*c)->summary, 14);
	section(p, "Options that work everywhere");
	for (const struct option *o = global_options; o->name; o++)
		option_item(p, o);
	option_item(p, &(struct option){ .name = "version", .help = "Print the version and end; instead of a command." });
	images_section(p);
}

/* "build -o FILE", what it does, and which options it takes. */
static void subcommand_item(struct page *p, const struct subcommand *u)
{
	struct buf term = BUF(0), text = BUF(0);
	buf_printf(&term, "%s%s%s", u->name, *u->synopsis ? " " : "", u->synopsis);
	buf_puts(&text, u->summary);
	struct str rest = str_of(u->options);
	for (bool first = true; rest.n; first = false) {
		struct str name = str_cut(&rest, ' ');
		buf_printf(&text, "%s--%.*s", first ? " Takes " : ", ", STR_FMT(name));
	}
	buf_puts(&text, *u->options ? "." : "");
	item(p, term.p, text.p, 26);
	buf_free(&term);
	buf_free(&text);
}

/* For commands that take feeds (an option with a KIND): which kinds there are, whose they are, whose host has them. */
static void feeds_section(struct page *p, const struct option *options)
{
	bool takes = false;
	for (const struct option *o = options; o && o->name; o++)
		takes |= o->arg && strncmp(o->arg, "KIND[:", 6) == 0; /* others have kinds of their own */
	if (!takes)
		return;
	section(p, "Feeds");
	for (const struct feed *const *f = feeds; *f; f++) {
		struct buf text = BUF(0);
		struct str rest = str_of((*f)->url), host = rest;
		for (int i = 0; i < 3 && rest.p; i++) /* "https:", "", the host */
			host = str_cut(&rest, '/');
		buf_printf(&text, "%s%s%.*s.", (*f)->summary, host.n ? "; from " : "", STR_FMT(host));
		if (text.p[0] >= 'a' && text.p[0] <= 'z')
			text.p[0] = (char)(text.p[0] - 'a' + 'A');
		item(p, (*f)->kind, text.p, 20);
		buf_free(&text);
	}
}

static void document(struct page *p, const struct command *c)
{
	heading(p, c);
	if (c) {
		prose(p, c->description && *c->description ? c->description : p->roff ? c->summary : "", 0);
		if (c->subcommands) {
			section(p, "Subcommands");
			for (const struct subcommand *u = c->subcommands; u->name; u++)
				subcommand_item(p, u);
		}
		if (c->options && c->options->name) {
			section(p, "Options");
			for (const struct option *o = c->options; o->name; o++)
				option_item(p, o);
		}
		section(p, "Options that work everywhere");
		for (const struct option *o = global_options; o->name; o++)
			option_item(p, o);
		feeds_section(p, c->options);
		if ((c->synopsis && strstr(c->synopsis, "IMAGE")) || (c->description && strstr(c->description, "IMAGE")))
			images_section(p);
		if (c->examples && *c->examples)
			examples_section(p, c->examples);
	} else {
		overview(p);
	}
	section(p, "Exit status");
	for (size_t i = 0; i < countof(statuses); i++)
		item(p, statuses[i].term, statuses[i].text, 6);
	if (!c) {
		section(p, "Environment");
		for (size_t i = 0; i < countof(environment); i++)
			item(p, environment[i].term, environment[i].text, 26);
	}
	if (p->roff)
		see_also(p, c);
	else if (!c)
		fputs("\npare COMMAND --help, or pare help COMMAND, is the whole manual of one command.\n", p->f);
}

void manual_help(FILE *f, const struct command *c) { document(&(struct page){ .f = f }, c); }

void manual_subcommand(FILE *f, const struct command *c, const struct subcommand *u)
{
	struct page page = { .f = f }, *p = &page;
	struct buf usage = BUF(0);
	buf_printf(&usage, "Usage: pare %s %s %s", c->name, u->name, u->synopsis);
	put_wrapped(f, buf_str(&usage), 0, 7);
	buf_free(&usage);
	fputc('\n', f);
	put_wrapped(f, str_of(u->summary), 0, 0);
	if (*u->options)
		section(p, "Options");
	for (const struct option *o = c->options; o->name; o++)
		if (str_among(str_of(o->name), u->options))
			option_item(p, o);
	section(p, "Options that work everywhere");
	for (const struct option *o = global_options; o->name; o++)
		option_item(p, o);
	fprintf(f, "\npare %s --help says more about all of it.\n", c->name);
}

void manual_man(FILE *f, const struct command *c) { document(&(struct page){ .f = f, .roff = true }, c); }

/* ---- completion ---- */

enum wants { WANTS_NOTHING, WANTS_WORDS, WANTS_FILE };

static enum wants option_wants(const struct option *o)
{
	static const char *const files[] = { "FILE", "DIR", "OUT", "PATH", "STORE" };
	if (o->choices)
		return WANTS_WORDS;
	for (size_t i = 0; o->arg && i < countof(files); i++)
		if (strstr(o->arg, files[i]))
			return WANTS_FILE;
	return WANTS_NOTHING;
}

/* Text inside single quotes of a shell; colons and brackets mean something to zsh's _arguments. */
static void put_quoted(FILE *f, const char *z, bool zsh)
{
	for (; *z; z++) {
		if (*z == '\'')
			fputs("'\\''", f);
		else if (zsh && strchr(":[]\\", *z))
			fprintf(f, "\\%c", *z);
		else
			fputc(*z == '\n' ? ' ' : *z, f);
	}
}

/* Commands whose operands are names in the store. */
#define STORE_COMMANDS(or) "images" or "tag" or "rm" or "export" or "push"

static void put_transports(FILE *f)
{
	for (const struct transport *const *t = transports; *t; t++)
		fprintf(f, "%s%s:%s", t == transports ? "" : " ", (*t)->name, strcmp((*t)->name, "docker") == 0 ? "//" : "");
}

static void put_subcommands(FILE *f, const struct command *c)
{
	for (const struct subcommand *u = c->subcommands; u->name; u++)
		fprintf(f, "%s%s", u == c->subcommands ? "" : " ", u->name);
}

static void bash_values(FILE *f, const char *command, const struct option *table)
{
	for (const struct option *o = table; o && o->name; o++) {
		if (o->kind == OPT_FLAG || o->kind == OPT_OPTIONAL) /* the next word is no value of it */
			continue;
		fprintf(f, "\t%s:--%s", command, o->name);
		if (o->letter)
			fprintf(f, "|%s:-%c", command, o->letter);
		fputs(")\n", f);
		if (option_wants(o) == WANTS_WORDS)
			fprintf(f, "\t\tCOMPREPLY=($(compgen -W '%s' -- \"$cur\"))\n", o->choices);
		else if (option_wants(o) == WANTS_FILE)
			fputs("\t\tcompopt -o filenames\n\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n", f);
		fputs("\t\treturn ;;\n", f);
	}
}

static void bash_options(FILE *f, const struct option *table)
{
	for (const struct option *o = table; o && o->name; o++) {
		fprintf(f, " --%s", o->name);
		if (o->letter)
			fprintf(f, " -%c", o->letter);
	}
}

static void complete_bash(FILE *f)
{
	fputs("# bash completion of pare(1), printed by `pare manual completion bash`\n"
	      "_pare()\n{\n"
	      "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command= word i\n"
	      "\t# --name=VALUE arrives as three words\n"
	      "\tif [[ $cur == '=' ]]; then cur=; elif [[ $prev == '=' ]]; then prev=${COMP_WORDS[COMP_CWORD-2]}; fi\n"
	      "\tCOMPREPLY=()\n"
	      "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	      "\t\tword=${COMP_WORDS[i]}\n"
	      "\t\tcase $word in\n\t\t",
		f);
	bool first = true;
	for (const struct command *const *c = commands; *c; c++) {
		if ((*c)->hidden)
			continue;
		fprintf(f, "%s%s", first ? "" : "|", (*c)->name);
		first = false;
	}
	fputs(") command=$word; break ;;\n\t\tesac\n\tdone\n\tcase $command:$prev in\n", f);
	bash_values(f, "*", global_options);
	for (const struct command *const *c = commands; *c; c++)
		if (!(*c)->hidden)
			bash_values(f, (*c)->name, (*c)->options);
	fputs("\tesac\n\tlocal options='", f);
	bash_options(f, global_options);
	fputs("'\n\tcase $command in\n", f);
	for (const struct command *const *c = commands; *c; c++) {
		if ((*c)->hidden)
			continue;
		fprintf(f, "\t%s) options+='", (*c)->name);
		bash_options(f, (*c)->options);
		fputs("' ;;\n", f);
	}
	fputs("\t'') options+=' --version' ;;\n"
	      "\tesac\n"
	      "\tif [[ $cur == -* ]]; then\n"
	      "\t\tCOMPREPLY=($(compgen -W \"$options\" -- \"$cur\"))\n"
	      "\t\treturn\n"
	      "\tfi\n"
	      "\tcase $command:$prev in\n",
		f);
	for (const struct command *const *c = commands; *c; c++) {
		if (!(*c)->subcommands)
			continue;
		fprintf(f, "\t%s:%s) COMPREPLY=($(compgen -W '", (*c)->name, (*c)->name);
		put_subcommands(f, *c);
		fputs("' -- \"$cur\")); return ;;\n", f);
	}
	/* Names in the store; bash takes a word apart at its colons, and what is offered stands for what is behind the last. */
	fputs("\tesac\n"
	      "\tcase $command in\n"
	      "\t" STORE_COMMANDS("|") ")\n"
	      "\t\tlocal whole=$cur at=$COMP_CWORD\n"
	      "\t\twhile ((at > 2)) && [[ ${COMP_WORDS[at]} == ':' || ${COMP_WORDS[at-1]} == ':' ]]; do whole=${COMP_WORDS[--at]}$whole; done\n"
	      "\t\tCOMPREPLY=($(compgen -W \"$(\"${COMP_WORDS[0]}\" images --format names 2>/dev/null)\" -- \"$whole\"))\n"
	      "\t\tCOMPREPLY=(\"${COMPREPLY[@]#\"${whole%\"${whole##*:}\"}\"}\")\n"
	      "\t\treturn ;;\n"
	      "\tesac\n"
	      "\tcompopt -o filenames\n"
	      "\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
	      "\tif [[ $prev != ':' && $cur != ':' ]]; then\n"
	      "\t\tlocal places=($(compgen -W '",
		f);
	put_transports(f);
	fputs("' -- \"$cur\"))\n"
	      "\t\tif ((${#places[@]})); then compopt -o nospace; COMPREPLY+=(\"${places[@]}\"); fi\n"
	      "\t\t[[ -z $command ]] && COMPREPLY+=($(compgen -W '",
		f);
	first = true;
	for (const struct command *const *c = commands; *c; c++) {
		if ((*c)->hidden)
			continue;
		fprintf(f, "%s%s", first ? "" : " ", (*c)->name);
		first = false;
	}
	fputs("' -- \"$cur\"))\n"
	      "\tfi\n"
	      "}\n"
	      "complete -F _pare pare\n",
		f);
}

static void zsh_options(FILE *f, const struct option *table)
{
	for (const struct option *o = table; o && o->name; o++) {
		const char *repeat = o->kind == OPT_VALUE || o->kind == OPT_OPTIONAL ? "" : "*";
		for (int form = o->letter ? 0 : 1; form < 2; form++) {
			fprintf(f, "\t\t'%s", repeat);
			if (form == 0)
				fprintf(f, "-%c%s[", o->letter, o->kind == OPT_FLAG ? "" : "+");
			else
				fprintf(f, "--%s%s[", o->name, o->kind == OPT_FLAG ? "" : o->kind == OPT_OPTIONAL ? "=-" : "=");
			put_quoted(f, o->help, true);
			fputc(']', f);
			if (o->kind != OPT_FLAG) {
				fputs(o->kind == OPT_OPTIONAL ? "::" : ":", f);
				put_quoted(f, o->arg ? o->arg : "value", true);
				fputc(':', f);
				if (option_wants(o) == WANTS_WORDS)
					fprintf(f, "(%s)", o->choices);
				else if (option_wants(o) == WANTS_FILE)
					fputs("_files", f);
			}
			fputs("'\n", f);
		}
	}
}

static void complete_zsh(FILE *f)
{
	fputs("#compdef pare\n# zsh completion of pare(1), printed by `pare manual completion zsh`\n"
	      "_pare_image() {\n"
	      "\tif compset -P '*:'; then\n\t\t_files\n\telse\n\t\t_files\n\t\tcompadd -S '' -- ",
		f);
	put_transports(f);
	fputs("\n\t\tcompadd -- ${(f)\"$(pare images --format names 2>/dev/null)\"}\n\tfi\n}\n_pare() {\n\tlocal curcontext=\"$curcontext\" state line\n\tlocal -a global list\n\tglobal=(\n", f);
	zsh_options(f, global_options);
	fputs("\t)\n\tlist=(\n", f);
	for (const struct command *const *c = commands; *c; c++) {
		if ((*c)->hidden)
			continue;
		fprintf(f, "\t\t'%s:", (*c)->name);
		put_quoted(f, (*c)->summary, false);
		fputs("'\n", f);
	}
	fputs("\t)\n"
	      "\t_arguments -C $global '1: :->command' '*:: :->rest' && return\n"
	      "\tif [[ $state == command ]]; then\n"
	      "\t\t_describe command list\n\t\t_pare_image\n\t\treturn\n"
	      "\tfi\n"
	      "\tcase $words[1] in\n",
		f);
	for (const struct command *const *c = commands; *c; c++) {
		if ((*c)->hidden)
			continue;
		fprintf(f, "\t%s) _arguments $global \\\n", (*c)->name);
		struct buf text = BUF(0);
		char *lines = NULL;
		size_t n = 0;
		FILE *m = open_memstream(&lines, &n);
		if (m) {
			zsh_options(m, (*c)->options);
			fclose(m);
			struct str rest = str_trim(str_n(lines, n));
			while (rest.n) {
				struct str line = str_trim(str_cut(&rest, '\n'));
				buf_printf(&text, "\t\t%.*s \\\n", STR_FMT(line));
			}
			free(lines);
		}
		fputs(text.n ? text.p : "", f);
		if ((*c)->subcommands) {
			fputs("\t\t'1:subcommand:(", f);
			put_subcommands(f, *c);
			fputs(")' '*:file:_files' ;;\n", f);
		} else {
			fputs("\t\t'*:image:_pare_image' ;;\n", f);
		}
		buf_free(&text);
	}
	fputs("\t*) _arguments $global '*:image:_pare_image' ;;\n\tesac\n}\n"
	      "if [[ ${funcstack[1]} == _pare ]]; then _pare \"$@\"; else compdef _pare pare; fi\n",
		f);
}

static void fish_options(FILE *f, const char *condition, const struct option *table)
{
	for (const struct option *o = table; o && o->name; o++) {
		fprintf(f, "complete -c pare%s -l %s", condition, o->name);
		if (o->letter)
			fprintf(f, " -s %c", o->letter);
		if (o->kind != OPT_FLAG && o->kind != OPT_OPTIONAL) {
			if (option_wants(o) == WANTS_WORDS)
				fprintf(f, " -x -a '%s'", o->choices);
			else
				fputs(option_wants(o) == WANTS_FILE ? " -r -F" : " -x", f);
		}
		fputs(" -d '", f);
		for (const char *z = o->help; *z; z++) { /* fish: a backslash quotes inside single quotes */
			if (*z == '\'' || *z == '\\')
				fputc('\\', f);
			fputc(*z == '\n' ? ' ' : *z, f);
		}
		fputs("'\n", f);
	}
}

static void complete_fish(FILE *f)
{
	fputs("# fish completion of pare(1), printed by `pare manual completion fish`\n", f);
	fish_options(f, "", global_options);
	fputs("complete -c pare -n __fish_use_subcommand -a '", f);
	put_transports(f);
	fputs("'\n", f);
	for (const struct command *const *c = commands; *c; c++) {
		if ((*c)->hidden)
			continue;
		char condition[160];
		fprintf(f, "complete -c pare -n __fish_use_subcommand -a %s -d '", (*c)->name);
		for (const char *z = (*c)->summary; *z; z++) {
			if (*z == '\'' || *z == '\\')
				fputc('\\', f);
			fputc(*z, f);
		}
		fputs("'\n", f);
		snprintf(condition, sizeof condition, " -n '__fish_seen_subcommand_from %s'", (*c)->name);
		fish_options(f, condition, (*c)->options);
		if (str_among(str_of((*c)->name), STORE_COMMANDS(" ")))
			fprintf(f, "complete -c pare%s -f -a '(pare images --format names 2>/dev/null)'\n", condition);
		if ((*c)->subcommands) {
			fprintf(f, "complete -c pare%s -a '", condition);
			put_subcommands(f, *c);
			fputs("'\n", f);
		}
	}
}

static const struct {
	const char *name;
	void (*print)(FILE *f);
} shells[] = { { "bash", complete_bash }, { "zsh", complete_zsh }, { "fish", complete_fish } };

void manual_complete(FILE *f, const char *shell)
{
	for (size_t i = 0; i < countof(shells); i++)
		if (strcmp(shells[i].name, shell) == 0)
			shells[i].print(f);
}

/* ---- the hidden command, for packaging ---- */

static const struct command *find_command(const char *name)
{
	for (const struct command *const *c = commands; *c; c++)
		if (strcmp((*c)->name, name) == 0)
			return *c;
	return NULL;
}

static int run_manual(const struct option_value *opt, char **args, int n_args)
{
	(void)opt;
	struct error err = { 0 };
	const char *what = args[0], *arg = n_args > 1 ? args[1] : NULL;
	const struct command *c = arg ? find_command(arg) : NULL;

	if (strcmp(what, "list") == 0 && !arg) {
		for (const struct command *const *o = commands; *o; o++)
			if (!(*o)->hidden)
				printf("%s\n", (*o)->name);
	} else if (strcmp(what, "man") == 0 && (c || !arg)) {
		manual_man(stdout, c);
	} else if (strcmp(what, "man") == 0) {
		error_set(&err, ERR_USAGE, "manual: no command '%s'", arg);
	} else if (strcmp(what, "rule") == 0) {
		const struct lint_rule *r = arg ? lint_rule_find(str_of(arg)) : NULL;
		if (r)
			lint_rule_page(stdout, &r->meta);
		else if (!arg)
			lint_rule_index(stdout);
		else
			error_set(&err, ERR_USAGE, "manual: no rule '%s'", arg);
	} else if (strcmp(what, "completion") == 0 && arg) {
		bool known = false;
		for (size_t i = 0; i < countof(shells); i++)
			known = known || strcmp(shells[i].name, arg) == 0;
		if (known)
			manual_complete(stdout, arg);
		else
			error_set(&err, ERR_USAGE, "manual: no completion for '%s': bash, zsh and fish are known", arg);
	} else {
		error_set(&err, ERR_USAGE, "manual: it is: list, man [COMMAND], rule [NAME], or completion bash|zsh|fish");
	}
	return err.kind ? command_fail(&err) : command_done(0);
}

const struct command command_manual = {
	.name = "manual",
	.summary = "print manual pages and shell completion",
	.synopsis = "list | man [COMMAND] | rule [NAME] | completion bash|zsh|fish",
	.description = "What packages install, and docs/rules/: printed from the tables of the commands and rules, so that it never lags behind them.",
	.options = (const struct option[]){ { 0 } },
	.examples = "pare manual man inspect > pare-inspect.1 # the manual page of one command\n"
		    "pare manual completion bash > /etc/bash_completion.d/pare # completion for bash\n",
	.min_args = 1,
	.max_args = 2,
	.run = run_manual,
	.hidden = true,
};
