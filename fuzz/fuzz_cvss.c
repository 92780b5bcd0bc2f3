/* Vectors of CVSS: a score between 0 and 10 with one decimal, or refused; the order of the metrics does not matter. */
#include "advisory/cvss.h"
#include <math.h>

/* The same vector with its metrics (but for the version in front) the other way round. */
static size_t reversed(struct str s, char *out)
{
	size_t n = 0, head = s.n > 9 && memcmp(s.p, "CVSS:", 5) == 0 ? 9 : 0;
	memcpy(out, s.p, head);
	n = head;
	for (size_t end = s.n, i = s.n; i-- > head;)
		if (i == head || s.p[i - 1] == '/') {
			if (n > head)
				out[n++] = '/';
			memcpy(out + n, s.p + i, end - i);
			n += end - i;
			end = i ? i - 1 : 0;
		}
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str s = str_n(data, size);
	char other[2 * CVSS_VECTOR_MAX];
	double score = -1, again = -1;
	if (cvss_score(s, &score) < 0)
		return 0;
	if (!(score >= 0 && score <= 10) || fabs(score * 10 - round(score * 10)) > 1e-6)
		abort();
	if (str_chr(s, ' ') || str_chr(s, '(') || str_chr(s, '\n') || str_chr(s, '\t') || str_chr(s, '\r') || str_contains(s, STR("//")) || str_ends(s, STR("/")) || str_starts(s, STR("CVSS2#")))
		return 0;
	size_t n = reversed(s, other);
	if (cvss_score(str_n(other, n), &again) < 0 || again != score)
		abort();
	return 0;
}
