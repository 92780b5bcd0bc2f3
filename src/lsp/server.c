#include "lsp/server.h"
#include "lsp/frame.h"
#include <errno.h>
#include <poll.h>
#include <unistd.h>

/* --- messages out --- */
void message_begin(struct lsp *s, struct jsonw *w)
{
	s->memory = open_memstream(&s->p, &s->size);
	if (!s->memory)
		abort(); /* memory is gone */
	jsonw_init(w, s->memory, 0);
	jsonw_obj(w);
	jsonw_kz(w, "jsonrpc", "2.0");
}

void message_send(struct lsp *s, struct jsonw *w)
{
	jsonw_end(w);
	fclose(s->memory);
	s->memory = NULL;
	char head[60];
	int n = snprintf(head, sizeof head, "Content-Length: %zu\r\n\r\n", s->size);
	fwrite(head, 1, (size_t)n, s->out);
	fwrite(s->p, 1, s->size, s->out);
	fflush(s->out);
	free(s->p);
	s->p = NULL;
}

static void write_id(struct jsonw *w, const json_t *id)
{
	jsonw_key(w, "id");
	if (json_is_string(id))
		jsonw_str(w, str_n(json_string_value(id), json_string_length(id)));
	else if (json_is_integer(id))
		jsonw_s64(w, json_integer_value(id));
	else
		jsonw_null(w);
}

void answer_begin(struct lsp *s, struct jsonw *w, const json_t *id)
{
	message_begin(s, w);
	write_id(w, id);
	jsonw_key(w, "result");
}

void answer_null(struct lsp *s, const json_t *id)
{
	struct jsonw w;
	answer_begin(s, &w, id);
	jsonw_null(&w);
	message_send(s, &w);
}

void answer_error(struct lsp *s, const json_t *id, int code, const char *text)
{
	struct jsonw w;
	message_begin(s, &w);
	write_id(&w, id);
	jsonw_key(&w, "error");
	jsonw_obj(&w);
	jsonw_key(&w, "code");
	jsonw_s64(&w, code);
	jsonw_kz(&w, "message", text);
	jsonw_end(&w);
	message_send(s, &w);
}

static void notify(struct lsp *s, struct jsonw *w, const char *method)
{
	message_begin(s, w);
	jsonw_kz(w, "method", method);
	jsonw_key(w, "params");
	jsonw_obj(w);
}

static void log_message(struct lsp *s, const char *text)
{
	struct jsonw w;
	notify(s, &w, "window/logMessage");
	jsonw_ku(&w, "type", 2);
	jsonw_kz(&w, "message", text);
	jsonw_end(&w);
	message_send(s, &w);
}

/* --- documents --- */
static struct document *find(const struct lsp *s, struct str uri)
{
	for (u32 i = 0; uri.p && i < s->n; i++)
		if (str_is(uri, s->documents[i]->uri))
			return s->documents[i];
	return NULL;
}

static struct document *document_of(const struct lsp *s, const json_t *params) { return find(s, json_view(json_obj(params, "textDocument"), "uri")); }

static bool offset_of(const struct lsp *s, const struct document *d, const json_t *position, u32 *ret)
{
	u64 line, character;
	if (!json_u64(position, "line", &line) || !json_u64(position, "character", &character))
		return false;
	*ret = position_offset(&d->lines, buf_str(&d->text), s->unit, line, character);
	return true;
}

static bool range_of(const struct lsp *s, const struct document *d, const json_t *range, u32 *at, u32 *end)
{
	return offset_of(s, d, json_obj(range, "start"), at) && offset_of(s, d, json_obj(range, "end"), end) && *at <= *end;
}

void write_range(struct jsonw *w, const char *key, const struct lsp *s, struct document *d, u32 at, u32 end)
{
	struct position p[2] = { position_of(&d->lines, buf_str(&d->text), s->unit, at), position_of(&d->lines, buf_str(&d->text), s->unit, end) };
	static const char *const names[] = { "start", "end" };
	jsonw_key(w, key);
	jsonw_obj(w);
	for (int i = 0; i < 2; i++) {
		jsonw_key(w, names[i]);
		jsonw_obj(w);
		jsonw_ku(w, "line", p[i].line);
		jsonw_ku(w, "character", p[i].character);
		jsonw_end(w);
	}
	jsonw_end(w);
}

/* --- notifications: NULL, or what is wrong with the parameters --- */
static const char *did_open(struct lsp *s, const json_t *params)
{
	const json_t *item = json_obj(params, "textDocument");
	struct str uri = json_view(item, "uri"), text = json_view(item, "text");
	if (!uri.p || !text.p || str_chr(uri, '\0'))
		return "didOpen: no document";
	struct document *d = find(s, uri);
	if (!d && s->n >= LSP_DOCUMENTS)
		return "didOpen: too many open documents";
	if (!d) {
		d = document_new(uri, 0);
		VEC_PUSH(s->documents, s->n, s->cap, d);
	}
	d->version = json_integer_value(json_object_get(item, "version"));
	document_set(d, text);
	return NULL;
}

static const char *did_change(struct lsp *s, const json_t *params)
{
	struct document *d = document_of(s, params);
	const json_t *changes = json_arr(params, "contentChanges");
	if (!d || !changes)
		return "didChange: no such document, or no changes";
	const json_t *version = json_object_get(json_obj(params, "textDocument"), "version");
	if (json_is_integer(version))
		d->version = json_integer_value(version);
	for (size_t i = 0; i < json_array_size(changes); i++) {
		const json_t *change = json_array_get(changes, i);
		struct str text = json_view(change, "text");
		const json_t *range = json_object_get(change, "range");
		u32 at, end;
		if (!text.p)
			return "didChange: a change without text";
		if (!range || json_is_null(range))
			document_set(d, text);
		else if (range_of(s, d, range, &at, &end))
			document_splice(d, at, end, text);
		else
			return "didChange: a range that is none";
	}
	return NULL;
}

static const char *did_close(struct lsp *s, const json_t *params)
{
	struct document *d = document_of(s, params);
	if (!d)
		return "didClose: no such document";
	publish_nothing(s, d);
	for (u32 i = 0; i < s->n; i++)
		if (s->documents[i] == d) {
			memmove(s->documents + i, s->documents + i + 1, (s->n - i - 1) * sizeof *s->documents);
			s->n--;
			break;
		}
	document_close(d);
	return NULL;
}

/* A configuration may have changed: everything is judged again. */
static const char *judge_again(struct lsp *s, const json_t *params)
{
	(void)params;
	for (u32 i = 0; i < s->n; i++) {
		document_forget(s->documents[i]);
		s->documents[i]->unpublished = true;
	}
	return NULL;
}

static const char *did_save(struct lsp *s, const json_t *params)
{
	struct document *d = document_of(s, params);
	struct str text = json_view(params, "text");
	if (d && text.p)
		document_set(d, text);
	return d ? NULL : "didSave: no such document";
}

/* The editor is asked to say when a file that judgements depend on changes. */
static const char *initialized(struct lsp *s, const json_t *params)
{
	static const char *const files[] = { "**/.hadolint.{yaml,yml}", "**/.pare.{yaml,yml}", "**/.dockerignore", "**/*.dockerignore" };
	struct jsonw w;
	(void)params;
	if (!s->watches)
		return NULL;
	message_begin(s, &w);
	jsonw_kz(&w, "id", "watch");
	jsonw_kz(&w, "method", "client/registerCapability");
	jsonw_key(&w, "params");
	jsonw_obj(&w);
	jsonw_key(&w, "registrations");
	jsonw_arr(&w);
	jsonw_obj(&w);
	jsonw_kz(&w, "id", "watch");
	jsonw_kz(&w, "method", "workspace/didChangeWatchedFiles");
	jsonw_key(&w, "registerOptions");
	jsonw_obj(&w);
	jsonw_key(&w, "watchers");
	jsonw_arr(&w);
	for (u32 i = 0; i < countof(files); i++) {
		jsonw_obj(&w);
		jsonw_kz(&w, "globPattern", files[i]);
		jsonw_end(&w);
	}
	for (int i = 0; i < 5; i++) /* watchers, registerOptions, the registration, registrations, params */
		jsonw_end(&w);
	message_send(s, &w);
	return NULL;
}

static const char *ignore(struct lsp *s, const json_t *params)
{
	(void)s, (void)params;
	return NULL;
}

/* --- requests --- */
static bool array_has(const json_t *array, const char *word)
{
	for (size_t i = 0; i < json_array_size(array); i++) {
		const char *v = json_string_value(json_array_get(array, i));
		if (v && strcmp(v, word) == 0)
			return true;
	}
	return false;
}

static void take_capabilities(struct lsp *s, const json_t *client)
{
	const json_t *text = json_obj(client, "textDocument"), *workspace = json_obj(client, "workspace");
	const json_t *formats = json_arr(json_obj(text, "hover"), "contentFormat");
	s->unit = array_has(json_arr(json_obj(client, "general"), "positionEncodings"), "utf-8") ? UNIT_UTF8 : UNIT_UTF16;
	s->markdown = !formats || array_has(formats, "markdown");
	s->versioned_edits = json_is_true(json_object_get(json_obj(workspace, "workspaceEdit"), "documentChanges"));
	s->watches = json_is_true(json_object_get(json_obj(workspace, "didChangeWatchedFiles"), "dynamicRegistration"));
}

static void initialize(struct lsp *s, const json_t *id, const json_t *params)
{
	struct jsonw w;
	if (s->initialized) {
		answer_error(s, id, LSP_INVALID_REQUEST, "initialized already");
		return;
	}
	take_capabilities(s, json_obj(params, "capabilities"));
	s->initialized = true;
	answer_begin(s, &w, id);
	jsonw_obj(&w);
	jsonw_key(&w, "capabilities");
	jsonw_obj(&w);
	jsonw_kz(&w, "positionEncoding", s->unit == UNIT_UTF8 ? "utf-8" : "utf-16");
	jsonw_key(&w, "textDocumentSync");
	jsonw_obj(&w);
	jsonw_kb(&w, "openClose", true);
	jsonw_ku(&w, "change", 2); /* incremental */
	jsonw_kb(&w, "save", true);
	jsonw_end(&w);
	jsonw_kb(&w, "hoverProvider", true);
	jsonw_key(&w, "codeActionProvider");
	jsonw_obj(&w);
	jsonw_key(&w, "codeActionKinds");
	jsonw_arr(&w);
	jsonw_str(&w, STR("quickfix"));
	jsonw_str(&w, STR("source.fixAll.pare"));
	jsonw_end(&w);
	jsonw_end(&w);
	jsonw_end(&w);
	jsonw_key(&w, "serverInfo");
	jsonw_obj(&w);
	jsonw_kz(&w, "name", "pare");
	jsonw_kz(&w, "version", PARE_VERSION);
	jsonw_end(&w);
	jsonw_end(&w);
	message_send(s, &w);
}

static void shut_down(struct lsp *s, const json_t *id, const json_t *params)
{
	(void)params;
	s->shut_down = true;
	answer_null(s, id);
}

static void hover(struct lsp *s, const json_t *id, const json_t *params)
{
	struct document *d = document_of(s, params);
	u32 offset;
	if (!d || !offset_of(s, d, json_obj(params, "position"), &offset))
		answer_error(s, id, LSP_INVALID_PARAMS, "hover: no such document, or no position");
	else
		answer_hover(s, id, d, offset);
}

static void code_action(struct lsp *s, const json_t *id, const json_t *params)
{
	struct document *d = document_of(s, params);
	u32 at, end;
	if (!d || !range_of(s, d, json_obj(params, "range"), &at, &end))
		answer_error(s, id, LSP_INVALID_PARAMS, "codeAction: no such document, or no range");
	else
		answer_actions(s, id, d, at, end, json_arr(json_obj(params, "context"), "only"));
}

static const struct method {
	const char *name;
	void (*request)(struct lsp *s, const json_t *id, const json_t *params);
	const char *(*notification)(struct lsp *s, const json_t *params);
} methods[] = {
	{ "initialize", initialize, NULL },
	{ "shutdown", shut_down, NULL },
	{ "textDocument/hover", hover, NULL },
	{ "textDocument/codeAction", code_action, NULL },
	{ "initialized", NULL, initialized },
	{ "textDocument/didOpen", NULL, did_open },
	{ "textDocument/didChange", NULL, did_change },
	{ "textDocument/didClose", NULL, did_close },
	{ "textDocument/didSave", NULL, did_save },
	{ "workspace/didChangeConfiguration", NULL, judge_again },
	{ "workspace/didChangeWatchedFiles", NULL, judge_again },
	{ "workspace/didChangeWorkspaceFolders", NULL, ignore },
	{ "$/cancelRequest", NULL, ignore },
	{ "$/setTrace", NULL, ignore },
};

static const struct method *method_of(struct str name, bool request)
{
	for (u32 i = 0; i < countof(methods); i++)
		if (str_is(name, methods[i].name) && (request ? methods[i].request != NULL : methods[i].notification != NULL))
			return &methods[i];
	return NULL;
}

static void request(struct lsp *s, const json_t *id, struct str name, const json_t *params)
{
	const struct method *m = method_of(name, true);
	lsp_idle(s); /* who asks does not wait for what was found, nor gets it after the answer to `shutdown` */
	if (!json_is_string(id) && !json_is_integer(id))
		answer_error(s, NULL, LSP_INVALID_REQUEST, "an id is a number or a string");
	else if (s->shut_down)
		answer_error(s, id, LSP_INVALID_REQUEST, "shut down already");
	else if (!s->initialized && !str_is(name, "initialize"))
		answer_error(s, id, LSP_NOT_INITIALIZED, "not initialized");
	else if (!m)
		answer_error(s, id, LSP_NO_METHOD, "no such method");
	else
		m->request(s, id, params);
}

static void notification(struct lsp *s, struct str name, const json_t *params)
{
	const struct method *m = method_of(name, false);
	if (!s->initialized || s->shut_down)
		return; /* dropped, as the specification says */
	const char *wrong = m ? m->notification(s, params) : NULL;
	if (wrong)
		log_message(s, wrong);
}

bool lsp_message(struct lsp *s, struct str body)
{
	struct error err = { 0 };
	autojson json_t *j = json_read(body, "message", &err);
	if (!j) {
		answer_error(s, NULL, LSP_PARSE_ERROR, err.text);
		return true;
	}
	struct str name = json_view(j, "method");
	const json_t *id = json_object_get(j, "id");
	if (!name.p) {
		if (!json_is_object(j) || !id || !(json_object_get(j, "result") || json_object_get(j, "error"))) /* an answer to what we asked is taken in silence */
			answer_error(s, json_is_object(j) ? id : NULL, LSP_INVALID_REQUEST, "no request");
		return true;
	}
	if (!id && str_is(name, "exit"))
		return false;
	if (id)
		request(s, id, name, json_object_get(j, "params"));
	else
		notification(s, name, json_object_get(j, "params"));
	return true;
}

/* --- the server --- */
struct lsp *lsp_new(FILE *out, const struct lsp_host *host)
{
	struct lsp *s = xcalloc(1, sizeof *s);
	s->out = out;
	s->host = host;
	return s;
}

void lsp_free(struct lsp *s)
{
	for (u32 i = 0; i < s->n; i++)
		document_close(s->documents[i]);
	free(s->documents);
	free(s);
}

void lsp_bad_frame(struct lsp *s, const char *why) { answer_error(s, NULL, LSP_PARSE_ERROR, why); }
int lsp_status(const struct lsp *s) { return s->shut_down ? 0 : 1; }

void lsp_idle(struct lsp *s)
{
	for (u32 i = 0; i < s->n; i++)
		if (s->documents[i]->unpublished)
			publish(s, s->documents[i]);
}

/* Every message that is whole; false after `exit`. */
static bool take(struct lsp *s, struct frames *f)
{
	struct str body;
	const char *why;
	for (;;) {
		switch (frames_next(f, &body, &why)) {
		case FRAME_MORE:
			return true;
		case FRAME_BAD:
			lsp_bad_frame(s, why);
			break;
		case FRAME_MESSAGE:
			if (!lsp_message(s, body))
				return false;
		}
	}
}

int lsp_serve(int in, FILE *out, const struct lsp_host *host, struct error *err)
{
	struct lsp *s = lsp_new(out, host);
	struct frames f = { 0 };
	char chunk[65536];
	int status = -1;
	for (;;) {
		struct pollfd waiting = { .fd = in, .events = POLLIN };
		if (poll(&waiting, 1, 0) == 0)
			lsp_idle(s);
		if (ferror(out)) {
			error_set(err, ERR_ENV, "the editor does not read");
			break;
		}
		ssize_t n = read(in, chunk, sizeof chunk);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			error_errno(err, "standard input");
			break;
		}
		if (n > 0)
			frames_add(&f, str_n(chunk, (size_t)n));
		if (n == 0)
			lsp_idle(s);
		if (n == 0 || !take(s, &f)) {
			status = lsp_status(s);
			break;
		}
	}
	frames_free(&f);
	lsp_free(s);
	return status;
}
