#include "compose/deb822.h"

static bool blank_line(struct str line) { return str_trim(line).n == 0; }

bool deb822_next(struct str *rest, struct str *paragraph)
{
	*paragraph = (struct str){ 0 };
	while (rest->p) {
		struct str line = str_cut(rest, '\n');
		if (blank_line(line)) {
			if (paragraph->p)
				return true;
			continue;
		}
		if (!paragraph->p)
			paragraph->p = line.p;
		paragraph->n = (size_t)(line.p + line.n - paragraph->p);
	}
	return paragraph->p != NULL;
}

static u32 field_of(struct str name, const char *const *names, u32 n)
{
	u32 i = 0;
	while (i < n && !str_ieq(name, str_of(names[i])))
		i++;
	return i;
}

int deb822_fields(struct str paragraph, const char *const *names, struct str *values, u32 n, struct error *err)
{
	u32 at = n; /* the field that the line before belongs to; n: none that is wanted */
	bool first = true;
	for (u32 i = 0; i < n; i++)
		values[i] = (struct str){ 0 };
	for (struct str rest = paragraph; rest.p; first = false) {
		struct str line = str_cut(&rest, '\n'), value = line;
		if (!line.n || line.p[0] == '#')
			continue;
		if (line.p[0] == ' ' || line.p[0] == '\t') {
			if (first)
				return error_set(err, ERR_INPUT, "a line continues nothing");
			if (at < n)
				values[at].n = (size_t)(line.p + line.n - values[at].p);
			continue;
		}
		struct str name = str_cut(&value, ':');
		if (!value.p || !name.n || str_chr(line, '\0'))
			return error_set(err, ERR_INPUT, "\"%.*s\" is no field", (int)MIN(line.n, (size_t)60), line.p);
		at = field_of(name, names, n);
		if (at < n && values[at].p)
			at = n;
		else if (at < n)
			values[at] = value;
	}
	for (u32 i = 0; i < n; i++)
		if (values[i].p)
			values[i] = str_trim(values[i]);
	return 0;
}

bool deb822_word(struct str *rest, struct str *word)
{
	size_t n = 0;
	while (rest->n && strchr(" \t\r\n", rest->p[0]))
		*rest = str_from(*rest, 1);
	while (n < rest->n && !strchr(" \t\r\n", rest->p[n]))
		n++;
	*word = str_n(rest->p, n);
	*rest = str_from(*rest, n);
	return n > 0;
}
