#include "build/instruction_parts.h"
#include <arpa/inet.h>

/* What stands in the configuration under `key`, made where it is not there. */
static json_t *object(struct applied *x, const char *key)
{
	json_t *config = image_config(x->im), *v = json_object_get(config, key);

	if (!v)
		json_object_set_new(config, key, v = json_object());
	return v;
}

static void set(struct applied *x, const char *key, json_t *value) { json_object_set_new(image_config(x->im), key, value); }

static void set_in(json_t *obj, struct str key, json_t *value)
{
	json_t *k = image_text(key);

	json_object_set_new(obj, json_string_value(k), value);
	json_decref(k);
}

/* A list, which is not there when it is empty. */
static void set_list(struct applied *x, const char *key, const char *const *v, u32 n)
{
	json_t *list = json_array();

	for (u32 i = 0; i < n; i++)
		json_array_append_new(list, image_text(str_of(v[i])));
	if (n)
		set(x, key, list);
	else {
		json_decref(list);
		json_object_del(image_config(x->im), key);
	}
}

static void set_env(struct applied *x, struct str name, struct str value)
{
	json_t *config = image_config(x->im), *env = json_object_get(config, "Env"), *one, *pair;
	struct buf b = { 0 };
	size_t i;

	if (!env)
		json_object_set_new(config, "Env", env = json_array());
	buf_add(&b, name);
	buf_putc(&b, '=');
	buf_add(&b, value);
	pair = image_text(buf_str(&b));
	buf_free(&b);
	json_array_foreach(env, i, one) {
		struct str rest = json_is_string(one) ? str_of(json_string_value(one)) : STR("");
		if (str_eq(str_cut(&rest, '='), name)) {
			json_array_set_new(env, i, pair);
			return;
		}
	}
	json_array_append_new(env, pair);
}

/* ENV, LABEL: all of it is expanded with what holds before it. */
static int pairs(struct applied *x)
{
	bool env = x->i->keyword == DF_ENV;
	struct str *v = arena_array(x->a, struct str, 2 * (size_t)x->i->n_pairs + 1);
	struct buf b = { 0 };

	for (u32 k = 0; k < x->i->n_pairs; k++) {
		if (applied_expand(x, x->i->pairs[k].name.s, &v[2 * k]) < 0 || applied_expand(x, x->i->pairs[k].value.s, &v[2 * k + 1]) < 0)
			return -1;
		if (!v[2 * k].n)
			return error_set(x->err, ERR_INPUT, "%s names can not be blank", df_keyword_text[x->i->keyword]);
		if (env && str_chr(v[2 * k], '='))
			return error_set(x->err, ERR_INPUT, "the name of a variable holds '=': \"%.*s\"", STR_FMT(str_head(v[2 * k], 80)));
	}
	buf_puts(&b, df_keyword_text[x->i->keyword]);
	for (u32 k = 0; k < x->i->n_pairs; k++) {
		struct str name = v[2 * k], value = v[2 * k + 1];
		if (env)
			set_env(x, name, value);
		else
			set_in(object(x, "Labels"), name, image_text(value));
		buf_putc(&b, ' ');
		buf_add(&b, name);
		buf_putc(&b, '=');
		buf_add(&b, value);
	}
	applied_created_by(x, &b);
	return 0;
}

/* The command of CMD, ENTRYPOINT: the strings of the JSON form, or the shell with the line. Never expanded. */
static int command(struct applied *x)
{
	bool cmd = x->i->keyword == DF_CMD;
	const char *const *v;
	struct buf b = { 0 };
	u32 n = 0;

	for (u32 k = 0; k < x->i->n_args; k++)
		if (str_chr(x->i->args[k].s, '\0'))
			return error_set(x->err, ERR_INPUT, "a NUL byte in the command");
	if (x->i->json) {
		const char **words = arena_array(x->a, const char *, x->i->n_args + 1);
		for (; n < x->i->n_args; n++)
			words[n] = arena_strdup(x->a, x->i->args[n].s);
		v = words;
	} else {
		v = image_shell(x->im, x->a, x->i->n_args ? arena_strdup(x->a, x->i->args[0].s) : "", &n);
	}
	set_list(x, cmd ? "Cmd" : "Entrypoint", v, n);
	if (cmd) {
		x->im->cmd_set = true;
		set(x, "ArgsEscaped", json_true());
	} else if (!x->im->cmd_set) {
		json_object_del(image_config(x->im), "Cmd"); /* what the base starts is for another entry point */
	}
	buf_printf(&b, "%s ", df_keyword_text[x->i->keyword]);
	buf_quoted(&b, v, n);
	applied_created_by(x, &b);
	return 0;
}

static int shell(struct applied *x)
{
	const char **v = arena_array(x->a, const char *, x->i->n_args + 1);
	struct buf b = { 0 };

	if (!x->i->json || !x->i->n_args)
		return error_set(x->err, ERR_INPUT, "SHELL requires the arguments to be in JSON form");
	for (u32 k = 0; k < x->i->n_args; k++) {
		if (str_chr(x->i->args[k].s, '\0'))
			return error_set(x->err, ERR_INPUT, "a NUL byte in SHELL");
		v[k] = arena_strdup(x->a, x->i->args[k].s);
	}
	set_list(x, "Shell", v, x->i->n_args);
	buf_puts(&b, "SHELL ");
	buf_list(&b, v, x->i->n_args);
	applied_created_by(x, &b);
	return 0;
}

/* "8000-8010" and "80" alike. */
static bool port_range(struct str s, u64 *from, u64 *to)
{
	struct str rest = s, first = str_cut(&rest, '-');

	if (!str_to_u64(first, from) || *from > UINT16_MAX)
		return false;
	*to = *from;
	return !rest.p || (str_to_u64(rest, to) && *to <= UINT16_MAX && *to >= *from);
}

/* An address in front of a port of the host is checked and says nothing. */
static bool is_address(struct str s)
{
	u8 raw[16];
	char z[64];

	if (s.n > 1 && s.p[0] == '[' && s.p[s.n - 1] == ']')
		s = str_n(s.p + 1, s.n - 2);
	if (!s.n || s.n >= sizeof z)
		return s.n == 0;
	memcpy(z, s.p, s.n);
	z[s.n] = '\0';
	return inet_pton(AF_INET, z, raw) == 1 || inet_pton(AF_INET6, z, raw) == 1;
}

/* "[[ADDRESS:]HOST:]PORT[-PORT][/PROTOCOL]" */
static int port(struct applied *x, struct str s, struct buf *said)
{
	static const char *const protocols[] = { "tcp", "udp", "sctp" };
	struct str host = { 0 }, address = { 0 }, proto = s, range;
	u64 from, to, host_from, host_to;
	u32 p = 0;

	for (size_t i = s.n; i-- > 0;)
		if (s.p[i] == ':') {
			host = str_head(s, i);
			proto = str_from(s, i + 1);
			break;
		}
	for (size_t i = host.n; i-- > 0;)
		if (host.p[i] == ':') {
			address = str_head(host, i);
			host = str_from(host, i + 1);
			break;
		}
	range = str_cut(&proto, '/');
	if (!range.n)
		return error_set(x->err, ERR_INPUT, "no port specified: %.*s", STR_FMT(s));
	while (proto.n && p < countof(protocols) && !str_ieq(proto, str_of(protocols[p])))
		p++;
	if (p == countof(protocols))
		return error_set(x->err, ERR_INPUT, "invalid proto: %.*s", STR_FMT(proto));
	if (!is_address(address))
		return error_set(x->err, ERR_INPUT, "invalid IP address: %.*s", STR_FMT(address));
	if (!port_range(range, &from, &to))
		return error_set(x->err, ERR_INPUT, "invalid containerPort: %.*s", STR_FMT(range));
	if (host.n && !port_range(host, &host_from, &host_to))
		return error_set(x->err, ERR_INPUT, "invalid hostPort: %.*s", STR_FMT(host));
	if (host.n && to != from && to - from != host_to - host_from)
		return error_set(x->err, ERR_INPUT, "invalid ranges specified for container and host Ports: %.*s and %.*s", STR_FMT(range), STR_FMT(host));
	for (u64 k = from; k <= to; k++) {
		char text[32];
		snprintf(text, sizeof text, "%u/%s", (unsigned)k, protocols[p]);
		json_object_set_new(object(x, "ExposedPorts"), text, json_object());
		if (said->n < CREATED_BY_MAX)
			buf_printf(said, "%s%s", said->p[said->n - 1] == '[' ? "" : " ", text);
	}
	return 0;
}

static int expose(struct applied *x)
{
	struct word_env env = df_state_env(x->state);
	struct word_options o = { .escape = x->escape };
	struct buf b = { 0 };

	buf_puts(&b, "EXPOSE [");
	for (u32 k = 0; k < x->i->n_args; k++) {
		struct str *v;
		u32 n;
		if (word_split(x->a, x->i->args[k].s, &o, &env, &v, &n, x->err) < 0)
			goto fail;
		for (u32 j = 0; j < n; j++)
			if (port(x, v[j], &b) < 0)
				goto fail;
	}
	buf_putc(&b, ']');
	applied_created_by(x, &b);
	return 0;
fail:
	buf_free(&b);
	return -1;
}

static int volume(struct applied *x)
{
	const char **v = arena_array(x->a, const char *, x->i->n_args + 1);
	struct buf b = { 0 };

	for (u32 k = 0; k < x->i->n_args; k++) {
		struct str path;
		if (applied_expand(x, str_trim(x->i->args[k].s), &path) < 0)
			return -1;
		if (!path.n)
			return error_set(x->err, ERR_INPUT, "VOLUME specified can not be an empty string");
		set_in(object(x, "Volumes"), path, json_object());
		v[k] = arena_strdup(x->a, path);
	}
	buf_puts(&b, "VOLUME ");
	buf_list(&b, v, x->i->n_args);
	applied_created_by(x, &b);
	return 0;
}

/* USER, STOPSIGNAL, WORKDIR, MAINTAINER: one text. */
static int one(struct applied *x)
{
	struct str v = STR("");
	struct buf b = { 0 };

	if (x->i->n_args != 1)
		return error_set(x->err, ERR_INPUT, "%s requires exactly one argument", df_keyword_text[x->i->keyword]);
	if (x->i->keyword == DF_MAINTAINER)
		v = x->i->args[0].s;
	else if (applied_expand(x, x->i->args[0].s, &v) < 0)
		return -1;
	switch (x->i->keyword) {
	case DF_USER:
		set(x, "User", image_text(v));
		if (!v.n)
			json_object_del(image_config(x->im), "User");
		break;
	case DF_STOPSIGNAL:
		if (!df_is_signal(v))
			return error_set(x->err, ERR_INPUT, "invalid signal: %.*s", STR_FMT(v));
		set(x, "StopSignal", image_text(v));
		break;
	case DF_MAINTAINER:
		json_object_set_new(x->im->doc, "author", image_text(v));
		break;
	default:
		v = df_path_join(x->a, v.n && v.p[0] == '/' ? STR("/") : str_of(image_workdir(x->im)), v);
		set(x, "WorkingDir", image_text(v));
		x->ret->kind = ACTION_WORKDIR;
		x->ret->workdir = arena_strdup(x->a, v);
		x->ret->owner = arena_strdup(x->a, str_of(image_user(x->im)));
		x->ret->layer = !str_is(v, "/");
		break;
	}
	buf_printf(&b, "%s ", df_keyword_text[x->i->keyword]);
	buf_add(&b, v);
	applied_created_by(x, &b);
	return 0;
}

/* As Go prints a duration: "1m30s", "500ms". */
static void put_duration(struct buf *b, s64 ns)
{
	u64 n = (u64)ns, whole = n / 1000000000, part = n % 1000000000;
	char fraction[16];

	if (n < 1000000000) {
		if (n)
			buf_printf(b, "%g%s", n < 1000 ? (double)n : n < 1000000 ? (double)n / 1e3 : (double)n / 1e6, n < 1000 ? "ns" : n < 1000000 ? "µs" : "ms");
		else
			buf_puts(b, "0s");
		return;
	}
	if (whole >= 3600)
		buf_printf(b, "%lluh", (unsigned long long)(whole / 3600));
	if (whole >= 60)
		buf_printf(b, "%llum", (unsigned long long)(whole / 60 % 60));
	snprintf(fraction, sizeof fraction, ".%09llu", (unsigned long long)part);
	for (size_t k = strlen(fraction); k && (fraction[k - 1] == '0' || fraction[k - 1] == '.'); k--)
		fraction[k - 1] = '\0';
	buf_printf(b, "%llu%ss", (unsigned long long)(whole % 60), part ? fraction : "");
}

static int healthcheck(struct applied *x)
{
	static const struct { const char *flag, *key; } times[] = { { "interval", "Interval" }, { "timeout", "Timeout" }, { "start-period", "StartPeriod" }, { "start-interval", "StartInterval" } };
	const struct df_instruction *i = x->i;
	json_t *health = json_object(), *test = json_array();
	const char **v = arena_array(x->a, const char *, i->n_args + 1);
	struct buf b = { 0 };
	bool none = i->n_args && str_ieq(i->args[0].s, STR("none"));
	u64 retries = 0;

	json_object_set_new(health, "Test", test);
	v[0] = none ? "NONE" : i->json ? "CMD" : "CMD-SHELL";
	for (u32 k = 1; k < i->n_args; k++)
		v[k] = arena_strdup(x->a, i->args[k].s);
	for (u32 k = 0; k < MAX(i->n_args, 1u); k++)
		json_array_append_new(test, image_text(str_of(v[k])));
	buf_puts(&b, "HEALTHCHECK {Test:");
	buf_list(&b, v, MAX(i->n_args, 1u));
	for (u32 k = 0; k < countof(times); k++) {
		const struct df_flag *f = none ? NULL : df_flag(i, times[k].flag);
		s64 ns = 0;
		if (f && f->value.n && !df_duration(f->value, &ns))
			ns = 0; /* check.c refuses it */
		if (ns > 0)
			json_object_set_new(health, times[k].key, json_integer(ns));
		buf_printf(&b, " %s:", times[k].key);
		put_duration(&b, MAX(ns, (s64)0));
	}
	const struct df_flag *f = none ? NULL : df_flag(i, "retries");
	if (f && f->value.n && str_to_u64(str_from(f->value, f->value.p[0] == '+'), &retries) && retries)
		json_object_set_new(health, "Retries", json_integer((json_int_t)retries));
	buf_printf(&b, " Retries:%llu}", (unsigned long long)retries);
	set(x, "Healthcheck", health);
	applied_created_by(x, &b);
	return 0;
}

/* Kept as text; it is run where somebody builds on this image. */
static int onbuild(struct applied *x)
{
	json_t *config = image_config(x->im), *list = json_object_get(config, "OnBuild");
	struct buf b = { 0 };

	if (!list)
		json_object_set_new(config, "OnBuild", list = json_array());
	buf_add(&b, x->i->rest.s);
	for (u32 k = 0; k < x->i->n_heredocs; k++) {
		buf_putc(&b, '\n');
		buf_add(&b, x->i->heredocs[k].content);
		buf_add(&b, x->i->heredocs[k].name);
	}
	if (str_chr(buf_str(&b), '\0')) {
		buf_free(&b);
		return error_set(x->err, ERR_INPUT, "a NUL byte in a trigger");
	}
	json_array_append_new(list, image_text(buf_str(&b)));
	buf_free(&b);
	return 0;
}

int apply_config(struct applied *x)
{
	switch (x->i->keyword) {
	case DF_ENV:
	case DF_LABEL: return pairs(x);
	case DF_CMD:
	case DF_ENTRYPOINT: return command(x);
	case DF_SHELL: return shell(x);
	case DF_EXPOSE: return expose(x);
	case DF_VOLUME: return volume(x);
	case DF_HEALTHCHECK: return healthcheck(x);
	case DF_ONBUILD: return onbuild(x);
	default: return one(x);
	}
}
