#include "check/accounts.h"
#include "package/note.h"

#define NAME_MAX_SHOWN ((size_t)160)

struct taking {
	struct buf *note;
	u32 line, n;
};

static void leb(struct buf *b, u64 v)
{
	for (; v >= 128; v >>= 7)
		buf_putc(b, (char)(u8)(v | 128));
	buf_putc(b, (char)(u8)v);
}

static void tell(struct taking *t, enum account_what what, u32 line, struct str name)
{
	if (++t->n > ACCOUNTS_FACTS)
		return;
	name = str_head(name, NAME_MAX_SHOWN);
	buf_putc(t->note, (char)what);
	leb(t->note, line);
	leb(t->note, name.n);
	buf_add(t->note, name);
}

bool account_note_next(struct str *note, struct account_fact *ret)
{
	u64 line, n;
	if (!note->n)
		return false;
	u8 what = (u8)note->p[0];
	*note = str_from(*note, 1);
	if (what < ACCOUNT_USER || what >= ACCOUNT_END || !note_leb(note, &line) || line > UINT32_MAX || !note_leb(note, &n) || n > note->n || n > NAME_MAX_SHOWN)
		return false;
	*ret = (struct account_fact){ (enum account_what)what, (u32)line, str_head(*note, (size_t)n) };
	*note = str_from(*note, (size_t)n);
	return true;
}

/* --- passwd, shadow, group: fields between colons, an account a line --- */
struct account {
	struct str name;
	u64 id;
	u32 line;
	bool has_id;
};

static int by_name(const void *a, const void *b)
{
	const struct account *x = a, *y = b;
	int c = str_cmp(x->name, y->name);
	return c ? c : (x->line > y->line) - (x->line < y->line);
}

static int by_id(const void *a, const void *b)
{
	const struct account *x = a, *y = b;
	if (x->has_id != y->has_id)
		return x->has_id ? -1 : 1;
	return x->id != y->id ? (x->id > y->id) - (x->id < y->id) : (x->line > y->line) - (x->line < y->line);
}

/* Those that have what the one before them has: the first is who it belongs to. */
static void doubles(struct taking *t, struct account *v, u32 n, enum account_what same_id, enum account_what same_name)
{
	if (n)
		qsort(v, n, sizeof *v, by_name);
	for (u32 i = 1; i < n; i++)
		if (str_eq(v[i].name, v[i - 1].name))
			tell(t, same_name, v[i].line, v[i].name);
	if (n)
		qsort(v, n, sizeof *v, by_id);
	for (u32 i = 1, first = 0; i < n && v[i].has_id; i++) {
		if (v[i].id != v[first].id)
			first = i;
		else if (!str_eq(v[i].name, v[first].name)) {
			struct buf both = BUF(600);
			buf_printf(&both, "%.*s, %.*s", STR_FMT(str_head(v[first].name, 64)), STR_FMT(str_head(v[i].name, 64)));
			tell(t, same_id, v[i].line, buf_str(&both));
			buf_free(&both);
		}
	}
}

static bool is_hash(struct str password) { return password.n >= 13 && password.p[0] != '!' && password.p[0] != '*'; }

static void password_of(struct taking *t, struct str name, struct str password, bool there)
{
	if (there && !password.n)
		tell(t, ACCOUNT_NO_PASSWORD, t->line, name);
	else if (is_hash(password))
		tell(t, password.p[0] != '$' || str_starts(password, STR("$1$")) ? ACCOUNT_WEAK_HASH : ACCOUNT_HASH, t->line, name);
}

enum table_kind { PASSWD, SHADOW, GROUP };

static void one_account(struct taking *t, enum table_kind kind, struct str s, struct account *a)
{
	struct str field[4] = { { 0 } };
	for (size_t i = 0; i < countof(field) && s.p; i++)
		field[i] = str_cut(&s, ':');
	*a = (struct account){ .name = field[0], .line = t->line };
	if (kind != GROUP)
		password_of(t, a->name, field[1], field[1].p != NULL);
	if (kind == SHADOW)
		return;
	a->has_id = field[2].p && str_to_u64(field[2], &a->id);
	if (kind != PASSWD || !a->has_id)
		return;
	struct buf who = BUF(300);
	buf_printf(&who, "%.*s:%llu", STR_FMT(str_head(a->name, 100)), (unsigned long long)a->id);
	tell(t, ACCOUNT_USER, t->line, buf_str(&who));
	buf_free(&who);
	if (a->id == 0 && !str_is(a->name, "root"))
		tell(t, ACCOUNT_ROOT, t->line, a->name);
}

static void take_table(struct taking *t, enum table_kind kind, struct str text)
{
	struct account *v = NULL;
	u32 n = 0, cap = 0;
	while (text.p) {
		struct str s = str_trim(str_cut(&text, '\n'));
		struct account a;
		t->line++;
		if (!s.n || s.p[0] == '#' || s.p[0] == '+' || s.p[0] == '-' || !str_chr(s, ':')) /* NIS' lines name no account */
			continue;
		one_account(t, kind, s, &a);
		if (a.name.n && n < ACCOUNTS_LINES)
			VEC_PUSH(v, n, cap, a);
		else if (n >= ACCOUNTS_LINES)
			t->n = MAX(t->n, ACCOUNTS_FACTS + 1); /* told as a problem */
	}
	if (kind != SHADOW)
		doubles(t, v, n, kind == PASSWD ? ACCOUNT_SAME_UID : ACCOUNT_SAME_GID, kind == PASSWD ? ACCOUNT_SAME_NAME : ACCOUNT_SAME_GROUP);
	free(v);
}

/* --- sudoers, doas.conf --- */
static void take_sudoers(struct taking *t, struct str text, bool doas)
{
	struct buf whole = BUF(64 * KiB); /* a line with those that it goes on in */
	u32 first = 1;
	while (text.p) {
		struct str s = str_trim(str_cut(&text, '\n'));
		t->line++;
		const char *hash = str_chr(s, '#');
		if (hash && (hash == s.p || hash[-1] == ' ' || hash[-1] == '\t'))
			s = str_trim(str_head(s, (size_t)(hash - s.p)));
		if (!whole.n)
			first = t->line;
		bool more = s.n && s.p[s.n - 1] == '\\' && !doas;
		s.n -= more;
		buf_add(&whole, s);
		if (more) {
			buf_putc(&whole, ' ');
			continue;
		}
		struct str line = buf_str(&whole);
		bool free_of_password = doas ? str_starts(line, STR("permit")) && str_contains(line, STR("nopass")) :
			(str_starts(line, STR("Defaults")) ? str_contains(line, STR("!authenticate")) : str_contains(line, STR("NOPASSWD")) && str_chr(line, '='));
		if (free_of_password)
			tell(t, ACCOUNT_NOPASSWD, first, line);
		buf_clear(&whole);
	}
	buf_free(&whole);
}

/* --- sshd_config: the first value of a keyword counts; what stands behind Match holds for some only, and may loosen it, too --- */
static void take_sshd(struct taking *t, struct str text)
{
	static const struct {
		const char *word, *value;
		enum account_what what;
	} words[] = { { "PermitRootLogin", "yes", ACCOUNT_SSH_ROOT }, { "PermitEmptyPasswords", "yes", ACCOUNT_SSH_EMPTY }, { "PasswordAuthentication", "yes", ACCOUNT_SSH_PASSWORD } };
	bool seen[countof(words)] = { false };
	while (text.p) {
		struct str s = str_trim(str_cut(&text, '\n'));
		size_t n = 0;
		t->line++;
		while (n < s.n && s.p[n] != ' ' && s.p[n] != '\t' && s.p[n] != '=')
			n++;
		struct str word = str_head(s, n), value = str_from(s, n);
		while (value.n && (value.p[0] == ' ' || value.p[0] == '\t' || value.p[0] == '=' || value.p[0] == '"'))
			value = str_from(value, 1);
		for (n = 0; n < value.n && value.p[n] != ' ' && value.p[n] != '\t' && value.p[n] != '"' && value.p[n] != '#';)
			n++;
		value = str_head(value, n);
		if (str_ieq(word, STR("Match")))
			memset(seen, 0, sizeof seen);
		for (size_t i = 0; i < countof(words); i++)
			if (str_ieq(word, str_of(words[i].word)) && !seen[i]) {
				seen[i] = true;
				if (str_ieq(value, str_of(words[i].value)))
					tell(t, words[i].what, t->line, s);
			}
	}
}

/* --- which files --- */
enum file_kind { F_NONE, F_PASSWD, F_SHADOW, F_GROUP, F_SUDOERS, F_DOAS, F_SSHD };

static enum file_kind kind_of(struct str dir, struct str name)
{
	static const struct {
		const char *dir, *name; /* name NULL: all of it */
		enum file_kind kind;
	} files[] = { { "etc", "passwd", F_PASSWD }, { "etc", "shadow", F_SHADOW }, { "etc", "group", F_GROUP }, { "etc", "sudoers", F_SUDOERS }, { "etc/sudoers.d", NULL, F_SUDOERS },
		{ "etc", "doas.conf", F_DOAS }, { "etc/doas.d", NULL, F_DOAS }, { "etc/ssh", "sshd_config", F_SSHD }, { "etc/ssh/sshd_config.d", NULL, F_SSHD } };
	if (!str_starts(dir, STR("etc")))
		return F_NONE;
	for (size_t i = 0; i < countof(files); i++)
		if (str_is(dir, files[i].dir) && (!files[i].name || str_is(name, files[i].name)))
			return files[i].kind;
	return F_NONE;
}

static bool wants(struct str dir, struct str name) { return kind_of(dir, name) != F_NONE; }

static int take(struct str dir, struct str name, struct str content, struct buf *note, struct error *err)
{
	struct taking t = { .note = note };
	enum file_kind kind = kind_of(dir, name);
	if (kind == F_PASSWD || kind == F_SHADOW || kind == F_GROUP)
		take_table(&t, kind == F_PASSWD ? PASSWD : kind == F_SHADOW ? SHADOW : GROUP, content);
	else if (kind == F_SSHD)
		take_sshd(&t, content);
	else
		take_sudoers(&t, content, kind == F_DOAS);
	if (t.n > ACCOUNTS_FACTS)
		return error_set(err, ERR_INPUT, "more accounts than are looked at");
	return 0;
}

const struct collector accounts_collector = { .id = COLLECT_ACCOUNTS, .version = 1, .name = "accounts", .limit = 4 * MiB, .wants = wants, .take = take };
