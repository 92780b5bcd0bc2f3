/* words.c — a text in another encoding (iconv), or in the ways of another locale that is chosen while it runs. */
#include <iconv.h>
#include <langinfo.h>
#include <libintl.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static int encoded(const char *to)
{
	char in[] = "\xc4\x8d\xd1\x8f\xe6\x97\xa5", out[64], *p = in, *q = out;
	size_t n = sizeof in - 1, room = sizeof out;
	char name[64];
	snprintf(name, sizeof name, "%s//TRANSLIT", to);
	iconv_t c = iconv_open(name, "UTF-8");
	if (c == (iconv_t)-1) {
		puts("no such encoding");
		return 1;
	}
	iconv(c, &p, &n, &q, &room);
	for (char *o = out; o < q; o++)
		printf("%02x", (unsigned char)*o);
	putchar('\n');
	return 0;
}

static int located(const char *name)
{
	char text[128] = "";
	time_t when = 1600000000;
	if (!setlocale(LC_ALL, name)) {
		puts("no such locale");
		return 1;
	}
	bindtextdomain("hardwords", "/usr/share/locale");
	textdomain("hardwords");
	strftime(text, sizeof text, "%A %B", gmtime(&when));
	printf("%s %s %s %s\n", text, nl_langinfo(RADIXCHAR), nl_langinfo(CODESET), gettext("hello"));
	return 0;
}

int main(int n, char **v)
{
	if (n > 2)
		return !strcmp(v[1], "encoding") ? encoded(v[2]) : located(v[2]);
	puts("plain");
	return 0;
}
