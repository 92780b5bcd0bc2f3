/* What the scanner of Ruby sources, specifications and Gemfiles tells. */
#include "source_test.h"

static struct buf note;

static void check(const char *name, const char *text, const char *line, bool there)
{
	struct str n = source_test("app", name, text, &note);
	if (source_has(n, line) != there)
		fail_msg("%s: %s of %s\nis in:\n%s", text, there ? "missing" : "wrong", line, note.p ? note.p : "");
}
static void has(const char *text, const char *line) { check("x.rb", text, line, true); }
static void has_not(const char *text, const char *line) { check("x.rb", text, line, false); }

static void features(void **state)
{
	(void)state;
	has("require 'net/http'\n", "mnet/http");
	has("require(\"json\") if x\n", "mjson");
	has("get('/') { require 'csv'; 1 }", "mcsv");
	has("require_relative '../lib/x'\n", "m./../lib/x");
	has("require File.expand_path('../boot', __FILE__)\n", "m./boot");
	has("require File.expand_path('../config/boot', __dir__)\n", "m./../config/boot");
	has("require File.join(File.dirname(__FILE__), 'a', 'b')\n", "m./a/b");
	has("require File.dirname(__FILE__) + '/x'\n", "m./x");
	has("require \"#{__dir__}/x\"\n", "m./x");
	has("autoload :ERB, 'tilt/erb'\n", "mtilt/erb");
	has("$LOAD_PATH.unshift File.expand_path('../lib', __dir__)\n", "dlib\t./../lib");
	has("$:.unshift 'lib'\nrequire 'x'\n", "mx");
	has("gem 'puma', '~> 5'\n", "dgem\tpuma");
	has_not("=begin\nrequire 'doc'\n=end\nrequire 'real'\n", "mdoc");
	has("=begin\nrequire 'doc'\n=end\nrequire 'real'\n", "mreal");
	has_not("__END__\nrequire 'behind'\n", "mbehind");
	has_not("# require 'comment'\n", "mcomment");
}

static void unknown(void **state)
{
	(void)state;
	has("require name\n", "ximport");
	has("require \"adapters/#{name}\"\n", "madapters/");
	has("require \"adapters/#{name}\"\n", "ximport");
	has("Dir[File.join(__dir__, '*.rb')].each { |f| require f }\n", "xwide");
	has("autoload :Base\n", "xwide");
	has("Bundler.require(:default)\n", "xbundler");
	has("eval code\n", "xeval");
	has("x = %w(alpha beta/two).each { |f| require f }\n", "sbeta/two");
}

static void commands(void **state)
{
	(void)state;
	has("get('/') { `echo pid #{6 * 7}` }\n", "cecho pid $x");
	has("system 'ls', '-l', x\n", "cls\x1f-l\x1f");
	has("system(\"gzip -9\")\n", "cgzip -9");
	has("IO.popen(['git', 'log'])\n", "cgit\x1flog\x1f");
	has("Open3.capture3('uname -r')\n", "cuname -r");
	has("x = %x(uname -a)\n", "cuname -a");
}

static void lexing(void **state)
{
	(void)state;
	static const char *const before[] = { "x = a / b; y = c / 2", "x = y.split(/'/)", "return if x =~ /\"/", "s = \"a #{b[\"c\"]} '#{d('}')}' \"", "t = <<~A\n  it's \"\nA", "f(<<-X, <<~'Y')\n'\n X\n\"\nY", "c = ?'", "h = { 'a': 1, b: :\"'\" }",
		"w = %w['a \"b]", "q = %q(it's (nested) \")", "x = 5 % 3", "puts %(it's)", "a <<b", "list << 'x'", "v = $' ; w = $1", "m? ? 'a' : 'b'", "y = x ? 1 : 2", "# it's", "r = %r{'}x" };
	for (u32 i = 0; i < countof(before); i++) {
		struct buf t = { 0 };
		buf_printf(&t, "%s\nrequire 'after'\nsystem('after')\n", before[i]);
		has(t.p, "mafter");
		has(t.p, "cafter");
		buf_free(&t);
	}
}

static void specifications(void **state)
{
	(void)state;
	static const char text[] = "Gem::Specification.new do |s|\n  s.name = \"sinatra\".freeze\n  s.version = \"3.0.5\"\n  s.require_paths = [\"lib\".freeze]\n  s.files = [\"lib/sinatra.rb\".freeze]\n"
				   "  if s.respond_to? :add_runtime_dependency then\n    s.add_runtime_dependency(%q<rack>.freeze, [\"~> 2.2\"])\n    s.add_development_dependency(%q<rspec>.freeze, [\"~> 2\"])\n  else\n"
				   "    s.add_dependency(%q<rspec>.freeze, [\"~> 2\"])\n  end\nend\n";
	static const char *const lines[] = { "dname\tsinatra", "dversion\t3.0.5", "dpath\tlib", "dfile\tlib/sinatra.rb", "dneeds\track" };
	for (u32 i = 0; i < countof(lines); i++)
		check("sinatra.gemspec", text, lines[i], true);
	check("sinatra.gemspec", text, "dneeds\trspec", false);
	check("Gemfile.lock", "GEM\n  remote: x\n  specs:\n    rack (2.2.4)\n      other (1)\n", "dgem\track", true);
	check("Gemfile", "source 'x'\ngem 'sinatra', require: 'sinatra/base'\n", "dgem\tsinatra", true);
	check("Gemfile", "source 'x'\ngem 'sinatra', require: 'sinatra/base'\n", "msinatra/base", true);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(features), cmocka_unit_test(unknown), cmocka_unit_test(commands), cmocka_unit_test(lexing), cmocka_unit_test(specifications) };
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	buf_free(&note);
	return failed;
}
