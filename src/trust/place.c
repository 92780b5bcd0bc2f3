#include "trust/place.h"
#include "base/json.h"

bool place_tag(const struct digest *d, char out[PLACE_TAG])
{
	int n = snprintf(out, PLACE_TAG, "%s.sig", DIGEST_STR(d));
	char *colon = strchr(out, ':');
	if (colon)
		*colon = '-';
	return colon && n < PLACE_TAG;
}

int place_manifest(struct repo *r, const char *which, json_t **ret, struct error *err)
{
	struct document d = { 0 };
	int found = repo_document(r, which, &d, err);
	if (found)
		return found;
	json_t *doc = json_read_limit(buf_str(&d.bytes), REPO_DOCUMENT_MAX, which, err);
	int status = doc ? 0 : -1;
	if (doc && !json_arr(doc, "layers"))
		status = error_set(err, ERR_INPUT, "%s: %s: is no manifest of signatures", repo_name(r), which);
	document_free(&d);
	if (status < 0)
		json_decref(doc);
	else
		*ret = doc;
	return status;
}

int place_small(struct repo *r, const struct descriptor *d, struct buf *out, struct error *err)
{
	struct stream *s = NULL;
	struct str view;
	if (repo_blob(r, d, 0, &s, err) < 0)
		return -1;
	int status;
	while ((status = stream_next(s, &view, err)) == 0 && view.n && !out->over)
		buf_add(out, view);
	stream_close(s);
	if (status == 0 && out->over)
		status = error_set(err, ERR_INPUT, "%s: over %zu bytes", DIGEST_STR(&d->digest), out->max);
	return status;
}
