#include "check/secrets.h"
#include "report/examine.h"

static void secrets(const struct subject *s, const struct examine_options *opt, struct scan *out)
{
	(void)opt;
	if (s->image && s->rootfs)
		secrets_find(s->image, s->rootfs, NULL, out);
}

const struct examiner examiner_secrets = { KIND_SECRET, secrets };
