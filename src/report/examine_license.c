#include "report/examine.h"

static void licenses(const struct subject *s, const struct examine_options *opt, struct scan *out)
{
	if (opt->licenses)
		license_judge(opt->licenses, s->packages, out);
	license_count(s->packages, out);
}

const struct examiner examiner_license = { KIND_LICENSE, licenses };
