#include "advisory/feed.h"

extern const struct feed feed_kind_osv, feed_kind_ubuntu, feed_kind_alpine, feed_kind_wolfi, feed_kind_debian, feed_kind_redhat, feed_kind_suse, feed_kind_amazon,
	feed_kind_oracle, feed_kind_nvd, feed_kind_kev, feed_kind_epss, feed_kind_eol;

const struct feed *const feeds[] = {
	&feed_kind_osv,
	&feed_kind_debian,
	&feed_kind_ubuntu,
	&feed_kind_alpine,
	&feed_kind_wolfi,
	&feed_kind_redhat,
	&feed_kind_suse,
	&feed_kind_amazon,
	&feed_kind_oracle,
	&feed_kind_nvd,
	&feed_kind_kev,
	&feed_kind_epss,
	&feed_kind_eol,
	NULL,
};

const struct feed *feed_named(struct str kind)
{
	for (const struct feed *const *f = feeds; *f; f++)
		if (str_is(kind, (*f)->kind))
			return *f;
	return NULL;
}
