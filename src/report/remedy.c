/* What removes a vulnerability: the command of its package manager, and where in the image it belongs. */
#include "report/examine.h"

const char *remedy_command(const struct packages *p, const char *type)
{
	if (strcmp(type, "deb") == 0)
		return "apt-get install --only-upgrade";
	if (strcmp(type, "apk") == 0)
		return "apk upgrade";
	if (strcmp(type, "alpm") == 0)
		return "pacman -Syu";
	if (strcmp(type, "rpm"))
		return NULL;
	struct str id = str_of(p->os_id);
	if (str_starts(id, STR("sle")) || str_starts(id, STR("sl-")) || str_starts(id, STR("opensuse")))
		return "zypper update";
	if (str_is(id, "photon") || str_is(id, "azurelinux") || str_is(id, "mariner"))
		return "tdnf update";
	bool yum = (str_is(id, "amzn") && p->os_version[0] == '2' && !p->os_version[1]) || (p->os_version[0] == '7' || p->os_version[0] == '6');
	return yum ? "yum update" : "dnf upgrade";
}

static const char *language_command(struct arena *a, const char *type, const char *name, const char *fixed)
{
	static const struct {
		char type[10];
		const char *before, *between, *after;
	} commands[] = {
		{ "npm", "npm install ", "@", "" }, { "pypi", "pip install '", ">=", "'" }, { "gem", "gem install ", " -v ", "" }, { "golang", "go get ", "@v", ", then build again" },
		{ "cargo", "cargo update -p ", " --precise ", ", then build again" }, { "composer", "composer require ", ":^", "" }, { "nuget", "dotnet add package ", " --version ", "" },
		{ "maven", "set the version of ", " to ", "" },
	};
	if (strcmp(type, "golang") == 0 && strcmp(name, "stdlib") == 0)
		return arena_printf(a, "build with Go %s", fixed);
	for (size_t i = 0; i < countof(commands); i++)
		if (strcmp(commands[i].type, type) == 0) {
			bool v = type[0] == 'g' && type[1] == 'o' && fixed[0] == 'v';
			return arena_printf(a, "%s%s%s%s%s", commands[i].before, name, commands[i].between, fixed + v, commands[i].after);
		}
	return NULL;
}

static const char *place(const struct subject *s, struct scan *scan, const struct scan_finding *f)
{
	if (!s->image || f->layer < 0 || (u32)f->layer >= s->image->n_layers)
		return "";
	struct buf text = BUF(400);
	image_instruction(s->image, (u32)f->layer, &text);
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] == '\n' || text.p[i] == '\t')
			text.p[i] = ' ';
	bool base = (u32)f->layer < image_base_layers(s->image);
	const char *z = arena_printf(&scan->arena, " (layer %d%s%s%.*s%s)", f->layer, base ? " of the base image" : "", text.n ? ": " : "", (int)MIN(text.n, (size_t)72), text.n ? text.p : "", text.n > 72 ? " …" : "");
	buf_free(&text);
	return z;
}

const char *remedy_of(const struct subject *s, struct scan *scan, const struct scan_finding *f)
{
	struct arena *a = &scan->arena;
	if (f->presence != PRESENCE_LIVE)
		return arena_printf(a, "%s still ships although a later layer %s it: %s in the layer that brought it%s, or let pare slim remove it", f->package, f->presence == PRESENCE_SHADOWED ? "replaced" : "removed",
			f->presence == PRESENCE_SHADOWED ? "install the later version" : "don't install it", place(s, scan, f));
	if (f->package_index < 0 || (u32)f->package_index >= s->packages->n)
		return "";
	const struct package *k = &s->packages->v[f->package_index];
	if (!*f->fixed_version) {
		if (strcmp(f->state, "will_not_fix") == 0 || strcmp(f->state, "end_of_life") == 0)
			return arena_printf(a, "no fix will come: take %s out when nothing needs it (pare slim finds out)", k->name);
		return arena_printf(a, "no fix yet: take %s out when nothing needs it (pare slim finds out)", k->name);
	}
	const char *system = remedy_command(s->packages, k->type), *where = place(s, scan, f);
	if (system) {
		bool base = s->image && f->layer >= 0 && (u32)f->layer < image_base_layers(s->image);
		return arena_printf(a, "upgrade to %s: %s%s %s%s", f->fixed_version, base ? "take a newer base image, or " : "", system, k->name, where);
	}
	const char *command = language_command(a, k->type, k->name, f->fixed_version);
	return command ? arena_printf(a, "upgrade to %s: %s%s", f->fixed_version, command, where) : arena_printf(a, "upgrade to %s%s", f->fixed_version, where);
}
