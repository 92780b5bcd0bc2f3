#include "command/place.h"
#include "store/load.h"
#include "transport/bag.h"
#include "transport/places.h"
#include "transport/repo.h"
#include "transport/transport.h"
#include <unistd.h>

int place_number(const struct option_value *v, const char *name, u32 most, u32 *ret, struct error *err)
{
	u64 n;
	if (!v->value)
		return 0;
	if (!str_to_u64(str_of(v->value), &n) || n < 1 || n > most)
		return error_set(err, ERR_USAGE, "--%s %.40s: a number from 1 to %u", name, v->value, most);
	*ret = (u32)n;
	return 0;
}

int place_options(const struct option_value *opt, struct repo_options *ret, struct error *err)
{
	*ret = (struct repo_options){ .user = opt[PLACE_CREDS].value, .certs = opt[PLACE_CERT_DIR].value, .plain_http = opt[PLACE_PLAIN_HTTP].count > 0, .store = globals.store };
	ret->tls_verify_off = option_is(&opt[PLACE_TLS_VERIFY], "false");
	if (ret->user && !strchr(ret->user, ':'))
		return error_set(err, ERR_USAGE, "--creds: it is USER:PASSWORD");
	if (place_number(&opt[PLACE_TIMEOUT], "timeout", 86400, &ret->fetch.silence, err) < 0)
		return -1;
	return place_number(&opt[PLACE_ATTEMPTS], "attempts", 100, &ret->fetch.attempts, err);
}

int place_load(const struct option_value *opt, struct repo_options *ret, struct load_options *load, struct error *err)
{
	load->registry = ret;
	return place_options(opt, ret, err);
}

/* Whether it begins with a transport's name and a colon. "docker:27" is an image of that name. */
static bool begins_with(const char *word, const char *transport)
{
	size_t n = strlen(transport);
	return strncmp(word, transport, n) == 0 && word[n] == ':' && (strcmp(transport, "docker") != 0 || strncmp(word + n, "://", 3) == 0);
}

static bool names_a_place(const char *word)
{
	for (const struct transport *const *t = transports; *t; t++)
		if (begins_with(word, (*t)->name))
			return true;
	return false;
}

const char *place_registry(const char *word, struct error *err)
{
	if (begins_with(word, "docker"))
		return word + strlen("docker://");
	if (!names_a_place(word))
		return word;
	error_set(err, ERR_USAGE, "%s: is no registry's; `pare copy` goes from any place to any other", word);
	return NULL;
}

static bool is_path(const char *word)
{
	return strcmp(word, "-") == 0 || word[0] == '/' || strncmp(word, "./", 2) == 0 || strncmp(word, "../", 3) == 0 || access(word, F_OK) == 0;
}

const char *place_found(struct arena *a, const char *word, const struct repo_options *opt)
{
	struct reference ref;
	struct error ignored = { 0 };
	struct document d = { 0 };
	struct repo *r = NULL;
	autofree char *file = NULL;
	const char *choice;
	bag_split(word, &file, &choice);
	if (!names_a_place(word) && choice[0] && access(file, F_OK) == 0) /* PATH:TAG */
		return repo_open(file, opt, &r, &ignored) == 0 ? repo_close(r), arena_printf(a, "oci:%s", word) : word;
	if (names_a_place(word) || is_path(word) || reference_parse(a, str_of(word), &ref, &ignored) < 0)
		return word;
	const char *here = arena_printf(a, "pare:%s", word);
	int has = repo_open(here, opt, &r, &ignored);
	has = has < 0 ? has : repo_document(r, NULL, &d, &ignored);
	repo_close(r);
	document_free(&d);
	return has == 0 ? here : arena_printf(a, "%s%s", docker_daemon_has(word) ? "docker-daemon:" : "docker://", word);
}

int place_target(const char *word, const char *option, struct error *err)
{
	bool tar = !names_a_place(word) && str_ends(str_of(word), STR(".tar"));
	if (option && (tar || begins_with(word, "docker-archive") || begins_with(word, "docker-daemon")))
		return error_set(err, ERR_USAGE, "%.200s: keeps no digests: %s has no meaning there", word, option);
	if (names_a_place(word) || access(word, F_OK) == 0 || tar)
		return 0;
	return error_set(err, ERR_USAGE, "%.200s: which place is that? docker://%.200s (a registry), pare:%.200s (the store), oci:DIR, oci-archive:FILE or docker-archive:FILE", word, word, word);
}

int place_open(const char *word, const struct repo_options *opt, struct repo **ret, struct error *err)
{
	struct buf location = BUF(0);
	int r = repo_open(word, opt, ret, err);
	if (r == 1 && !names_a_place(word) && access(word, F_OK) < 0) {
		buf_printf(&location, "docker://%s", word);
		r = repo_open(location.p, opt, ret, err);
		buf_free(&location);
	}
	return r == 1 ? error_set(err, ERR_USAGE, "%s: keeps nothing under its digest: name a registry (docker://REF), oci:DIR or pare:REF", word) : r;
}

const char *place_which(struct arena *a, const char *word, struct error *err)
{
	struct reference ref;
	if (begins_with(word, "oci") || begins_with(word, "oci-archive")) {
		autofree char *file = NULL;
		const char *choice;
		bag_split(strchr(word, ':') + 1, &file, &choice);
		if (choice[0])
			return arena_strdup(a, str_of(choice));
	} else {
		struct str name = str_of(begins_with(word, "docker") || begins_with(word, "pare") ? strchr(word, ':') + 1 : word);
		if (str_starts(name, STR("//")))
			name = str_from(name, 2);
		if (reference_parse(a, name, &ref, err) < 0)
			return NULL;
		if (ref.digest.alg)
			return arena_strdup(a, str_of(DIGEST_STR(&ref.digest)));
		if (str_chr(str_base(name), ':'))
			return ref.tag;
	}
	error_set(err, ERR_USAGE, "%s: names neither a tag nor a digest", word);
	return NULL;
}
