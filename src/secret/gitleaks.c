#include "secret/set.h"
int secret_gitleaks_read(struct secret_set *s, const char *path, struct error *err)
{
	(void)s;
	return error_set(err, ERR_USAGE, "%s: not read yet", path);
}
