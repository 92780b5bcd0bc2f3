/* A line is an expression; all behind the first is a licence policy: read whole, or refused with what is wrong. It answers whatever it is asked. */
#include "check/license.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_n(data, size), expression = str_cut(&text, '\n'), which;
	struct license_policy p = { 0 };
	struct error err = { 0 };
	const char *by;
	bool unknown;
	if (license_policy_read(text.p ? text : STR(""), "p", &p, &err) < 0 && (err.kind != ERR_USAGE || err.text[0] != 'p'))
		abort();
	license_policy_done(&p);
	enum license_verdict v = license_policy_ask(&p, expression, &which, &by, &unknown);
	if (v > LICENSE_DENY || !by || (which.n && (which.p < expression.p || which.p + which.n > expression.p + expression.n)))
		abort();
	if (license_category_of(expression) >= LICENSE_CATEGORIES)
		abort();
	/* Denying everything that is named can only make the answer worse, where it was known at all. */
	struct error none = { 0 };
	if (license_policy_list(STR("*"), LICENSE_DENY, &p, &none) == 0 && license_policy_ask(&p, expression, &which, &by, &unknown) < v && !unknown && v != p.unknown && v != p.other)
		abort();
	license_policy_free(&p);
	return 0;
}
