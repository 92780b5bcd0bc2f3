/* eol.h — the last day on which well-known distributions, languages and databases get security updates: what is known without a database. */
#ifndef PARE_RULE_EOL_H
#define PARE_RULE_EOL_H
#include "base/common.h"
#include "base/str.h"

struct end_of_life {
	char product[16];  /* as its image is called: "debian", "alpine", "amazonlinux" */
	char version[12];  /* "12", "bookworm", "3.19"; "*" all */
	u32 date; /* the last day of support, security updates by volunteers included (Debian LTS); yyyymmdd */
};

const struct end_of_life *eol_of(struct str product, struct str version);         /* NULL: not known */
const struct end_of_life *eol_of_version(struct str product, struct str version); /* "3.12.1": its own, else of "3.12", else of "3" */
#endif
