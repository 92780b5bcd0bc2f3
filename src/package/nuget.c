/* nuget.c — .NET packages of an application, a framework or the SDK: NAME.deps.json beside its assemblies (dotnet's runtime-configuration-file.md).
 *
 *      "libraries": { "Newtonsoft.Json/13.0.3": { "type": "package", … }, "runtimepack.Microsoft.NETCore.App.Runtime.linux-x64/8.0.1": { "type": "runtimepack" } }
 *      "targets":   { ".NETCoreApp,Version=v8.0/linux-x64": { "Newtonsoft.Json/13.0.3": { "runtime": { "lib/net6.0/Newtonsoft.Json.dll": … } } } }
 *
 * A shared framework tells of itself the same way (shared/Microsoft.NETCore.App/8.0.1/Microsoft.NETCore.App.deps.json). What was only compiled
 * against is not there; the project is no package. packages.lock.json and project.assets.json tell what was meant to be there.
 */
#include "package/lang.h"

static bool wants(struct str dir, struct str name) { return (void)dir, lang_iends(name, STR(".deps.json")); }

/* Where publishing puts the files of a package: assemblies and native libraries beside the application, resources in a directory a language, what
 * is for one system only as the package has it. */
static void put_files(struct note_writer *w, struct str dir, const json_t *library)
{
	static const char *const groups[] = { "runtime", "native", "resources", "runtimeTargets" };
	struct buf path = BUF(16 * KiB), rel = BUF(16 * KiB);
	for (size_t g = 0; g < countof(groups); g++) {
		const char *key;
		json_t *v;
		json_object_foreach(json_obj(library, groups[g]), key, v) {
			struct str file = str_of(key), base = str_base(file), locale = json_view(v, "locale");
			if (str_is(base, "_._"))
				continue; /* stands for nothing */
			buf_clear(&rel);
			if (g == 2 && locale.n) {
				buf_add(&rel, locale);
				buf_putc(&rel, '/');
			}
			buf_add(&rel, g == 3 ? file : base);
			note_path(w, STR(""), lang_join(dir, buf_str(&rel), &path));
		}
	}
	buf_free(&path);
	buf_free(&rel);
}

static void put_library(struct note_writer *w, struct str dir, struct str key, const json_t *library, const json_t *in_target)
{
	struct str type = json_view(library, "type"), version = key, name = str_cut(&version, '/');
	struct buf depends = BUF(NOTE_FIELD_MAX);
	bool pack = str_ieq(type, STR("runtimepack"));
	if ((!pack && !str_ieq(type, STR("package"))) || json_is_true(json_object_get(library, "compileOnly")) || json_is_true(json_object_get(in_target, "compileOnly")))
		return;
	if (pack && str_starts(name, STR("runtimepack.")))
		name = str_from(name, sizeof "runtimepack." - 1);
	if (!lang_word(name) || !version.p || !lang_word(version)) {
		note_damage(w, "a library without a name or a version");
		return;
	}
	note_put(w, NOTE_PACKAGE, STR(""));
	note_text(w, NOTE_NAME, name);
	note_text(w, NOTE_VERSION, version);
	lang_keys(&depends, json_obj(in_target, "dependencies"));
	note_text(w, NOTE_DEPENDS, buf_str(&depends));
	put_files(w, dir, in_target);
	buf_free(&depends);
}

/* The target that is run; in its absence the only one. */
static const json_t *target_of(const json_t *j)
{
	const json_t *targets = json_obj(j, "targets"), *run = json_object_get(j, "runtimeTarget");
	const char *name = json_is_string(run) ? json_string_value(run) : json_text(run, "name");
	const json_t *t = name ? json_obj(targets, name) : NULL;
	if (!t && json_object_size(targets) == 1) {
		const json_t *only = json_object_iter_value(json_object_iter((json_t *)(uintptr_t)targets));
		t = json_is_object(only) ? only : NULL;
	}
	return t;
}

static int take(struct str dir, struct str name, struct str content, struct buf *note, struct error *err)
{
	struct note_writer w;
	struct error e = { 0 };
	const char *key;
	json_t *v;
	(void)name;
	note_begin(&w, note);
	if (str_starts(content, STR("\xef\xbb\xbf")))
		content = str_from(content, 3);
	json_t *j autojson = json_read(content, "deps.json", &e);
	if (!j)
		note_damage(&w, "%s", e.text);
	const json_t *target = target_of(j);
	json_object_foreach(json_obj(j, "libraries"), key, v)
		put_library(&w, dir, str_of(key), v, json_obj(target, key));
	return note_end(&w, err);
}

const struct collector nuget_collector = { .id = COLLECT_NUGET, .version = 1, .name = "nuget", .limit = 8 * MiB, .wants = wants, .take = take };

static void read_nuget(const struct rootfs *r, struct packages *p)
{
	autofree node_id *files = NULL;
	u32 n = packages_noted(p, r, COLLECT_NUGET, &files);
	for (u32 i = 0; i < n; i++)
		lang_load(p, r, files[i], COLLECT_NUGET, "nuget");
}

const struct ecosystem nuget_ecosystem = { .type = "nuget", .collector = &nuget_collector, .set = COLLECT_PACKAGES, .read = read_nuget };
