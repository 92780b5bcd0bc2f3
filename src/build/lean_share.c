/* lean_share.c — downloads of package managers in caches that builds share (lean.h). */
#include "build/lean.h"
#include "shell/command.h"

#define PLACE "/dev/pare/"
#define APT_CONF PLACE "apt.conf"
#define OURS "lean" /* no path that a Dockerfile can say: such a cache is nobody else's to name */

/* Those that keep what they download, and nothing that depends on the image. pip keeps wheels that it built against the libraries of an image, go objects that know nothing of headers: theirs are nobody else's. */
static const struct manager {
	const char *name;            /* of the cache */
	const char *programs;
	const char *variable, *value;
	const char *spoken;          /* words of a Dockerfile that means its cache */
	const char *set;             /* variables that say where it is */
	enum mount_sharing sharing;
} managers[] = {
	{ "apt", "apt-get apt aptitude", "APT_CONFIG", APT_CONF, "archives docker-clean keep-cache download-only Dir:: APT_CONFIG Downloaded-Packages debootstrap", "APT_CONFIG", SHARING_PRIVATE }, /* locks it while it installs */
	{ "npm", "npm", "npm_config_cache", PLACE "npm", ".npm _cacache npm_config_cache NPM_CONFIG_CACHE npmrc --cache --prefer-offline --offline", "npm_config_cache NPM_CONFIG_CACHE", SHARING_SHARED },
	{ "composer", "composer composer.phar", "COMPOSER_CACHE_DIR", PLACE "composer", "composer/cache .composer COMPOSER_CACHE COMPOSER_HOME COMPOSER_DISABLE_NETWORK", "COMPOSER_CACHE_DIR COMPOSER_HOME", SHARING_SHARED },
};

static bool speaks(struct str text, const char *words)
{
	for (struct str rest = str_of(words); rest.p;)
		if (str_contains(text, str_cut(&rest, ' ')))
			return true;
	return false;
}

static bool is_set(const struct run_step *step, const char *names)
{
	for (const char *const *v = step->env; *v; v++) {
		struct str rest = str_of(*v);
		if (str_among(str_cut(&rest, '='), names))
			return true;
	}
	return false;
}

/* Bits of the managers that a command calls; *other: it becomes somebody else, or is somewhere else. */
static u32 called(struct str text, bool *other)
{
	struct sh_tree tree;
	struct sh_commands all;
	u32 ret = 0;

	sh_parse(text, &tree);
	sh_commands_of(&tree, &all);
	for (u32 i = 0; i < all.n; i++) {
		*other |= str_among(all.v[i].base, "su sudo doas gosu su-exec runuser setpriv chroot unshare start-stop-daemon");
		for (u32 k = 0; k < countof(managers); k++)
			if (str_among(all.v[i].base, managers[k].programs))
				ret |= 1u << k;
	}
	sh_commands_free(&all);
	sh_free(&tree);
	return ret;
}

static u32 count(const char *const *v)
{
	u32 n = 0;
	while (v[n])
		n++;
	return n;
}

void lean_share(struct arena *a, const struct run_step *step, const struct stage_image *im, const char *whose, struct str dockerfile, struct run_step *ret)
{
	const char *base = json_string_value(json_array_get(json_object_get(json_object_get(im->doc, "rootfs"), "diff_ids"), 0));
	u32 n_argv = count(step->argv), n_env = count(step->env), who = 0;
	bool other = false;

	*ret = *step;
	if (!base || !str_among(str_of(step->user), "root 0 root:root 0:0 ") || step->network == STEP_NONE)
		return;
	if (n_argv > 2 && strcmp(step->argv[n_argv - 2], "-c") == 0)
		who = called(str_of(step->argv[n_argv - 1]), &other);
	else
		for (u32 k = 0; k < countof(managers); k++)
			who |= str_among(str_base(str_of(step->argv[0])), managers[k].programs) ? 1u << k : 0;
	if (!who || other)
		return;
	struct run_mount *mounts = arena_array(a, struct run_mount, step->n_mounts + 2 * countof(managers));
	const char **env = arena_array(a, const char *, n_env + countof(managers) + 1);
	if (step->n_mounts)
		memcpy(mounts, step->mounts, step->n_mounts * sizeof *mounts);
	if (n_env)
		memcpy(env, step->env, n_env * sizeof *env);
	for (u32 k = 0; k < countof(managers); k++) {
		const struct manager *m = &managers[k];
		if (!(who >> k & 1) || speaks(dockerfile, m->spoken) || is_set(step, m->set))
			continue;
		mounts[ret->n_mounts++] = (struct run_mount){ .type = MOUNT_CACHE, .id = arena_printf(a, "lean %s %s %s %s", m->name, im->platform.arch, base, whose), .source = OURS, .target = arena_printf(a, PLACE "%s", m->name), .writable = true,
			.mode = 0755, .sharing = m->sharing };
		if (k == 0)
			mounts[ret->n_mounts++] = (struct run_mount){ .type = MOUNT_TEXT, .target = APT_CONF, .mode = 0644,
				.text = STR("Dir::Cache::archives \"" PLACE "apt/\";\nAPT::Keep-Downloaded-Packages \"true\";\nBinary::apt::APT::Keep-Downloaded-Packages \"true\";\n") };
		env[n_env++] = arena_printf(a, "%s=%s", m->variable, m->value);
	}
	ret->mounts = mounts;
	ret->env = env;
}
