#include "check/config.h"
#include "report/examine.h"

static void config(const struct subject *s, const struct examine_options *opt, struct scan *out)
{
	if (s->image && s->rootfs)
		config_find(s->image, s->rootfs, s->packages, opt->match.today, out);
}

const struct examiner examiner_config = { KIND_CONFIG, config };
