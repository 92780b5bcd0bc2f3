#include "command/place.h"

int place_number(const struct option_value *v, const char *name, u32 most, u32 *ret, struct error *err)
{
	u64 n;
	if (!v->value)
		return 0;
	if (!str_to_u64(str_of(v->value), &n) || n < 1 || n > most)
		return error_set(err, ERR_USAGE, "--%s %.40s: a number from 1 to %u", name, v->value, most);
	*ret = (u32)n;
	return 0;
}

int place_options(const struct option_value *opt, struct repo_options *ret, struct error *err)
{
	*ret = (struct repo_options){ .user = opt[PLACE_CREDS].value, .certs = opt[PLACE_CERT_DIR].value, .plain_http = opt[PLACE_PLAIN_HTTP].count > 0, .store = globals.store };
	ret->tls_verify_off = opt[PLACE_TLS_VERIFY].value && strcmp(opt[PLACE_TLS_VERIFY].value, "false") == 0;
	if (ret->user && !strchr(ret->user, ':'))
		return error_set(err, ERR_USAGE, "--creds: it is USER:PASSWORD");
	if (place_number(&opt[PLACE_TIMEOUT], "timeout", 86400, &ret->fetch.silence, err) < 0)
		return -1;
	return place_number(&opt[PLACE_ATTEMPTS], "attempts", 100, &ret->fetch.attempts, err);
}
