#include "build/instruction_parts.h"

#define PIPES "/dev/pipes/" /* where BuildKit puts scripts */

struct str applied_chomp(struct applied *x, struct str s)
{
	char *out = arena_alloc(x->a, s.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.n;) {
		while (i < s.n && s.p[i] == '\t')
			i++;
		while (i < s.n && (out[n++] = s.p[i++]) != '\n')
			;
	}
	return str_n(out, n);
}

/* ---- environment ---- */

/* What only --build-arg says of proxies: BuildKit gives it to every command under both spellings. */
static void proxies(struct applied *x, const char **env, u32 *n, const char **secret, u32 *n_secret)
{
	for (u32 k = 0; k < 10; k += 2) { /* the first of df_predefined_args: upper case, lower case */
		struct str value = { 0 };

		for (u32 i = 0; i < x->opt->n_build_args; i++) {
			struct str v = x->opt->build_args[i], key = str_cut(&v, '=');
			if (v.n && str_ieq(key, str_of(df_predefined_args[k])))
				value = v;
		}
		for (u32 s = k; value.p && s < k + 2; s++) {
			const struct df_var *declared = df_state_var(x->state, str_of(df_predefined_args[s]));

			for (u32 i = 0; declared && i < *n; i++) /* instead of its own */
				if (str_starts(str_of(env[i]), declared->name) && env[i][declared->name.n] == '=')
					env[i] = env[--*n];
			env[(*n)++] = arena_printf(x->a, "%s=%.*s", df_predefined_args[s], (int)MIN(value.n, (size_t)INT32_MAX), value.p);
			if (!declared)
				secret[(*n_secret)++] = df_predefined_args[s];
		}
	}
	env[*n] = secret[*n_secret] = NULL;
}

/* Every variable that has a value, in the order in which they were set last. */
static int environment(struct applied *x)
{
	struct stage_image *im = x->im;
	struct run_step *r = &x->ret->run;
	u32 n = 0, n_secret = 0, all = 0;

	if (im->env_of != x->state) {
		for (const struct df_var *v = x->state->vars; v; v = v->shadow)
			all++;
		const char **env = arena_array(x->a, const char *, all + 11), **secret = arena_array(x->a, const char *, 11);
		for (const struct df_var *v = x->state->vars; v; v = v->shadow) {
			if (!v->value.p || !v->name.n || df_state_var(x->state, v->name) != v || str_is(v->name, "BUILDKIT_SBOM_SCAN_CONTEXT") || str_is(v->name, "BUILDKIT_SBOM_SCAN_STAGE"))
				continue;
			struct buf b = { 0 };
			buf_add(&b, v->name);
			buf_putc(&b, '=');
			buf_add(&b, v->value);
			im->said += b.n + sizeof *env;
			bool nul = str_chr(buf_str(&b), '\0');
			env[n++] = applied_z(x, &b);
			if (nul || im->said > 4 * SAID_MAX)
				return nul ? error_set(x->err, ERR_INPUT, "a NUL byte in the variable %.*s", STR_FMT(v->name))
					   : error_set(x->err, ERR_INPUT, "the environments of all steps are over %u MiB", (unsigned)(4 * SAID_MAX / MiB));
		}
		for (u32 i = 0; i < n / 2; i++) {
			const char *swap = env[i];
			env[i] = env[n - 1 - i];
			env[n - 1 - i] = swap;
		}
		proxies(x, env, &n, secret, &n_secret);
		im->env = env;
		im->secret_env = secret;
		im->env_of = x->state;
	}
	r->env = im->env;
	r->secret_env = im->secret_env;
	return 0;
}

/* ---- mounts ---- */

struct asked { /* one --mount while its fields are read */
	struct run_mount m;
	struct str target, source, id, from, env;
	bool type_set, writable_set, uid_set, gid_set, sharing_set;
};

/* The next field of a line of CSV; false: there is none. check.c refused what is none. */
static bool field(struct applied *x, struct str line, size_t *at, struct str *ret)
{
	if (*at > line.n)
		return false;
	if (*at == line.n || line.p[*at] != '"') {
		struct str rest = str_from(line, *at);
		*ret = str_cut(&rest, ',');
		*at += ret->n + 1;
		return true;
	}
	char *out = arena_alloc(x->a, line.n - *at + 1);
	size_t n = 0, i = *at + 1;
	for (; i < line.n && (line.p[i] != '"' || (i + 1 < line.n && line.p[i + 1] == '"')); i++) {
		out[n++] = line.p[i];
		i += line.p[i] == '"';
	}
	*ret = str_n(out, n);
	*at = i + 2;
	return true;
}

/* Go's strconv.ParseBool. */
static bool boolean(struct str s, bool *ret)
{
	*ret = str_among(s, "1 t T TRUE true True");
	return *ret || str_among(s, "0 f F FALSE false False");
}

static bool octal(struct str s, u32 *ret)
{
	u64 v = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '7' || (v = v * 8 + (u64)(s.p[i] - '0')) > UINT32_MAX)
			return false;
	}
	*ret = (u32)v;
	return s.n > 0;
}

/* "64m", "1.5GiB": powers of 1024, whatever the unit is called. */
static bool size_of(struct str s, u64 *ret)
{
	static const char units[] = "kmgtp";
	double v = 0, scale = 1;
	size_t i = 0, digits = 0;

	for (; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++, digits++)
		v = v * 10 + (s.p[i] - '0');
	if (digits && i < s.n && s.p[i] == '.')
		for (i++; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++)
			v += (s.p[i] - '0') * (scale /= 10);
	s = str_from(s, i);
	if (s.n && s.p[0] == ' ')
		s = str_from(s, 1);
	const char *unit = s.n ? strchr(units, s.p[0] | 32) : NULL;
	if (unit && *unit) {
		for (const char *u = units; u <= unit; u++)
			v *= 1024;
		s = str_from(s, 1);
		if (s.n && (s.p[0] | 32) == 'i')
			s = str_from(s, 1);
	}
	if (s.n && (s.p[0] | 32) == 'b')
		s = str_from(s, 1);
	*ret = v < 9e18 ? (u64)v : 0;
	return digits && !s.n && v < 9e18;
}

static int unexpected(struct applied *x, struct str key, enum mount_type type)
{
	static const char *const types[] = { "bind", "cache", "tmpfs", "secret", "ssh", "" };
	return error_set(x->err, ERR_INPUT, "unexpected key '%.*s' for mount type '%s'", STR_FMT(key), types[type]);
}

static int invalid(struct applied *x, struct str key, struct str value) { return error_set(x->err, ERR_INPUT, "invalid value for %.*s: %.*s", STR_FMT(key), STR_FMT(value)); }

static int number(struct applied *x, struct str key, struct str value, u32 *ret, bool *set)
{
	u64 v;

	if (!str_to_u64(value, &v) || v > UINT32_MAX)
		return error_set(x->err, ERR_INPUT, "invalid value %.*s for %.*s", STR_FMT(value), STR_FMT(key));
	*ret = (u32)v;
	*set = true;
	return 0;
}

/* One of the names as written, ASCII case ignored; n: none. */
static u32 choice(struct str value, const char *const *names, u32 n)
{
	u32 i = 0;

	while (i < n && !str_ieq(value, str_of(names[i])))
		i++;
	return i;
}

static int take(struct applied *x, struct asked *q, struct str key, struct str value)
{
	static const char *const types[] = { "bind", "cache", "tmpfs", "secret", "ssh" }, *const sharings[] = { "shared", "private", "locked" };
	struct run_mount *m = &q->m;
	bool ro = str_ieq(key, STR("readonly")) || str_ieq(key, STR("ro")), rw = str_ieq(key, STR("readwrite")) || str_ieq(key, STR("rw")), yes = true;

	if (str_ieq(key, STR("type"))) {
		u32 t = choice(value, types, countof(types));
		if (t == countof(types))
			return error_set(x->err, ERR_INPUT, "unsupported mount type \"%.*s\"", STR_FMT(value));
		m->type = (enum mount_type)t;
	} else if (ro || rw || str_ieq(key, STR("required"))) {
		if (value.p && !boolean(value, &yes))
			return invalid(x, key, value);
		if (ro || rw) {
			m->writable = yes == rw;
			q->writable_set = true;
			return 0;
		}
		if (m->type != MOUNT_SECRET && m->type != MOUNT_SSH)
			return unexpected(x, key, m->type);
		m->required = yes;
	} else if (!value.p) {
		return error_set(x->err, ERR_INPUT, "invalid field '%.*s' must be a key=value pair", STR_FMT(key));
	} else if (str_ieq(key, STR("from"))) {
		q->from = value;
	} else if (str_ieq(key, STR("source")) || str_ieq(key, STR("src"))) {
		q->source = value;
	} else if (str_ieq(key, STR("target")) || str_ieq(key, STR("dst")) || str_ieq(key, STR("destination"))) {
		q->target = value;
	} else if (str_ieq(key, STR("id"))) {
		q->id = value;
	} else if (str_ieq(key, STR("env"))) {
		q->env = value;
	} else if (str_ieq(key, STR("size"))) {
		if (m->type != MOUNT_TMPFS)
			return unexpected(x, key, m->type);
		if (!size_of(value, &m->size))
			return invalid(x, key, value);
	} else if (str_ieq(key, STR("sharing"))) {
		u32 s = choice(value, sharings, countof(sharings));
		if (s == countof(sharings))
			return error_set(x->err, ERR_INPUT, "unsupported sharing value \"%.*s\"", STR_FMT(value));
		m->sharing = (enum mount_sharing)s;
		q->sharing_set = true;
	} else if (str_ieq(key, STR("mode"))) {
		if (!octal(value, &m->mode))
			return error_set(x->err, ERR_INPUT, "invalid value %.*s for mode", STR_FMT(value));
		m->mode_set = true;
	} else if (str_ieq(key, STR("uid"))) {
		return number(x, key, value, &m->uid, &q->uid_set);
	} else if (str_ieq(key, STR("gid"))) {
		return number(x, key, value, &m->gid, &q->gid_set);
	} else {
		return error_set(x->err, ERR_INPUT, "unexpected key '%.*s' in a mount", STR_FMT(key));
	}
	return 0;
}

/* What may not stand together, once all of it is read. */
static int valid(struct applied *x, const struct asked *q)
{
	enum mount_type t = q->m.type;

	if (t == MOUNT_BIND || t == MOUNT_TMPFS) {
		const char *what = q->m.mode_set ? "mode" : q->uid_set ? "uid" : q->gid_set ? "gid" : NULL;
		if (what)
			return error_set(x->err, ERR_INPUT, "%s not allowed for \"%s\" type mounts", what, t == MOUNT_BIND ? "bind" : "tmpfs");
	}
	if (t == MOUNT_SECRET && q->from.n)
		return error_set(x->err, ERR_INPUT, "secret mount should not have a from");
	if (q->sharing_set && t != MOUNT_CACHE)
		return error_set(x->err, ERR_INPUT, "invalid cache sharing set for a mount that is no cache");
	if (q->env.p && t != MOUNT_SECRET)
		return unexpected(x, STR("env"), t);
	if (q->env.p && (!q->env.n || str_chr(q->env, '=')))
		return error_set(x->err, ERR_INPUT, "invalid value for env: \"%.*s\"", STR_FMT(q->env));
	if (t == MOUNT_SECRET && !q->source.n && !q->target.n && !q->id.n)
		return error_set(x->err, ERR_INPUT, "invalid secret mount. one of source, target required");
	if (t == MOUNT_SECRET && q->source.n && q->id.n)
		return error_set(x->err, ERR_INPUT, "both source and id can't be set");
	if (t == MOUNT_SSH && q->source.n)
		return error_set(x->err, ERR_INPUT, "ssh mount should not have a source");
	return 0;
}

static const char *absolute(struct applied *x, struct str path)
{
	return arena_strdup(x->a, df_path_join(x->a, path.n && path.p[0] == '/' ? STR("/") : str_of(image_workdir(x->im)), path));
}

static const char *z(struct applied *x, struct str s) { return s.n ? arena_strdup(x->a, s) : NULL; }

/* Defaults of its kind. `agents`: sockets of agents so far. */
static int complete(struct applied *x, struct asked *q, u32 *agents)
{
	struct run_mount *m = &q->m;

	if (!q->writable_set)
		m->writable = m->type == MOUNT_CACHE || m->type == MOUNT_TMPFS;
	if (m->type == MOUNT_SECRET) {
		struct str id = q->source.n ? q->source : q->id.n ? q->id : str_base(q->target);
		m->id = arena_strdup(x->a, id);
		m->env = z(x, q->env);
		if (q->target.n || !m->env)
			m->target = q->target.n ? absolute(x, q->target) : arena_printf(x->a, "/run/secrets/%.*s", STR_FMT(str_base(id)));
	} else if (m->type == MOUNT_SSH) {
		m->id = q->id.n ? arena_strdup(x->a, q->id) : "default";
		m->target = q->target.n ? absolute(x, q->target) : arena_printf(x->a, "/run/buildkit/ssh_agent.%u", *agents);
		++*agents;
	} else {
		m->target = absolute(x, q->target);
		m->from = m->type == MOUNT_TMPFS ? NULL : z(x, q->from);
		if (m->type != MOUNT_TMPFS && q->source.n)
			m->source = arena_strdup(x->a, df_path_join(x->a, STR("/"), q->source));
		if (m->source && strcmp(m->source, "/") == 0)
			m->source = NULL;
	}
	if (m->type == MOUNT_CACHE)
		m->id = q->id.n ? arena_strdup(x->a, q->id) : arena_strdup(x->a, df_path_join(x->a, q->target.n && q->target.p[0] == '/' ? STR("/") : STR(""), q->target));
	if (!m->mode_set)
		m->mode = m->type == MOUNT_SECRET ? 0400 : m->type == MOUNT_SSH ? 0600 : 0755;
	if (m->target && strcmp(m->target, "/") == 0)
		return error_set(x->err, ERR_INPUT, "invalid mount target \"/\"");
	return 0;
}

static int mounts(struct applied *x, struct run_mount *v, u32 *n, u32 *agents)
{
	for (const struct df_flag *f = NULL; (f = df_flags_next(x->i, "mount", f)); ++*n) {
		struct asked q = { .m = { .type = MOUNT_BIND } };
		struct str part;

		for (size_t at = 0; field(x, f->value, &at, &part);) {
			struct str value = part, key = str_cut(&value, '=');
			if (value.p && applied_expand(x, value, &value) < 0)
				return -1;
			if (take(x, &q, key, value) < 0)
				return -1;
		}
		if (valid(x, &q) < 0 || complete(x, &q, agents) < 0)
			return -1;
		v[*n] = q.m;
	}
	return 0;
}

/* ---- the command ---- */

/* The line that the shell is given: a here-document alone is the script itself; beside a command they are the shell's. */
static int line(struct applied *x, struct run_mount *script, bool *has_script, const char **ret)
{
	const struct df_instruction *i = x->i;
	struct str rest = i->n_args ? i->args[0].s : STR("");
	struct buf b = { 0 };

	*has_script = false;
	if (i->n_heredocs == 1) {
		const struct df_heredoc *h = &i->heredocs[0];
		struct df_span all = df_text_span(&i->rest, 0, (u32)i->rest.s.n);
		if (h->marker.at == all.at && h->marker.end == all.end) {
			struct str body = h->chomp ? applied_chomp(x, h->content) : h->content;
			if (!str_starts(body, STR("#!")) || strcmp(x->im->platform.os, "windows") == 0) {
				*ret = arena_strdup(x->a, body);
				return str_chr(body, '\0') ? error_set(x->err, ERR_INPUT, "a NUL byte in the here-document") : 0;
			}
			if (str_chr(h->name, '/') || str_is(h->name, ".") || str_is(h->name, ".."))
				return error_set(x->err, ERR_INPUT, "a script cannot be called \"%.*s\": it is a file's name", STR_FMT(h->name));
			*ret = arena_printf(x->a, PIPES "%.*s", STR_FMT(h->name));
			*script = (struct run_mount){ .type = MOUNT_TEXT, .target = *ret, .text = body, .mode = 0755 };
			*has_script = true;
			return 0;
		}
	}
	buf_add(&b, rest);
	for (u32 k = 0; k < i->n_heredocs; k++) {
		buf_putc(&b, '\n');
		buf_add(&b, i->heredocs[k].content);
		buf_add(&b, i->heredocs[k].name);
	}
	bool nul = str_chr(buf_str(&b), '\0');
	*ret = applied_z(x, &b);
	return nul ? error_set(x->err, ERR_INPUT, "a NUL byte in the command") : 0;
}

static int argv(struct applied *x, struct run_mount *script, bool *has_script, u32 *n)
{
	const struct df_instruction *i = x->i;
	const char *text = "";

	*has_script = false;
	if (!i->json) {
		if (line(x, script, has_script, &text) < 0)
			return -1;
		x->ret->run.argv = image_shell(x->im, x->a, text, n);
		return 0;
	}
	const char **v = arena_array(x->a, const char *, i->n_args + 1);
	if (!i->n_args || i->n_heredocs)
		return error_set(x->err, ERR_INPUT, i->n_args ? "here-documents stand in the JSON form of RUN" : "RUN requires at least one argument");
	for (*n = 0; *n < i->n_args; ++*n) {
		if (str_chr(i->args[*n].s, '\0'))
			return error_set(x->err, ERR_INPUT, "a NUL byte in the command");
		v[*n] = arena_strdup(x->a, i->args[*n].s);
	}
	x->ret->run.argv = v;
	return 0;
}

/* "RUN |1 A=b /bin/sh -c make # buildkit": the arguments that hold, then the command. */
static void said(struct applied *x, u32 n)
{
	const struct df_var **v = NULL;
	u32 many = 0, cap = 0;
	struct buf b = { 0 };

	for (const struct df_var *d = x->state->vars; d && x->im->said <= SAID_MAX; d = d->shadow)
		if (!d->env)
			VEC_PUSH(v, many, cap, d);
	u32 left = 0;
	for (u32 k = many; k-- > 0;) { /* in the order in which they were declared first */
		bool before = false;
		for (u32 j = many; j-- > k + 1 && !before && many < 1000;)
			before = str_eq(v[j]->name, v[k]->name);
		if (before)
			continue;
		const struct df_var *now = df_state_var(x->state, v[k]->name);
		buf_putc(&b, ' ');
		buf_add(&b, v[k]->name);
		buf_putc(&b, '=');
		buf_add(&b, now && now->value.p ? now->value : STR(""));
		left++;
	}
	free(v);
	struct buf all = { 0 };
	buf_puts(&all, "RUN");
	if (left)
		buf_printf(&all, " |%u", left);
	buf_add(&all, buf_str(&b));
	buf_free(&b);
	for (u32 k = 0; k < n; k++) {
		buf_putc(&all, ' ');
		buf_puts(&all, x->ret->run.argv[k]);
	}
	buf_puts(&all, " # buildkit");
	applied_created_by(x, &all);
}

int apply_run(struct applied *x)
{
	struct run_step *r = &x->ret->run;
	const struct df_flag *network = df_flag(x->i, "network"), *security = df_flag(x->i, "security"), *device = df_flag(x->i, "device");
	struct run_mount *v = arena_array(x->a, struct run_mount, x->i->n_flags + 1);
	bool script;
	u32 n = 0, words = 0, agents = 0;

	x->ret->kind = ACTION_RUN;
	x->ret->layer = true;
	if (device)
		return error_set(x->err, ERR_INPUT, "RUN --device: there are no devices to be given to a step");
	if (argv(x, &v[0], &script, &words) < 0)
		return -1;
	n = script;
	if (mounts(x, v, &n, &agents) < 0 || environment(x) < 0)
		return -1;
	r->mounts = v;
	r->n_mounts = n;
	r->user = arena_strdup(x->a, str_of(image_user(x->im)));
	r->cwd = arena_strdup(x->a, str_of(image_workdir(x->im)));
	r->network = !network || str_is(network->value, "default") ? STEP_DEFAULT : str_is(network->value, "none") ? STEP_NONE : STEP_HOST;
	r->insecure = security && str_is(security->value, "insecure");
	if (agents && !df_state_var(x->state, STR("SSH_AUTH_SOCK"))) {
		u32 many = 0;
		while (r->env[many])
			many++;
		const char **env = arena_array(x->a, const char *, many + 2);
		memcpy(env, r->env, many * sizeof *env);
		for (u32 k = 0; k < n && !env[many]; k++)
			if (v[k].type == MOUNT_SSH)
				env[many] = arena_printf(x->a, "SSH_AUTH_SOCK=%s", v[k].target);
		r->env = env;
	}
	said(x, words);
	return 0;
}
