/* The shell reader: trees, positions, faults; the questions about commands. */
#include "base/buf.h"
#include "shell/command.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* --- a tree as one line --- */

static const char *const kinds[] = { "list", "andor", "pipe", "cmd", "sub", "group", "if", "while", "until", "for", "select", "forsum", "case", "item", "function", "cond", "sum", "coproc" };
static const char *const ops[] = { "", ";", "\\n", "&", "&&", "||", "|", "|&" };
static const char *const parts[] = { "", "\\", "'", "\"", "$'", "$\"", "$", "$()", "$(())", "<()", "*", "{}", "~", "()" };

static void show(struct buf *b, const struct sh_node *n);

static void show_parts(struct buf *b, const struct sh_part *v, u32 n)
{
	for (u32 i = 0; i < n; i++) {
		if (v[i].kind == SH_LITERAL) {
			buf_printf(b, "%.*s", STR_FMT(v[i].text));
			continue;
		}
		buf_printf(b, "‹%s", v[i].backquote ? "``" : parts[v[i].kind]);
		if (v[i].kind == SH_PARAM)
			buf_printf(b, "%.*s%.*s%.*s%s", STR_FMT(v[i].name), STR_FMT(v[i].index), STR_FMT(v[i].op), v[i].n_parts ? ":" : "");
		else if (v[i].kind < SH_DOUBLE || v[i].kind == SH_DOLLAR_SINGLE || v[i].kind == SH_GLOB || v[i].kind == SH_TILDE)
			buf_add(b, v[i].text);
		show_parts(b, v[i].parts, v[i].n_parts);
		if (v[i].child)
			show(b, v[i].child);
		buf_puts(b, "›");
	}
}

static void show_word(struct buf *b, const struct sh_word *w)
{
	buf_putc(b, ' ');
	if (!w->n_parts)
		buf_puts(b, "∅");
	show_parts(b, w->parts, w->n_parts);
}

static void show(struct buf *b, const struct sh_node *n)
{
	buf_printf(b, "(%s%s%s%.*s", n->negated ? "!" : "", kinds[n->kind], n->name.n ? " " : "", STR_FMT(n->name));
	for (u32 i = 0; i < n->n_assigns; i++) {
		const struct sh_assign *a = &n->assigns[i];
		buf_printf(b, " %.*s%s=", STR_FMT(a->name), a->append ? "+" : "");
		if (a->array)
			buf_puts(b, " [");
		for (u32 k = 0; k < a->n_items; k++)
			show_word(b, &a->items[k]);
		if (a->array)
			buf_puts(b, " ]");
		else
			show_word(b, &a->value);
	}
	for (u32 i = 0; i < n->n_words; i++)
		show_word(b, &n->words[i]);
	for (u32 i = 0; i < n->n_redirects; i++) {
		const struct sh_redirect *r = &n->redirects[i];
		buf_puts(b, " ");
		if (r->fd >= 0)
			buf_printf(b, "%d", r->fd);
		buf_add(b, r->op);
		show_word(b, &r->target);
		if (r->body.p)
			buf_printf(b, " <%.*s>", STR_FMT(r->body));
		if (r->expanded)
			show_word(b, r->expanded);
	}
	for (const struct sh_node *c = n->child; c; c = c->next) {
		bool before = n->kind == SH_ANDOR || n->kind == SH_PIPELINE;
		buf_puts(b, " ");
		if (before && c->op)
			buf_printf(b, "%s ", ops[c->op]);
		show(b, c);
		if (!before && c->op)
			buf_printf(b, " %s", ops[c->op]);
	}
	buf_putc(b, ')');
}

static struct sh_tree tree;

static const char *read_as(const char *text)
{
	static struct buf b;
	sh_free(&tree);
	sh_parse(str_of(text), &tree);
	buf_clear(&b);
	if (tree.root)
		show(&b, tree.root);
	return b.p ? b.p : "";
}

static void reads(const char *text, const char *as)
{
	assert_string_equal(read_as(text), as);
	if (tree.n_errors)
		fail_msg("%s: %u: %s", text, tree.errors[0].at, tree.errors[0].message);
}

static void fault(const char *text, u32 at, const char *as)
{
	const char *got = read_as(text);
	if (!tree.n_errors)
		fail_msg("no fault in %s", text);
	assert_int_equal(tree.errors[0].at, at);
	assert_string_equal(got, as);
}

static int done(void **state)
{
	(void)state;
	sh_free(&tree);
	return 0;
}

/* --- --- */

static void lists(void **state)
{
	(void)state;
	reads("", "");
	reads("  # nothing", "");
	reads("a b", "(cmd a b)");
	reads("a && b | c; d", "(list (andor (cmd a) && (pipe (cmd b) | (cmd c))) ; (cmd d))");
	reads("a || b && c", "(andor (cmd a) || (cmd b) && (cmd c))");
	reads("a |& b |\n c", "(pipe (cmd a) |& (cmd b) | (cmd c))");
	reads("a & b\nc;", "(list (cmd a) & (cmd b) \\n (cmd c) ;)");
	reads("a &&\n\n# why\nb", "(andor (cmd a) && (cmd b))");
	reads("! a | b", "(!pipe (cmd a) | (cmd b))");
	reads("! ! a", "(cmd a)");
	reads("a # b && c\nd", "(list (cmd a) \\n (cmd d))");
	reads("a b#c #d", "(cmd a b#c)");
	reads("a \\\n b", "(cmd a b)");
	reads("a\\\nb", "(cmd ab)");
	reads("a\r\nb\r\n", "(list (cmd a) \\n (cmd b) \\n)");
	reads("(a; b) > x && { c; }", "(andor (sub > x (list (cmd a) ; (cmd b))) && (group (cmd c) ;))");
	reads("time -p { a; }", "(group (cmd a) ;)");
	reads("time a", "(cmd time a)");
}

static void compounds(void **state)
{
	(void)state;
	reads("if a; then b; elif c; then d; else e; fi", "(if (cmd a) ; (cmd b) ; (cmd c) ; (cmd d) ; (cmd e) ;)");
	assert_true(tree.root->child->condition);
	assert_false(tree.root->child->next->condition);
	assert_true(tree.root->child->next->next->condition);
	reads("for i in a 'b' $c; do d; done", "(for i a ‹'b› ‹$c› (cmd d) ;)");
	reads("for i\ndo d; done", "(for i (cmd d) ;)");
	reads("for ((i=0; i<$n; i++)) { d; }", "(forsum i=0; i<‹$n›; i++ (cmd d) ;)");
	reads("while a; b; do c; done < f", "(while < f (list (cmd a) ; (cmd b) ;) (cmd c) ;)");
	reads("until a; do b; done", "(until (cmd a) ; (cmd b) ;)");
	reads("select x in a; do b; done", "(select x a (cmd b) ;)");
	reads("case $x in a|b) c;; (d) ;; *) e;& f) esac", "(case ‹$x› (item a b (cmd c)) (item d) (item ‹**› (cmd e)) (item f))");
	reads("case x in\n# why\na)\nb\n;;\nesac", "(case x (item a (cmd b) \\n))");
	reads("f() { a; }; f", "(list (function f (group (cmd a) ;)) ; (cmd f))");
	reads("function f-g { a; } > x", "(function f-g (group > x (cmd a) ;))");
	reads("f ( ) ( a )", "(function f (sub (cmd a)))");
	reads("coproc p { a; }; coproc b c", "(list (coproc p (group (cmd a) ;)) ; (coproc (cmd b c)))");
	reads("((i++, j)) && a", "(andor (sum i++, j) && (cmd a))");
	reads("((a); b)", "(sub (list (sub (cmd a)) ; (cmd b)))");
	reads("[[ $a == b* && ! ( -f c || d < e ) ]]", "(cond ‹$a› == b‹**› && ! ( -f c || d < e ))");
	reads("[[ $a =~ ^(x|y)+$ ]] && b", "(andor (cond ‹$a› =~ ^(x|y)+$) && (cmd b))");
	reads("if ((a)); then b; fi", "(if (sum a) ; (cmd b) ;)");
	reads("echo if then } done", "(cmd echo if then } done)");
	reads("{ echo }; }", "(group (cmd echo }) ;)");
}

static void words(void **state)
{
	(void)state;
	reads("a 'b c' \"d e\" f\\ g", "(cmd a ‹'b c› ‹\"d e› f‹\\ ›g)");
	const struct sh_word *w = tree.root->words;
	assert_true(str_is(w[1].text, "b c") && w[1].literal && w[1].quoted);
	assert_true(str_is(w[3].text, "f g") && w[3].literal && w[3].quoted);
	reads("a\"b\\$c$d\\x\"'e'", "(cmd a‹\"b‹\\$›c‹$d›\\x›‹'e›)");
	assert_true(str_is(tree.root->words[0].text, "ab$c$d\\xe") && !tree.root->words[0].literal);
	reads("echo $'a\\n\\x41\\101\\u00e9\\'' $\"x$y\"", "(cmd echo ‹$'a\nAA\303\251'› ‹$\"x‹$y››)");
	reads("$a ${b} $1 $@ $# ${#c} ${!d} ${e[1]} ${f:-g h} ${i##*/} ${j/k/l} ${m:1:2} ${n^^} $", "(cmd ‹$a› ‹$b› ‹$1› ‹$@› ‹$#› ‹$c#len› ‹$d!› ‹$e1› ‹$f:-:g h› ‹$i##:‹**›/› ‹$j/:k/l› ‹$m::1:2› ‹$n^^› $)");
	reads("${a:-\"b ${c}\"} \"${d:-'e'}\" \"${f#'g'}\"", "(cmd ‹$a:-:‹\"b ‹$c››› ‹\"‹$d:-:'e'›› ‹\"‹$f#:‹'g›››)");
	reads("x$(a | b)y `c` \"$(d \"e\")\"", "(cmd x‹$()(pipe (cmd a) | (cmd b))›y ‹``(cmd c)› ‹\"‹$()(cmd d ‹\"e›)››)");
	reads("`a \\`b \\$c\\``", "(cmd ‹``(cmd a ‹``(cmd b ‹$c›)›)›)");
	reads("\"`a \\\"b c\\\"`\"", "(cmd ‹\"‹``(cmd a ‹\"b c›)››)");
	reads("$((1+$a)) $((b)) $[c] $((d); e)", "(cmd ‹$(())1+‹$a›› ‹$(())b› ‹$(())c› ‹$()(list (sub (cmd d)) ; (cmd e))›)");
	reads("a*.[ch] b? [!a-z]x [ ] !(y|z) \\*", "(cmd a‹**›.‹*[ch]› b‹*?› ‹*[!a-z]›x [ ] ‹*!(y|z)› ‹\\*›)");
	reads("{a,$b}c {1..3} {d} {} a{,e}", "(cmd ‹{}a,‹$b››c ‹{}1..3› {d} {} a‹{},e›)");
	reads("~ ~a/b c~", "(cmd ‹~~› ‹~~a›/b c~)");
	reads("diff <(a) >(b)", "(cmd diff ‹<()(cmd a)› ‹<()(cmd b)›)");
	reads("$(case x in a) b;; esac)", "(cmd ‹$()(case x (item a (cmd b)))›)");
	reads("$(a # )\n)", "(cmd ‹$()(cmd a)›)");
}

static void assignments(void **state)
{
	(void)state;
	reads("a=b c=\"d\" e=", "(cmd a= b c= ‹\"d› e= ∅)");
	reads("a=b cmd c=d", "(cmd a= b cmd c=d)");
	reads("a+=x b[1]=y", "(cmd a+= x b= y)");
	reads("a=(b 'c' $d\n# why\ne) f", "(cmd a= [ b ‹'c› ‹$d› e ] f)");
	reads("declare -a x=(1 $y)", "(cmd declare -a x=‹()1‹$y››)");
	reads("PATH=~/a:~b", "(cmd PATH= ‹~~›/a:‹~~b›)");
	reads("1=a =b a-b=c", "(cmd 1=a =b a-b=c)");
}

static void redirections(void **state)
{
	(void)state;
	reads("a > b 2>&1 >>c <d <&- &>e >|f <>g 10>h", "(cmd a > b 2>& 1 >> c < d <& - &> e >| f <> g 10> h)");
	reads("> a", "(cmd > a)");
	reads("a 2 > b", "(cmd a 2 > b)");
	reads("exec {fd}> x", "(cmd exec > x)");
	reads("cat <<< \"$a\" b", "(cmd cat b <<< ‹\"‹$a››)");
	reads("cat <<E > f && b\nx $y\nE\nc", "(list (andor (cmd cat << E <x $y\n> x ‹$y›\n > f) && (cmd b)) \\n (cmd c))");
	reads("cat <<'E'\n$x\nE\n", "(cmd cat << ‹'E› <$x\n>)");
	reads("cat <<-E\n\ta\n\tE\n", "(cmd cat <<- E <\ta\n> \ta\n)");
	reads("a <<A <<B\n1\nA\n2\nB\n", "(cmd a << A <1\n> 1\n << B <2\n> 2\n)");
	reads("x=$(cat <<E\na\nE\n)", "(cmd x= ‹$()(cmd cat << E <a\n> a\n)›)");
	reads("cat <<E", "(cmd cat << E)"); /* its lines follow the instruction */
	assert_null(tree.root->redirects[0].body.p);
}

static void positions(void **state)
{
	(void)state;
	const char *text = "a && sudo  b \"x $y\" `c \\`d\\`` > f; e";
	read_as(text);
	const struct sh_node *list = tree.root, *and = list->child, *sudo = and->child->next;
	assert_int_equal(list->at, 0);
	assert_int_equal(list->end, strlen(text));
	assert_int_equal(sudo->at, 5);
	assert_int_equal(sudo->end, strchr(text, ';') - text);
	const struct sh_word *w = sudo->words;
	assert_int_equal(w[1].at, 11);
	assert_int_equal(w[2].at, 13);
	assert_int_equal(w[2].end, 19);
	assert_true(str_is(w[2].source, "\"x $y\""));
	assert_int_equal(w[2].parts[0].parts[1].at, 16);
	/* inside of a backquoted part that was read from a copy */
	const struct sh_node *c = w[3].parts[0].child, *d = c->words[1].parts[0].child;
	assert_int_equal(c->at, strchr(text, 'c') - text);
	assert_int_equal(d->at, strstr(text, "d\\`") - text);
	assert_ptr_equal(d->parent, c);
	assert_ptr_equal(c->parent, sudo);
	assert_true(c->substituted && d->substituted && !sudo->substituted);
	assert_int_equal(sudo->redirects[0].at, strchr(text, '>') - text);
	read_as("cat <<E\nab $c\nE\n");
	assert_int_equal(tree.root->redirects[0].expanded->parts[1].at, 11);
}

static void faults(void **state)
{
	(void)state;
	fault("if a; then b", 0, "(if (cmd a) ; (cmd b))");
	fault("a; fi; b", 3, "(list (cmd a) ; (cmd b))");
	fault("a && ; b", 5, "(list (cmd a) ; (cmd b))");
	fault("a | ", 4, "(cmd a)");
	fault("a )b", 2, "(list (cmd a) (cmd b))");
	fault("a (b) c", 2, "(list (cmd a) (sub (cmd b)) (cmd c))");
	fault("( a", 0, "(sub (cmd a))");
	fault("{ a; ", 0, "(group (cmd a) ;)");
	fault("echo 'a", 5, "(cmd echo ‹'a›)");
	fault("echo \"a $b", 5, "(cmd echo ‹\"a ‹$b››)");
	fault("echo $(a", 5, "(cmd echo ‹$()(cmd a)›)");
	fault("echo ${a", 5, "(cmd echo ‹$a›)");
	fault("echo ${}", 5, "(cmd echo ‹$›)");
	fault("echo `a", 5, "(cmd echo ‹``(cmd a)›)");
	fault("a >", 2, "(cmd a > ∅)");
	fault("for in a; do b; done", 0, read_as("for in a; do b; done"));
	fault("while a; b; done", 0, read_as("while a; b; done"));
	fault("case a in b c) d;; esac", 10, read_as("case a in b c) d;; esac"));
	fault("[[ a ", 0, "(cond a)");
	fault("f() a", 4, "(function f (cmd a))");
	fault("! ", 2, "");
}

/* What is nested without end is told and left, in no time. */
static void ceilings(void **state)
{
	(void)state;
	static const char *const pieces[] = { "((((", "$(", "${", "${a:-", "\"$(", "`", "{ ", "if ", "while ", "case a in ", "f() ", "[", "{a,", "!(", "$((", "<(", "a && ", "a|", "! ", "\\\n", "<<a ", "a=(", "coproc ", "\\`", "$'",
		"a[", "$[", "((a) ", "if a; then b; elif ", "sudo ", "cat <<E\n" };
	struct buf b = BUF(0);
	for (u32 i = 0; i < countof(pieces); i++) {
		buf_clear(&b);
		while (b.n < 200 * KiB)
			buf_puts(&b, pieces[i]);
		sh_free(&tree);
		sh_parse(buf_str(&b), &tree);
		struct sh_commands c;
		sh_commands_of(&tree, &c);
		sh_commands_free(&c);
		assert_true(tree.n_errors <= 64);
	}
	buf_clear(&b);
	while (b.n <= SH_BYTES)
		buf_puts(&b, "a ");
	sh_free(&tree);
	sh_parse(buf_str(&b), &tree);
	assert_int_equal(tree.n_errors, 1);
	assert_int_equal(tree.errors[0].at, SH_BYTES);
	buf_free(&b);
}

/* --- commands --- */

static struct sh_commands commands;

static const struct sh_command *command(const char *text, u32 i)
{
	sh_commands_free(&commands);
	sh_free(&tree);
	sh_parse(str_of(text), &tree);
	sh_commands_of(&tree, &commands);
	assert_true(i < commands.n);
	return &commands.v[i];
}

static void finds(void **state)
{
	(void)state;
	const struct sh_command *c = command("a; x=$(b); if c; then f() { d; }; fi; while e; do :; done", 0);
	assert_int_equal(commands.n, 6);
	assert_true(str_is(c[1].name, "b") && c[1].in_substitution && !c[0].in_substitution);
	assert_true(c[2].in_condition && !c[3].in_condition);
	assert_true(c[3].in_function && !c[4].in_function && c[4].in_condition);
	assert_true(sh_find(&commands, "d") == &c[3] && !sh_find(&commands, "z"));
	c = command("X=1 /usr/bin/apt-get -y -o a=b install x", 0);
	assert_true(sh_is(c, "apt-get") && str_is(c->name, "/usr/bin/apt-get") && c->n_args == 5);
	command("a && (b && c) | d", 0);
	bool last;
	assert_true(sh_and_follows(commands.v[0].node) && sh_and_follows(commands.v[1].node) && !sh_and_follows(commands.v[3].node));
	assert_non_null(sh_pipeline_of(&commands.v[2], &last));
	assert_false(last);
	assert_null(sh_pipeline_of(&commands.v[0], &last));
	assert_true(sh_pipeline_of(&commands.v[3], &last) && last);
}

static void wraps(void **state)
{
	static const char *const texts[] = { "sudo -u a -E b c", "sudo X=1 b c", "env -i X=1 b c", "env -u A b c", "nice -n 5 b c", "timeout -k 1 5 b c", "xargs -0 -n 1 b c", "chroot /x b c", "exec -a n b c", "nohup b c",
		"command b c", "time -f x b c", "su-exec me b c", "stdbuf -oL b c", "sudo env X=1 nice b c" };
	(void)state;
	for (u32 i = 0; i < countof(texts); i++) {
		const struct sh_command *c = command(texts[i], 0);
		while (c->wraps)
			c = c->wraps;
		if (!(c->wrapped && str_is(c->name, "b") && c->n_args == 1 && str_is(c->args[0].text, "c")))
			fail_msg("%s", texts[i]);
	}
	assert_null(command("command -v b", 0)->wraps);
	assert_null(command("sudo -u", 0)->wraps);
	assert_null(command("env X=1", 0)->wraps);
}

static bool value_is(const struct sh_command *c, const char *name, const char *value)
{
	struct str v = sh_flag_value(c, name);
	return value ? v.p && str_is(v, value) : !v.p;
}

static void options(void **state)
{
	static const char *const valued[] = { "o", "root", NULL }, *const t[] = { "t", NULL }, *const any[] = { "zzz", "long", NULL };
	(void)state;
	const struct sh_command *c = command("x -qqy -o a --root b --long=c -j4 d -- -z e", 0);
	assert_true(sh_has_flag(c, "q") && sh_has_flag(c, "y") && sh_has_flag(c, "root") && sh_has_flag(c, "long") && !sh_has_flag(c, "z") && !sh_has_flag(c, "a"));
	assert_int_equal(sh_count_flag(c, "q"), 2);
	assert_true(sh_has_any_flag(c, any) && !sh_has_any_flag(c, t));
	assert_true(value_is(c, "o", "a") && value_is(c, "root", "b") && value_is(c, "long", "c") && value_is(c, "j", "4") && value_is(c, "w", NULL));
	assert_true(str_is(sh_operand(c, 0, valued)->text, "d") && str_is(sh_operand(c, 1, valued)->text, "-z") && str_is(sh_operand(c, 2, valued)->text, "e") && !sh_operand(c, 3, valued));
	assert_true(str_is(sh_operand(c, 0, NULL)->text, "a"));
	assert_int_equal(sh_count_operands(c, valued), 3);
	assert_true(sh_hado_has_flag(c, "z") && str_is(sh_hado_next(c, NULL)->text, "a"));
	assert_true(str_is(sh_hado_next_dropping(c, NULL, valued)->text, "d"));
	c = command("apt-get -y install -t x a b", 0);
	assert_true(sh_is_sub(c, "apt-get", "install") && !sh_is_sub(c, "apt-get", "update") && sh_find_sub(&commands, "apt-get", "install") == c);
	const struct sh_word *w = sh_sub_word(c, "install", t);
	assert_true(str_is((w = sh_next_operand(c, w, t))->text, "a") && str_is((w = sh_next_operand(c, w, t))->text, "b") && !sh_next_operand(c, w, t));
	assert_true(sh_has_arg(c, "-t") && sh_arg_starting(c, "inst") && sh_arg_containing(c, "stal") && sh_find_arg(&commands, "apt-get", "b") == c);
}

static int done_commands(void **state)
{
	sh_commands_free(&commands);
	return done(state);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_teardown(f, done)
	const struct CMUnitTest tests[] = {
		TEST(lists), TEST(compounds), TEST(words), TEST(assignments), TEST(redirections), TEST(positions), TEST(faults), TEST(ceilings),
		cmocka_unit_test_teardown(finds, done_commands), cmocka_unit_test_teardown(wraps, done_commands), cmocka_unit_test_teardown(options, done_commands),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
