/* check.h — what can be said of a value by itself: how random it is, whether it is made up, and the structures and check sums that issuers put into tokens. */
#ifndef PARE_SECRET_CHECK_H
#define PARE_SECRET_CHECK_H
#include "base/common.h"
#include "base/str.h"
#include "secret/scan.h"

double secret_entropy(struct str s);
/* One letter over and over, "EXAMPLE", the alphabet: nobody's. */
bool secret_made_up(struct str s);
/* Letters and digits in their order, mostly ("0123456789abcdef"): hardly anybody's. */
bool secret_sequence(struct str s);
/* Decodes base64 or base64url, blanks, line ends and "\n" in between passed over; stops at the first other byte or when out is full. Returns the bytes in out;
 * *used (may be NULL) the bytes of s. */
size_t secret_base64(struct str s, u8 *out, size_t max, size_t *used);
/* "ghp_…(40 characters)": at most four first characters, fewer of short values. */
void secret_mask(struct str value, char masked[64]);

enum secret_trust check_crc62(struct str v);       /* GitHub, npm: the last six characters are the rest's CRC-32 in base 62 */
enum secret_trust check_jwt(struct str v);         /* header and claims are JSON */
enum secret_trust check_jwt_base64(struct str v);  /* the same, wrapped once more */
enum secret_trust check_private_key(struct str v); /* a PEM or armoured block, or the body of one */
enum secret_trust check_pypi(struct str v);        /* a macaroon */
enum secret_trust check_docker_auth(struct str v); /* base64 of "user:password" */
enum secret_trust check_docker_config(struct str v); /* base64 of a JSON document */
enum secret_trust check_password(struct str v);    /* of any characters: enough kinds of them, no words alone */
enum secret_trust check_url_password(struct str v);
enum secret_trust check_basic_auth(struct str v);  /* "user:password" of a command line */
enum secret_trust check_header_value(struct str v);
enum secret_trust check_aws_id(struct str v);      /* base 32: the account is in it */
enum secret_trust check_aws_secret(struct str v);  /* 40 of base 64: upper and lower case and digits */
enum secret_trust check_mixed(struct str v);       /* letters and digits both */
enum secret_trust check_generic(struct str v);     /* of a generic assignment: digits, no words, no versions, no files */
enum secret_trust check_told(struct str v);        /* no placeholder, nor a sample's word */
enum secret_trust check_age(struct str v);         /* Bech32: a check sum over all of it */
enum secret_trust check_sentry(struct str v);      /* JSON that tells the region */
enum secret_trust check_letters(struct str v);     /* a name when it is words of letters alone */
enum secret_trust check_plain_password(struct str v); /* where nothing but a password can stand */
enum secret_trust check_azure_key(struct str v);   /* 64 bytes */
enum secret_trust check_kubernetes(struct str v);  /* the value of a Secret: base64 that is no template and not empty */
#endif
