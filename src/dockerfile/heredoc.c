#include "dockerfile/parser.h"

int df_heredoc_word(struct arena *a, struct str word, struct df_heredoc *ret, struct error *err)
{
	size_t i = 0;
	u64 fd = 0;
	for (; i < word.n && word.p[i] >= '0' && word.p[i] <= '9'; i++) {
		fd = fd * 10 + (u64)(word.p[i] - '0');
		fd = MIN(fd, (u64)UINT32_MAX);
	}
	if (i + 2 >= word.n || word.p[i] != '<' || word.p[i + 1] != '<')
		return 0;
	i += 2;
	bool chomp = word.p[i] == '-';
	i += chomp;
	while (i < word.n && strchr(" \t\n\f\r", word.p[i]) && word.p[i])
		i++;
	struct str rest = str_from(word, i);
	if (rest.n == 0 || str_chr(rest, '<'))
		return 0;
	/* Quotes that go when the word is read say that the body is not to be expanded. */
	struct word_options opt = { .escape = '\\', .skip_unset = true };
	struct str *plain, *quoted;
	u32 n_plain, n_quoted;
	if (word_split(a, rest, &opt, NULL, &plain, &n_plain, err) < 0)
		return -1;
	if (n_plain != 1)
		return 0;
	opt.raw_quotes = true;
	if (word_split(a, rest, &opt, NULL, &quoted, &n_quoted, err) < 0)
		return -1;
	if (n_quoted != 1)
		return error_set(err, ERR_INPUT, "the here-document's mark reads differently with and without its quotes");
	u32 marks[2] = { 0, 0 };
	for (size_t k = 0; k < plain[0].n; k++)
		marks[0] += plain[0].p[k] == '"' || plain[0].p[k] == '\'';
	for (size_t k = 0; k < quoted[0].n; k++)
		marks[1] += quoted[0].p[k] == '"' || quoted[0].p[k] == '\'';
	*ret = (struct df_heredoc){ .name = plain[0], .fd = (u32)fd, .expand = marks[0] == marks[1], .chomp = chomp };
	return 1;
}

bool df_heredocs_find(struct df_parser *p, struct df_instruction *in, struct df_heredoc **ret, u32 *n)
{
	struct word_options opt = { .escape = '\\', .raw_quotes = true, .raw_escapes = true, .skip_unset = true };
	struct word_place *words;
	u32 many, found = 0;
	struct error err = { 0 };
	*n = 0;
	if (word_split_places(p->a, in->text.s, &opt, NULL, &words, &many, &err) < 0)
		return true; /* what BuildKit can't read has none for it */
	struct df_heredoc *v = NULL;
	for (u32 i = 0; i < many; i++) {
		struct df_heredoc h;
		struct error e = { 0 };
		int r = df_heredoc_word(p->a, words[i].s, &h, &e);
		if (r < 0)
			return df_error_add(p, in, in->line, true, "%s", e.text);
		if (r == 0)
			continue;
		if (!v)
			v = arena_array(p->a, struct df_heredoc, many - i);
		h.marker = df_text_span(&in->text, words[i].at, words[i].end);
		v[found++] = h;
	}
	*ret = v;
	*n = found;
	return true;
}
