/* run/probe.h: what users write, links of pages, and above all answers compared: what a program gives each time anew must pass, what a broken one gives must not. */
#include "run/compose.h"
#include "run/probe.h"
#include <setjmp.h>
#include <cmocka.h>

/* --- words and requests --- */

static void words(void **state)
{
	(void)state;
	static const struct {
		const char *line, *joined; /* NULL: refused */
	} of[] = {
		{ "a", "a" }, { "  a\tb  c ", "a|b|c" }, { "a 'b c' \"d e\"", "a|b c|d e" }, { "a''b \"\" ''", "ab||" }, { "a\\ b \\'", "a b|'" }, { "'a\\b' \"a\\b\\\"\\\\\\$x\"", "a\\b|a\\b\"\\$x" },
		{ "sh -c 'printf \"a,b\\nx,1\\n\" | job average'", "sh|-c|printf \"a,b\\nx,1\\n\" | job average" }, { "psql -c \"insert into t values (1,'x')\"", "psql|-c|insert into t values (1,'x')" },
		{ "a $b `c` | > * #d", "a|$b|`c`|||>|*|#d" }, { "a\nb", "a|b" }, { "a\\\nb", "ab" }, { "a\\", "a\\" }, { "'a", NULL }, { "a \"b", NULL }, { "a '", NULL }, { "\"a\\", NULL }, { "\"a\\\"", NULL }, { "", NULL }, { "  \t", NULL },
	};
	for (size_t i = 0; i < countof(of); i++) {
		struct arena a = { 0 };
		struct error err = { 0 };
		struct buf got = BUF(0);
		const char *const *v = NULL;
		u32 n = 0;
		int r = probe_words(&a, str_of(of[i].line), &v, &n, &err);
		for (u32 k = 0; r == 0 && k < n; k++)
			buf_printf(&got, "%s%s", k ? "|" : "", v[k]);
		if (r == 0)
			assert_null(v[n]);
		if ((r == 0) != (of[i].joined != NULL) || (r == 0 && strcmp(buf_str(&got).p, of[i].joined) != 0))
			fail_msg("%s: %s", of[i].line, r ? err.text : got.p);
		buf_free(&got);
		arena_free(&a);
	}
}

static void requests(void **state)
{
	(void)state;
	static const struct {
		const char *text, *is; /* METHOD PATH PORT TLS CRAWL fields… body */
	} of[] = {
		{ "/", "GET / 0 0 0|Host: localhost" }, { "HEAD /a?b=c#d", "HEAD /a?b=c 0 0 0|Host: localhost" }, { "POST /json\nContent-Type: application/json\n\n{\"a\":1}", "POST /json 0 0 0|Content-Type: application/json|Host: localhost|{\"a\":1}" },
		{ "POST /echo\n\nx", "POST /echo 0 0 0|Host: localhost|x" }, { "PUT /a\r\nA: b\r\n\r\nx\r\ny\n", "PUT /a 0 0 0|A: b|Host: localhost|x\r\ny\n" }, { "GET /\nHost: www.example.org", "GET / 0 0 0|Host: www.example.org" },
		{ "https://h:8443/x", "GET /x 8443 1 0|Host: h:8443" }, { "http://h?q", "GET /?q 80 0 0|Host: h" }, { "http://[::1]:81", "GET / 81 0 0|Host: [::1]:81" }, { "crawl /docs/", "GET /docs/ 0 0 1|Host: localhost" },
		{ "/\xc3\xa9", "GET /%C3%A9 0 0 0|Host: localhost" }, { "POST /a\nX:\n\n", "POST /a 0 0 0|X;|Host: localhost" }, { "/a//../b", "GET /a//../b 0 0 0|Host: localhost" },
		{ "", NULL }, { "a", NULL }, { "GET", NULL }, { "get /", NULL }, { "GET /a b", NULL }, { "/\nx", NULL }, { "/\n: x", NULL }, { "/\na b: x", NULL }, { "http://", NULL }, { "http://h:0/", NULL }, { "http://h:70000/", NULL }, { "http://u@h/", NULL }, { "ftp://h/", NULL },
		{ "http://[::1/", NULL }, { "/a\tb", NULL }, { "http://:80/", NULL }, { "/\nA: b\rC: d", NULL },
	};
	for (size_t i = 0; i < countof(of); i++) {
		struct arena a = { 0 };
		struct error err = { 0 };
		struct buf got = BUF(0);
		struct probe p;
		int r = probe_http(&a, of[i].text, &p, &err);
		if (r == 0)
			buf_printf(&got, "%s %s %u %d %d", p.method, p.path, p.port, p.tls, p.crawl);
		for (u32 k = 0; r == 0 && p.fields[k]; k++)
			buf_printf(&got, "|%s", p.fields[k]);
		if (r == 0 && p.body.p)
			buf_printf(&got, "|%.*s", STR_FMT(p.body));
		if ((r == 0) != (of[i].is != NULL) || (r == 0 && strcmp(buf_str(&got).p, of[i].is) != 0))
			fail_msg("%s: %s", of[i].text, r ? err.text : got.p);
		buf_free(&got);
		arena_free(&a);
	}
}

static void files(void **state)
{
	(void)state;
	struct arena a = { 0 };
	struct error err = { 0 };
	struct probe *v = NULL;
	u32 n = 0, cap = 0;
	const char *text = "# a comment\n\nredis-cli ping\n  http POST /a\n  Content-Type: text/plain\n  > one\n  >  two\necho 'a b'\nhttp /";
	assert_int_equal(probe_lines(&a, str_of(text), "f", &v, &n, &cap, &err), 0);
	assert_int_equal(n, 4);
	assert_string_equal(v[0].argv[1], "ping");
	assert_string_equal(v[1].method, "POST");
	assert_string_equal(v[1].fields[0], "Content-Type: text/plain");
	assert_true(str_is(v[1].body, "one\n two"));
	assert_string_equal(v[2].argv[1], "a b");
	assert_string_equal(v[3].path, "/");
	assert_int_equal(probe_lines(&a, STR("a\nhttp /\n A: b\n\n'x"), "f", &v, &n, &cap, &err), -1);
	assert_non_null(strstr(err.text, "f:5:"));
	assert_int_equal(probe_lines(&a, str_n("a\0b", 3), "f", &v, &n, &cap, &err), -1);
	free(v);
	arena_free(&a);
}

/* argv|env|user|health|ports of a compose file whose image has the entry point "e" and the command "c"; else the message */
static void compose_of(const char *text, const char *service, struct buf *out)
{
	static const char *entry[] = { "e", NULL }, *cmd[] = { "c", NULL };
	struct config config = { .entrypoint = entry, .cmd = cmd };
	struct arena a = { 0 };
	struct error err = { 0 };
	struct problems notes = { 0 };
	struct compose c;
	if (compose_parse(&a, str_of(text), "f", service, "img", &config, &c, &notes, &err) < 0) {
		buf_puts(out, err.text);
	} else {
		const char *const *lists[] = { c.spec.argv, c.spec.env, c.health };
		for (u32 i = 0; i < countof(lists); i++) {
			for (const char *const *w = lists[i]; w && *w; w++)
				buf_printf(out, "%s,", *w);
			buf_putc(out, '|');
		}
		for (u32 i = 0; i < c.n_ports; i++)
			buf_printf(out, "%u,", c.ports[i]);
		buf_printf(out, "|%u", notes.n);
	}
	problems_free(&notes);
	arena_free(&a);
}

static void composed(void **state)
{
	(void)state;
	static const struct {
		const char *text, *service, *is;
	} of[] = {
		{ "services: {a: {}}", NULL, "||||0" },
		{ "services: {a: {command: x 'y z', entrypoint: [q]}}", NULL, "q,x,y z,||||0" },
		{ "services: {a: {command: [x]}}", NULL, "e,x,||||0" },
		{ "services: {a: {entrypoint: q}}", NULL, "q,||||0" },
		{ "services: {a: {image: img, command: y}, b: {image: other}}", NULL, "e,y,||||0" },
		{ "services: {a: {}, b: {command: z}}", "b", "e,z,||||0" },
		{ "services: {a: {environment: {A: 1, B: '${PARE_NONE:-d}', C: $$x}}}", NULL, "|A=1,B=d,C=$x,|||0" },
		{ "x: &x {environment: [A=1]}\nservices: {a: {<<: *x}}", NULL, "|A=1,|||0" },
		{ "services: {a: {healthcheck: {test: curl x}, ports: ['80', '1.2.3.4:81:82/tcp', '53/udp', '7-9', {target: 5}], expose: [6]}}", NULL, "||CMD-SHELL,curl x,|80,82,7,8,9,5,6,|0" },
		{ "services: {a: {healthcheck: {disable: true}, volumes: [x], depends_on: [b]}}", NULL, "||NONE,||2" },
		{ "services: {a: {}, b: {}}", NULL, "f: several services: say which, FILE:SERVICE" },
		{ "services: {a: {}}", "b", "f: no service b" },
		{ "a: b", NULL, "f:1: no services" },
		{ "services:\n  a:\n    command: \"x 'y\"", NULL, "f:3: x 'y: a quote is not closed" },
		{ "services:\n  a:\n    ports: [x]", NULL, "f:3: no port" },
		{ "services: {a: {user: '${PARE_NONE:?who}'}}", NULL, "f:1: PARE_NONE is not set: who" },
		{ "services: {a: {user: '${'}}", NULL, "f:1: ${ without a name" },
		{ "a: [", NULL, "f:2: not YAML: did not find expected node content" },
		{ "x: &x {<<: *x}\nservices: *x", NULL, "f: no service" },
	};
	for (size_t i = 0; i < countof(of); i++) {
		struct buf got = BUF(0);
		compose_of(of[i].text, of[i].service, &got);
		if (!str_is(buf_str(&got), of[i].is))
			fail_msg("%s: %s", of[i].text, buf_str(&got).p);
		buf_free(&got);
	}
}

/* --- links --- */

static void add_link(void *ctx, struct str link) { buf_printf(ctx, "%.*s|", STR_FMT(link)); }

static void links(void **state)
{
	(void)state;
	static const struct {
		const char *html, *is;
	} of[] = {
		{ "<a href=\"/a?x=1&amp;y=2\">t</a><A HREF='b'>", "/a?x=1&y=2|b|" }, { "<img src=c.png alt=x><link rel=stylesheet href = d.css />", "c.png|d.css|" }, { "<!-- <a href=no> --><a href=yes>", "yes|" },
		{ "<script src=s.js>var a = '<a href=no>';</SCRIPT><a href=y>", "s.js|y|" }, { "<img srcset=\"a 1x, b 2x\">", "a|b|" }, { "a < b <a data-href=no href=\"", "" }, { "<a href=&#47;x&#x26;&bogus;>", "/x&&bogus;|" }, { "<a href", "" }, { "<style>", "" }, { "<", "" }, { "<a =x href=y>", "y|" },
	};
	for (size_t i = 0; i < countof(of); i++) {
		struct buf got = BUF(0);
		probe_links(str_of(of[i].html), add_link, &got);
		if (!str_is(buf_str(&got), of[i].is))
			fail_msg("%s: %s", of[i].html, buf_str(&got).p);
		buf_free(&got);
	}
}

static void origins(void **state)
{
	(void)state;
	static const struct {
		const char *page, *link, *is; /* NULL: elsewhere */
	} of[] = {
		{ "/a/b", "c", "/a/c" }, { "/a/b", "/c", "/c" }, { "/a/b", "../c", "/c" }, { "/a/b", "../../../c", "/c" }, { "/a/b/", "./", "/a/b/" }, { "/a/b/", "..", "/a/" }, { "/a?x", "?y=1", "/a?y=1" }, { "/a", "c#d", "/c" }, { "/a", "#d", NULL }, { "/", "mailto:a@b", NULL },
		{ "/", "javascript:x", NULL }, { "/", "http://localhost:8080/x", "/x" }, { "/", "http://localhost/x", "/x" }, { "/", "//localhost:8080", "/" }, { "/", "http://other/x", NULL }, { "/", "http://localhost:81/", NULL }, { "/", "data:text/html,x", NULL }, { "/", "a b", NULL },
		{ "/", "", NULL }, { "/x/y", "a//b", "/x/a/b" }, { "/", "https://localhost:8080/s?t", "/s?t" }, { "/", "http:x", NULL }, { "/", "a:b", NULL }, { "/p/q?r=/s/", "t", "/p/t" },
	};
	for (size_t i = 0; i < countof(of); i++) {
		struct buf got = BUF(0);
		bool same = probe_same_origin(str_of(of[i].page), str_of(of[i].link), STR("localhost:8080"), &got);
		if (same != (of[i].is != NULL) || (same && !str_is(buf_str(&got), of[i].is)))
			fail_msg("%s in %s: %s", of[i].link, of[i].page, same ? buf_str(&got).p : "elsewhere");
		buf_free(&got);
	}
}

/* --- answers --- */

static struct answer say(const char *out, s64 seconds)
{
	struct answer a = { .http = true, .status = 200, .port = 80, .when = 1700000000000 + seconds * 1000 };
	buf_puts(&a.out, out);
	return a;
}

/* Two runs of the original, 100 s apart, and an answer after 200 s. */
static bool passes(const char *one, const char *two, const char *is, char why[300])
{
	struct answer a = say(one, 0), b = say(two, 100), c = say(is, 200);
	struct answer_mask *m = answer_mask_new(&a, &b);
	bool same = answer_same(m, &a, &c, why);
	assert_true(answer_same(m, &a, &a, (char[300]){ 0 }));
	assert_true(answer_same(m, &a, &b, (char[300]){ 0 }));
	answer_mask_free(m);
	answer_free(&a);
	answer_free(&b);
	answer_free(&c);
	return same;
}

static void by_nature(void **state)
{
	(void)state;
	static const char *const of[][3] = {
		{ "same", "same", "same" },
		{ "pid 12 of 3", "pid 13 of 3", "pid 4711 of 3" },
		{ "now 2023-11-14T22:13:20Z x", "now 2023-11-14T22:15:00Z x", "now 2023-11-14T22:16:40Z x" },
		{ "at 22:13:20", "at 22:15:00", "at 22:16:40.123" },
		{ "at 23:59:20", "at 00:01:00", "at 00:02:40" },
		{ "at 7:13 and 2020-01-01", "at 7:15 and 2020-01-01", "at 7:16 and 2020-01-01" },
		{ "t=1700000000", "t=1700000100", "t=1700000200" },
		{ "t=1700000000000;", "t=1700000100123;", "t=1700000200999;" },
		{ "took 3 ms", "took 3 ms", "took 12 ms" },
		{ "took 0.5s", "took 0.5s", "took 0.71s" },
		{ "id 3f2a9c0d11 ok", "id 77aa0b12ff ok", "id 00ff12ab9c ok" },
		{ "{\"id\":\"550e8400-e29b-41d4-a716-446655440000\"}", "{\"id\":\"123e4567-e89b-12d3-a456-426614174000\"}", "{\"id\":\"00112233-4455-6677-8899-aabbccddeeff\"}" },
		{ "token 'aGk+bG8/dQ==' end", "token 'aGkxbG82dQxx' end", "token 'Zm9/YmFy+w+=' end" },
		{ "port 39841 open", "port 40001 open", "port 51234 open" },
		{ "a  9 b", "a 10 b", "a  7 b" },
		{ "up 00:00:12", "up 00:00:12", "up 00:00:14" },
		{ "one\ntwo\nthree\n", "two\none\nthree\n", "three\none\ntwo\n" },
		{ "worker 7 ready\nworker 8 ready\nlisten\n", "worker 8 ready\nlisten\nworker 9 ready\n", "listen\nworker 11 ready\nworker 12 ready\n" },
		{ "[\"a\",\"b\",\"c c\"]", "[\"c c\",\"a\",\"b\"]", "[\"b\",\"c c\",\"a\"]" },
		{ "now()   | random \n--------+--------\n 0.123456 | x", "now()   | random \n--------+--------\n 0.123457 | x", "now() | random  \n-------+---------\n 0.12345 | x" },
		{ "id | state\n----+------\n 3 | a\n 4 | b\n", "id | state\n----+------\n 4 | b\n 5 | idle\n 6 | a\n", "id  | state \n-----+-------\n 11 | b\n 12 | a\n" },
		{ "load 1.75 K", "load 1.93 K", "load 2.01 K" }, /* a fraction is no number of its own */
		{ "a 1 b 2 c 3 d 4 e 5 f     0 kB", "a 2 b 3 c 4 d 5 e 6 f     0 kB", "a 9 b 8 c 7 d 6 e 5 f    12 kB" }, /* measurements: what stood still may move */
	};
	for (size_t i = 0; i < countof(of); i++) {
		char why[300];
		if (!passes(of[i][0], of[i][1], of[i][2], why))
			fail_msg("%s | %s | %s: %s", of[i][0], of[i][1], of[i][2], why);
	}
}

static void by_fault(void **state)
{
	(void)state;
	static const char *const of[][3] = {
		{ "same", "same", "other" },
		{ "same", "same", "" },
		{ "same", "same", "same\n" },
		{ "pid 12 of 3", "pid 13 of 3", "pid 14 of 4" },
		{ "pid 12", "pid 13", "pid unknown" },
		{ "load 1.75 K", "load 1.93 K", "load - K" },
		{ "a\n-----\n1 | x", "a\n-----\n2 | x", "a\n=====\n3 | x" },
		{ "a\n-----\n1 | x", "a\n-----\n1 | x", "a\n------\n1 | x" },
		{ "a 1 b 2 c 3 d 4 f     0 kB", "a 2 b 3 c 4 d 5 f     0 kB", "a 9 b 8 c 7 d 6 f    12 kB" },
		{ "a 1 b 2 c 3 d 4 e 5 f     0 kB", "a 2 b 3 c 4 d 5 e 6 f     0 kB", "a 9 b 8 c 7 d 6 e 5 f    no kB" },
		{ "pid 12", "pid 13", "no such file" },
		{ "now 2023-11-14T23:13:20+01:00 CET", "now 2023-11-14T23:15:00+01:00 CET", "now 2023-11-14T22:16:40+00:00 CET" }, /* a zone is gone */
		{ "at 23:13:20", "at 23:15:00", "at 22:16:40" },
		{ "at 23:13", "at 23:13", "at 22:16" },
		{ "made 2020-01-01", "made 2020-01-01", "made 2020-01-02" },
		{ "made 10:00:00", "made 10:00:00", "made 10:01:40" },
		{ "id 3f2a9c0d11 ok", "id 77aa0b12ff ok", "id error ok" },
		{ "id 3f2a9c0d11 ok", "id 77aa0b12ff ok", "id 3f ok" },
		{ "<p>12 items</p>", "<p>13 items</p>", "<h1>500 Internal Server Error</h1>" },
		{ "one\ntwo\nthree\n", "two\none\nthree\n", "three\none\n" },
		{ "one\ntwo\nthree\n", "two\none\nthree\n", "three\none\ntwo\nwarning: cannot open x\n" },
		{ "a b c d e f g h", "h g f e d c b a i", "Internal Server Error of it all" },
		{ "[\"a\",\"b\",\"c c\"]", "[\"c c\",\"a\",\"b\"]", "[]" },
		{ "a\xc3\xa9", "a\xc3\xa9", "a\xef\xbf\xbd" },
		{ "t=1700000000", "t=1700000100", "t=0" },
		{ "t=1700000000", "t=1700000100", "t=1600000200" },
		{ "Tue Nov 14 22:13:20 CET 2023", "Tue Nov 14 22:15:00 CET 2023", "Tue Nov 14 22:16:40 UTC 2023" },
	};
	for (size_t i = 0; i < countof(of); i++) {
		char why[300];
		if (passes(of[i][0], of[i][1], of[i][2], why))
			fail_msg("%s | %s | %s: passed", of[i][0], of[i][1], of[i][2]);
		assert_true(why[0]);
	}
}

static void whole_answers(void **state)
{
	(void)state;
	char why[300];
	struct answer a = say("x", 0), b = say("x", 1);
	assert_true(answer_same(NULL, &a, &b, why));
	b.status = 500;
	assert_false(answer_same(NULL, &a, &b, why));
	assert_string_equal(why, "status 200, then status 500");
	b.status = 200;
	b.port = 443;
	b.tls = true;
	assert_false(answer_same(NULL, &a, &b, why));
	assert_string_equal(why, "port 80, then 443 (TLS)");
	b.port = 80;
	b.tls = false;
	buf_puts(&b.fields, "content-type: text/html\n");
	assert_false(answer_same(NULL, &a, &b, why));
	buf_clear(&b.fields);
	b.failed = true;
	snprintf(b.error, sizeof b.error, "refused");
	assert_false(answer_same(NULL, &a, &b, why));
	assert_string_equal(why, "status 200, then no answer (refused)");
	a.failed = true;
	assert_true(answer_same(NULL, &a, &b, why));
	a = (struct answer){ .out = a.out, .status = 0 };
	b = (struct answer){ .out = b.out, .fields = b.fields, .status = 127 };
	buf_puts(&b.err, "sh: 1\nsh: job: not found\n");
	assert_false(answer_same(NULL, &a, &b, why));
	assert_string_equal(why, "exit status 0, then exit status 127: sh: job: not found");
	answer_free(&a);
	answer_free(&b);
}

static void logs(void **state)
{
	(void)state;
	static const struct {
		const char *one, *two, *is;
		bool same;
	} of[] = {
		{ "start 1\n", "start 2\n", "begin 3\nelse\n", true },
		{ "12:00:01 [error] 7#7: a\n", "x", "12:00:05 [error] 9#9: a\n", true },
		{ "x", "x", "open() \"/etc/x\" failed (2: No such file or directory)\n", false },
		{ "x", "x", "Traceback (most recent call last):\n", false },
		{ "warning: a\n", "x", "warning: a\nwarning: b\n", false },
		{ "\x1b[31merror\x1b[0m: 5\n", "x", "error: 6\n", true },
		{ "cannot use 3f2a9c0d11\n", "", "cannot use aabbccdd00\n", true },
		{ "[error] [BsGphL4PzK9T] boom\n", "", "[error] [x7Kq-mWvRtYc] boom\n", true },
		{ "[error] [BsGphL4PzK9T] boom\n", "", "[error] [x7Kq-mW2vRtYc] cannot open x\n", false },
		{ "error: ClassNotFound\n", "", "error: ModuleNotFound\n", false },
		{ "", "", "", true },
	};
	for (size_t i = 0; i < countof(of); i++) {
		char why[300];
		struct answer a = say("", 0), b = say("", 1), c = say("", 2);
		a.log = b.log = c.log = true;
		buf_puts(&a.err, of[i].one);
		buf_puts(&b.err, of[i].two);
		buf_puts(&c.out, of[i].is); /* wherever it says so */
		struct answer_mask *m = answer_mask_new(&a, &b);
		if (answer_same(m, &a, &c, why) != of[i].same)
			fail_msg("%s: %s", of[i].is, why);
		answer_mask_free(m);
		answer_free(&a);
		answer_free(&b);
		answer_free(&c);
	}
}

static void bytes(void **state)
{
	(void)state;
	char why[300];
	struct answer a = say("", 0), b = say("", 1), c = say("", 2);
	buf_add(&a.out, str_n("\x1f\x8b\0\1abcd", 8));
	buf_add(&b.out, str_n("\x1f\x8b\0\2abcd", 8));
	buf_add(&c.out, str_n("\x1f\x8b\0\7abcd", 8));
	struct answer_mask *m = answer_mask_new(&a, &b);
	assert_true(answer_same(m, &a, &c, why));
	c.out.p[5] = 'x';
	assert_false(answer_same(m, &a, &c, why));
	assert_false(answer_same(NULL, &a, &b, why));
	buf_clear(&c.out);
	buf_puts(&c.out, "not found");
	assert_false(answer_same(m, &a, &c, why));
	answer_mask_free(m);
	answer_free(&a);
	answer_free(&b);
	answer_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words), cmocka_unit_test(requests), cmocka_unit_test(files), cmocka_unit_test(composed), cmocka_unit_test(links), cmocka_unit_test(origins), cmocka_unit_test(by_nature), cmocka_unit_test(by_fault),
		cmocka_unit_test(whole_answers), cmocka_unit_test(logs), cmocka_unit_test(bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
