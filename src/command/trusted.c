#include "command/trusted.h"
#include "base/file.h"
#include <unistd.h>

static int open_as(const char *transport, const char *word, struct repo_options *opt, struct trusted *ret, struct error *err)
{
	struct buf location = BUF(0);
	buf_printf(&location, "%s%s", transport, word);
	int r = repo_open(location.p, opt, &ret->r, err);
	buf_free(&location);
	if (r)
		return r;
	r = repo_document(ret->r, NULL, &ret->d, err);
	if (r) {
		repo_close(ret->r);
		ret->r = NULL;
	}
	return r;
}

int trusted_open(const char *word, struct repo_options *opt, struct trusted *ret, struct error *err)
{
	struct arena a = { 0 };
	struct reference ref;
	*ret = (struct trusted){ 0 };
	int r = repo_open(word, opt, &ret->r, err);
	if (r == 0) {
		r = repo_document(ret->r, NULL, &ret->d, err);
		if (r > 0)
			error_set(err, ERR_ENV, "%s: there is no such image", repo_name(ret->r));
		if (r)
			trusted_close(ret);
		return r ? -1 : 0;
	}
	if (r < 0)
		return -1;
	r = reference_parse(&a, str_of(word), &ref, NULL);
	arena_free(&a);
	if (r < 0 || *word == '/' || *word == '.' || access(word, F_OK) == 0)
		return error_set(err, ERR_USAGE, "%s: keeps no digests, and so no signatures: docker://REF, oci:DIR[:TAG] and pare:REF do", word);
	struct repo_options reading = *opt;
	reading.write = false;
	struct error e = { 0 };
	if (open_as("pare:", word, &reading, ret, &e) == 0) {
		if (!opt->write)
			return 0;
		trusted_close(ret);
		return open_as("pare:", word, opt, ret, err) == 0 ? 0 : -1;
	}
	r = open_as("docker://", word, opt, ret, err);
	return r > 0 ? error_set(err, ERR_ENV, "%s: there is no such image, neither in the store nor in its registry", word) : r;
}

void trusted_close(struct trusted *t)
{
	document_free(&t->d);
	repo_close(t->r);
	*t = (struct trusted){ 0 };
}

bool trusted_by_digest(const char *word)
{
	const char *at = strrchr(word, '@');
	struct digest d;
	return at && digest_parse(str_of(at + 1), &d, NULL) == 0;
}

int trusted_password(const struct option_value *v, char **ret, struct error *err)
{
	struct buf text = BUF(4096);
	*ret = NULL;
	if (!v->value)
		return 0;
	if (file_read(v->value, 4096, &text, err) < 0) {
		buf_free(&text);
		return -1;
	}
	struct str rest = buf_str(&text), line = str_cut(&rest, '\n');
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	*ret = xmalloc(line.n + 1);
	memcpy(*ret, line.p, line.n);
	(*ret)[line.n] = '\0';
	buf_free(&text);
	return 0;
}

int trusted_policy(const struct option_value *v, struct trusted_policy *ret, struct error *err)
{
	*ret = (struct trusted_policy){ .tagged = true };
	return policy_read(v->value, &ret->policy, err);
}

/* Kept in *err unless that is NULL; a refusal and a network that is down are two things. */
static int told(struct trusted_policy *p, int status, const struct error *e, struct error *err)
{
	p->refused = status < 0 && e->kind == ERR_INPUT;
	if (status < 0 && err)
		*err = *e;
	return status;
}

int trusted_allowed(void *ctx, struct repo *from, const struct document *d, struct error *err)
{
	struct trusted_policy *p = ctx;
	struct error e = { 0 };
	return told(p, policy_allows(p->policy, from, repo_name(from), p->tagged, &d->digest, &e), &e, err);
}

int trusted_guard(struct trusted_policy *p, const char *source, struct copy_options *o, struct error *err)
{
	struct error e = { 0 };
	struct repo *r;
	if (!trusted_has_policy(p))
		return 0;
	p->tagged = !trusted_by_digest(source);
	o->allowed = trusted_allowed;
	o->ctx = p;
	int opened = repo_open(source, &o->source, &r, NULL);
	if (opened == 0)
		repo_close(r);
	if (opened <= 0) /* what is wrong with it is said when it is copied */
		return 0;
	struct buf name = BUF(0);
	buf_printf(&name, "%s%s", access(source, F_OK) == 0 ? "file:" : "", source);
	int status = told(p, policy_allows(p->policy, NULL, name.p, p->tagged, NULL, &e), &e, err);
	buf_free(&name);
	return status;
}
