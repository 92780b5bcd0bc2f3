/* What the scanners of configuration, Java, Lua and Tcl tell. */
#include "source_test.h"
#include "base/common.h"

static struct buf note;

static void check(const char *dir, const char *name, const char *text, const char *line, bool there)
{
	struct str n = source_test(dir, name, text, &note);
	if (source_has(n, line) != there)
		fail_msg("%s %s of %s\nis in:\n%s", name, there ? "lacks" : "has", line, note.p ? note.p : "");
}

static void nginx(void **state)
{
	(void)state;
	static const char text[] = "user www-data;\ninclude /etc/nginx/modules-enabled/*.conf;\nhttp {\n\tinclude mime.types; # include /etc/no\n\t# ssl_certificate /etc/gone.pem;\n\tserver { root /srv/www; location /x/ { alias /srv/x/; } }\n"
		"\tfastcgi_pass unix:/run/php.sock;\n\tproxy_pass http://10.0.0.1/;\n\tinclude fastcgi_params;\n\tssl_certificate \"/etc/my keys/a.pem\";\n\troot /srv/$host/www;\n}\n";
	static const char *const has[] = { "s/etc/nginx/modules-enabled/*.conf", "smime.types", "s/srv/www", "s/srv/x/", "s/run/php.sock", "dinclude\tfastcgi_params", "duser\twww-data", "droot\t/srv/www", "s/etc/my keys/a.pem",
		"s/srv/$host/www" };
	static const char *const not[] = { "s/etc/no", "s/etc/gone.pem", "s//10.0.0.1/", "s10.0.0.1" };
	for (size_t i = 0; i < countof(has); i++)
		check("etc/nginx", "nginx.conf", text, has[i], true);
	for (size_t i = 0; i < countof(not); i++)
		check("etc/nginx", "nginx.conf", text, not[i], false);
}

static void others(void **state)
{
	(void)state;
	static const struct { const char *dir, *name, *text, *line; } v[] = {
		{ "etc/haproxy", "haproxy.cfg", " http-request set-header X %[path,map_beg(/etc/haproxy/tiers.map,none)]\n", "s/etc/haproxy/tiers.map" },
		{ "etc/haproxy", "haproxy.cfg", " bind :1 ssl crt /etc/haproxy/lb.pem alpn h2\n", "s/etc/haproxy/lb.pem" },
		{ "etc/supervisor", "supervisord.conf", "[program:x]\ncommand=/usr/bin/w --a \"b; c\" ; the worker\n", "c/usr/bin/w --a \"b; c\" ; the worker" },
		{ "etc", "crontab", "SHELL=/bin/sh\n17 * * * * root cd / && run-parts /etc/cron.hourly\n", "ccd / && run-parts /etc/cron.hourly" },
		{ "var/spool/cron/crontabs", "root", "@reboot /usr/local/bin/up\n", "c/usr/local/bin/up" },
		{ "etc", "inittab", "::respawn:-/bin/sh -l\n", "c/bin/sh -l" },
		{ "app", "Procfile", "web: node server.js\n", "cnode server.js" },
		{ "srv", "x.service", "[Service]\nExecStart=-/usr/bin/x -f \\\n  /etc/x.conf\n", "c/usr/bin/x -f  /etc/x.conf" },
		{ "app", "compose.yaml", "command: [\"redis-server\", \"/etc/r.conf\"]\n", "credis-server\x1f/etc/r.conf" },
		{ "app/conf", "x.xml", "<a><b key=\"p\">/opt/x/keys.p12</b></a>\n", "s/opt/x/keys.p12" },
		{ "app", "x.properties", "store=file:///opt/x/y.jks\n", "s/opt/x/y.jks" },
		{ "etc/mysql", "my.cnf", "!includedir /etc/mysql/conf.d/\n", "s/etc/mysql/conf.d/" },
		{ "app", "x.toml", "timezone = 'Europe/Prague'\n", "dtimezone\tEurope/Prague" },
	};
	for (size_t i = 0; i < countof(v); i++)
		check(v[i].dir, v[i].name, v[i].text, v[i].line, true);
	check("usr/share/doc/x", "x.conf", "a /etc/x\n", "s/etc/x", false);
	check("etc", "passwd", "root:x:0:0:root:/root:/bin/bash\n", "s/bin/bash", false);
	check("etc", "x.conf", "a\0b /etc/x\n", "s/etc/x", false);
}

static void lua(void **state)
{
	(void)state;
	static const struct { const char *text, *line; bool there; } v[] = {
		{ "local j = require \"cjson\"\n", "mcjson", true }, { "require('a.b')", "ma.b", true }, { "-- require 'no'\n", "mno", false }, { "--[[ require 'no' ]] require[[yes]]", "myes", true },
		{ "pcall(require, 'opt')", "mopt", true }, { "require(name)", "ximport", true }, { "require('x.' .. name)", "ximport", true }, { "os.execute('ls /tmp')", "cls /tmp", true }, { "io.open('/etc/x.lua')", "s/etc/x.lua", true },
		{ "local t = [==[ ]] require 'no' ]==]", "mno", false }, { "x = 'a\\'b' require 'c'", "mc", true }, { "--[[ never ends require 'no'", "mno", false },
	};
	for (size_t i = 0; i < countof(v); i++)
		check("srv", "x.lua", v[i].text, v[i].line, v[i].there);
	check("srv", "x.tcl", "package require http 2.0\n", "mhttp", true);
	check("srv", "x.tcl", "proc f {} {\n  exec convert a.png b.gif\n}\n", "cconvert\x1f" "a.png\x1f" "b.gif", true);
	check("srv", "x.tcl", "source [file join $d x]\n", "xload", true);
	check("srv", "x.tcl", "# package require no\n", "mno", false);
	check("srv", "x.tcl", "exec $x\n", "xrun", true);
}

/* A class whose constants are these, of class names first. */
static struct buf class_of(const char *const *classes, const char *const *names, const char *const *literals)
{
	struct buf b = BUF(0);
	u32 n = 1;
	for (u32 set = 0; set < 3; set++)
		for (const char *const *s = set == 0 ? classes : set == 1 ? names : literals; *s; s++)
			n += set == 1 ? 1 : 2;
	buf_add(&b, str_n("\xca\xfe\xba\xbe\0\0\0\x3d", 8));
	buf_putc(&b, (char)(n >> 8));
	buf_putc(&b, (char)n);
	u32 at = 1;
	for (u32 set = 0; set < 3; set++)
		for (const char *const *s = set == 0 ? classes : set == 1 ? names : literals; *s; s++) {
			size_t len = strlen(*s);
			buf_putc(&b, 1);
			buf_putc(&b, (char)(len >> 8));
			buf_putc(&b, (char)len);
			buf_puts(&b, *s);
			if (set != 1) {
				buf_putc(&b, set == 0 ? 7 : 8);
				buf_putc(&b, (char)(at >> 8));
				buf_putc(&b, (char)at);
				at++;
			}
			at++;
		}
	return b;
}

static struct str class_note(struct str bytes)
{
	const struct collector_stream *c = source_collector.stream;
	struct error err = { 0 };
	void *state = c->open();
	buf_clear(&note);
	c->begin(state, STR("app"), STR("X.class"), NULL);
	c->feed(state, bytes);
	assert_int_equal(c->end(state, &note, &err), 0);
	c->close(state);
	return buf_str(&note);
}

static void java(void **state)
{
	(void)state;
	static const char *const classes[] = { "java/lang/Object", "java/lang/ProcessBuilder", "java/awt/Image", "java/lang/System", NULL };
	static const char *const names[] = { "loadLibrary", "unused", NULL };
	static const char *const literals[] = { "sh", "/etc/app.conf", "echo hi there", "net", NULL };
	struct buf b = class_of(classes, names, literals);
	struct str n = class_note(buf_str(&b));
	static const char *const lines[] = { "xrun", "ssh", "s/etc/app.conf", "cecho hi there", "slibnet.so", "duses\tjava.awt" };
	for (size_t i = 0; i < countof(lines); i++)
		if (!source_has(n, lines[i]))
			fail_msg("no %s in:\n%s", lines[i], note.p);
	assert_false(source_has(n, "sunused"));
	for (size_t cut = 0; cut < b.n; cut++) { /* damaged anywhere: no more than what came so far */
		char *part = malloc(cut + 1);
		memcpy(part, b.p, cut);
		class_note(str_n(part, cut));
		free(part);
	}
	buf_free(&b);
}

static int finish(void **state)
{
	(void)state;
	buf_free(&note);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(nginx), cmocka_unit_test(others), cmocka_unit_test(lua), cmocka_unit_test(java) };
	return cmocka_run_group_tests(tests, NULL, finish);
}
