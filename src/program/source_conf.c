/* source_conf.c — configuration texts, of whatever form: which paths they name, which commands, and the directives whose values are names of files without looking like it.
 *
 *      ssl_certificate /etc/nginx/cert.pem;          s /etc/nginx/cert.pem
 *      include fastcgi_params;                       d include TAB fastcgi_params
 *      command=/usr/bin/worker --queue fast          c /usr/bin/worker --queue fast
 *      <entry key="store">/opt/x/keys.p12</entry>    s /opt/x/keys.p12
 *
 * No form is parsed: a statement ends at the end of its line, at ';' and at braces, its first word is its name, and every word that holds a '/' or a '.' may be a path. What is none leads nowhere in the tree. */
#include "program/source.h"

static bool ends_in(struct str name, const char *endings)
{
	const char *dot = name.n ? memrchr(name.p, '.', name.n) : NULL;
	return dot && str_among(str_n(dot + 1, name.n - (size_t)(dot + 1 - name.p)), endings);
}

/* One of the components of a directory. */
static bool has_component(struct str dir, const char *names)
{
	while (dir.p)
		if (str_among(str_cut(&dir, '/'), names))
			return true;
	return false;
}

static bool below(struct str dir, const char *const *roots)
{
	for (; *roots; roots++) {
		struct str root = str_of(*roots);
		if (str_starts(dir, root) && (dir.n == root.n || dir.p[root.n] == '/'))
			return true;
	}
	return false;
}

/* By its path: what lies where configuration lies, or is called as it is. Data of the same endings (schemas, translations, data of modules) is read by nobody for its paths. */
static bool is(struct str dir, struct str name)
{
	static const char *const data[] = { "etc/profile.d", "etc/pam.d", "etc/security", "etc/skel", "etc/apt", "etc/dpkg", "etc/logrotate.d", "etc/init.d", "etc/rc.d", "usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/i18n", "usr/share/zoneinfo", "usr/share/mime", "usr/share/icons", "usr/share/perl", "usr/share/X11", "usr/share/bug",
		"usr/share/lintian", "usr/share/common-licenses", "usr/share/vim", "usr/share/fonts", "usr/share/bash-completion", "usr/share/zsh", "usr/share/gtk-doc", "usr/share/javascript", "usr/share/nodejs", "usr/include",
		"usr/src", "usr/lib/gcc", "var/lib/dpkg", "var/lib/apt", "var/cache", "var/lib/rpm", "lib/apk", "proc", "sys", "dev", "etc/ssl/certs", "etc/pki/ca-trust", "etc/alternatives", "etc/ca-certificates", NULL };
	if (below(dir, data) || has_component(dir, "node_modules site-packages dist-packages gems __pycache__ .git locale locales i18n"))
		return false;
	/* The shells and homes of accounts are nobody's but those of who logs in. */
	if (str_is(dir, "etc") && str_among(name, "passwd passwd- group group- shadow shadow- gshadow gshadow- shells subuid subgid"))
		return false;
	if (str_is(dir, "etc") && str_among(name, "passwd passwd- group group- shadow shadow- gshadow gshadow- subuid subuid- subgid subgid- shells services protocols rpc networks hosts hostname fstab mtab login.defs adduser.conf deluser.conf "
		"profile bash.bashrc bashrc zshrc csh.cshrc securetty debian_version os-release issue motd locale.alias ethertypes ld.so.cache"))
		return false;
	if (str_starts(dir, STR("etc/")) || str_is(dir, "etc"))
		return !ends_in(name, "pem crt key gz db cache so py pyc pl pm rb");
	if (ends_in(name, "conf cfg cnf ini yaml yml toml properties service socket target timer hcl config cf vcl env"))
		return true;
	if (str_among(name, "Caddyfile Corefile Procfile crontab inittab supervisord.conf envvars Modulefile"))
		return true;
	return str_among(name, "mime.types fastcgi_params fastcgi.conf scgi_params uwsgi_params") || has_component(dir, "etc conf config conf.d crontabs sites-enabled sites-available modules-enabled mods-enabled cron.d") ||
		ends_in(name, "json xml");
}

/* --- statements --- */
static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v'; }
static bool is_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.'; }

/* Names whose values are files, directories, accounts or zones although they need not look like paths. */
static bool is_directive(struct str name)
{
	static const char *const names[] = { "include", "includeoptional", "include_dir", "include_if_exists", "includedir", "load_module", "loadmodule", "loadfile", "root", "alias", "documentroot", "document_root", "serverroot",
		"basedir", "datadir", "dir", "user", "group", "files", "shared_preload_libraries", "session_preload_libraries", "local_preload_libraries", "dynamic_library_path", "ssl_certificate", "ssl_certificate_key",
		"ssl_client_certificate", "ssl_trusted_certificate", "ssl_dhparam", "auth_basic_user_file", "lua-load", "lua-load-per-thread", "errorfile", "errorfiles", "crt", "crt-list", "crt-base", "ca-base", "ca-file",
		"crl-file", "chroot", "typesconfig", "types_hash", "modulepath", "moduleload", "plugin", "plugin_dir", "plugin-dir", "aclfile", "lc-messages-dir", "character-sets-dir", "timezone", "log_timezone", "time_zone",
		"default-time-zone", "date.timezone", "tz", "lc_messages", "lc_monetary", "lc_numeric", "lc_time", "source", "import", "rule_files", "geoip_country", "geoip_city", "js_import", "js_include", "js_path", "perl_modules",
		"perl_require", "lua_package_path", "error_page", "module", "extension", "zend_extension", "dict_file", "aff_file", "zone", "file", "directory", "conf-file", "conf-dir", "addn-hosts", "root-hints",
		"auto-trust-anchor-file", "use", "provider", "config", "log4j.configurationfile", "chdir", NULL };
	return str_listed(name, names);
}

/* Names whose values are commands. */
static bool is_command(struct str name)
{
	static const char *const names[] = { "command", "execstart", "execstartpre", "execstartpost", "execreload", "execstop", "execstoppost", "execcondition", "archive_command", "restore_command", "archive_cleanup_command",
		"recovery_end_command", "ssl_passphrase_command", "cmd", "exec", "entrypoint", "notify", "notify_master", "notify_backup", "notify_fault", "check_cmd", "reload_cmd", "sendmail_path", "mailer", NULL };
	return str_listed(name, names);
}

static struct str strip(struct str s, const char *left, const char *right)
{
	while (s.n && strchr(left, s.p[0]) && s.p[0])
		s = str_from(s, 1);
	while (s.n && s.p[s.n - 1] && strchr(right, s.p[s.n - 1]))
		s.n--;
	return s;
}

/* A command line; of a JSON or YAML list its words. */
static void tell_command(struct source_note *n, struct str value)
{
	value = strip(value, " \t-@+!:", " \t\r,;");
	if (value.n > 1 && value.p[0] == '[') {
		struct buf line = BUF(4 * KiB);
		struct str rest = strip(value, "[ \t", "] \t");
		while (rest.p) {
			if (line.n)
				buf_putc(&line, '\x1f');
			buf_add(&line, strip(str_cut(&rest, ','), " \t\"'", " \t\"'"));
		}
		source_tell(n, 'c', buf_str(&line));
		buf_free(&line);
		return;
	}
	if (value.n > 1 && (value.p[0] == '"' || value.p[0] == '\'') && value.p[value.n - 1] == value.p[0] && !memchr(value.p + 1, value.p[0], value.n - 2))
		value = str_n(value.p + 1, value.n - 2);
	source_tell(n, 'c', value);
}

static void tell_word(struct source_note *n, struct str w)
{
	w = strip(w, "-@+!&", ".,:;!?&");
	if (str_starts(w, STR("///")))
		w = str_from(w, 2); /* file:///etc/x */
	if (w.n < 2 || w.n > SOURCE_STRING || str_starts(w, STR("//")) || w.p[0] == '$')
		return;
	bool path = false, letter = false;
	for (size_t i = 0; i < w.n; i++) {
		path |= w.p[i] == '/' || w.p[i] == '.';
		letter |= (w.p[i] >= 'a' && w.p[i] <= 'z') || (w.p[i] >= 'A' && w.p[i] <= 'Z') || (u8)w.p[i] >= 0x80;
	}
	if (path && letter)
		source_tell(n, 's', w);
}

/* Every word, and between quotes what has blanks in it, too. */
static void tell_words(struct source_note *n, struct str s)
{
	size_t from = 0;
	for (size_t i = 0; i <= s.n; i++) {
		char c = i < s.n ? s.p[i] : ' ';
		if (!is_blank(c) && (!c || !strchr("\"'=,:;{}()[]<>|`", c)))
			continue;
		tell_word(n, str_n(s.p + from, i - from));
		from = i + 1;
	}
	for (size_t i = 0; i < s.n; i++) {
		const char *end = s.p[i] == '"' && i + 1 < s.n ? memchr(s.p + i + 1, '"', s.n - i - 1) : NULL;
		if (!end)
			continue;
		struct str quoted = str_n(s.p + i + 1, (size_t)(end - s.p) - i - 1);
		if (str_chr(quoted, ' ') && quoted.p[0] == '/')
			tell_word(n, quoted);
		i = (size_t)(end - s.p);
	}
}

static void statement(struct source_note *n, struct str s, struct str line)
{
	char name[64];
	size_t at = 0, len = 0;
	while (at < s.n && (is_blank(s.p[at]) || (s.p[at] && strchr("\"'-<{[,&", s.p[at]))))
		at++;
	while (at + len < s.n && is_name(s.p[at + len]))
		len++;
	if (len && len < sizeof name) {
		for (size_t i = 0; i < len; i++)
			name[i] = (char)(s.p[at + i] >= 'A' && s.p[at + i] <= 'Z' ? s.p[at + i] + 32 : s.p[at + i]);
		struct str key = str_n(name, len), value = strip(str_from(s, at + len), " \t\"'=:>", " \t\r\"',");
		if (is_command(key)) /* to the end of its line: it may hold ';' and braces */
			tell_command(n, strip(str_n(s.p + at + len, (size_t)(line.p + line.n - (s.p + at + len))), " \t\"=:", " \t\r,"));
		else if (is_directive(key) && value.n && value.n <= SOURCE_STRING) {
			char text[64 + 1 + SOURCE_STRING];
			memcpy(text, name, len);
			text[len] = '\t';
			memcpy(text + len + 1, value.p, value.n);
			source_tell(n, 'd', str_n(text, len + 1 + value.n));
		}
	}
	tell_words(n, s);
}

static void read_line(struct source_note *n, struct str line)
{
	size_t from = 0;
	char quote = 0;
	for (size_t i = 0; i <= line.n; i++) {
		char c = i < line.n ? line.p[i] : ';';
		if (quote && i < line.n) {
			quote = c == quote ? 0 : quote;
			continue;
		}
		if ((c == '"' || c == '\'') && memchr(line.p + i + 1, c, line.n - i - 1)) {
			quote = c;
		} else if (c == '#' && i && is_blank(line.p[i - 1])) {
			statement(n, str_n(line.p + from, i - from), str_head(line, i));
			return;
		} else if (c == ';' || c == '{' || c == '}') {
			if (i > from)
				statement(n, str_n(line.p + from, i - from), line);
			from = i + 1;
		}
	}
}

/* --- tables of commands --- */
enum table { TABLE_NONE, TABLE_CRON, TABLE_CRON_USER, TABLE_INIT, TABLE_PROC };

static enum table table_of(struct str dir, struct str name)
{
	if (str_ends(dir, STR("etc/cron.d")) || (str_is(dir, "etc") && (str_is(name, "crontab") || str_is(name, "anacrontab"))))
		return TABLE_CRON_USER;
	if (str_is(str_base(dir), "crontabs") || str_is(name, "crontab"))
		return TABLE_CRON;
	if (str_is(name, "inittab"))
		return TABLE_INIT;
	return str_is(name, "Procfile") ? TABLE_PROC : TABLE_NONE;
}

/* "17 * * * * root cd / && run-parts /etc/cron.hourly": what stands behind the times and the account. */
static void cron_line(struct source_note *n, struct str line, bool user)
{
	u32 fields = (line.n && line.p[0] == '@' ? 1u : 5u) + user;
	struct str s = line;
	size_t word = 0;
	while (word < s.n && !is_blank(s.p[word]))
		word++;
	if (str_chr(str_head(s, word), '=')) { /* a variable */
		tell_words(n, s);
		return;
	}
	for (u32 i = 0; i < fields; i++) {
		while (s.n && !is_blank(s.p[0]))
			s = str_from(s, 1);
		s = strip(s, " \t", "");
	}
	source_tell(n, 'c', s);
	tell_words(n, s);
}

static void table_line(struct source_note *n, struct str line, enum table table)
{
	if (table == TABLE_INIT) { /* id:levels:action:command */
		for (u32 i = 0; i < 3 && line.p; i++)
			str_cut(&line, ':');
		source_tell(n, 'c', line.p ? strip(line, "-+@ ", " \t\r") : STR(""));
	} else if (table == TABLE_PROC) {
		str_cut(&line, ':');
		source_tell(n, 'c', line.p ? str_trim(line) : STR(""));
	} else {
		cron_line(n, line, table == TABLE_CRON_USER);
	}
}

static void read(struct str dir, struct str name, struct str text, struct source_note *n)
{
	enum table table = table_of(dir, name);
	if (str_chr(str_head(text, 1024), '\0'))
		return;
	while (text.p) {
		struct str line = str_trim(str_cut(&text, '\n'));
		struct buf joined = BUF(16 * KiB);
		while (line.n && line.p[line.n - 1] == '\\' && text.p && !joined.over) { /* goes on in the next one */
			line.n--;
			buf_add(&joined, line);
			buf_putc(&joined, ' ');
			line = str_trim(str_cut(&text, '\n'));
		}
		if (joined.n) {
			buf_add(&joined, line);
			line = buf_str(&joined);
		}
		if (line.n && !strchr("#;!", line.p[0]) && !str_starts(line, STR("//"))) {
			if (table)
				table_line(n, line, table);
			else
				read_line(n, str_head(line, 16 * KiB));
		} else if (str_starts(line, STR("!include"))) { /* MySQL's !includedir, YAML's !include is inside of a line */
			read_line(n, str_from(line, 1));
		} else if (str_starts(line, STR("#include"))) { /* sudoers of old */
			read_line(n, str_from(line, 1));
		}
		buf_free(&joined);
	}
}

const struct source_language source_conf = { .letter = 'C', .name = "configuration", .is = is, .read = read };
