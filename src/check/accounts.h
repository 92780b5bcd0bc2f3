/* accounts.h — what the files about accounts say that matters: etc/passwd, shadow, group, sudoers and sudoers.d, doas.conf, ssh/sshd_config and its drop-ins.
 *
 * The collector draws its conclusions while the layer passes by, and its note holds only those: no password, and no hash of one, is ever kept.
 *
 *      note  { what: one byte, line: LEB128, length of name: LEB128, name } …
 *
 * A name is an account's ("root"), two accounts' ("toor, root"), or the line that gives the right. At most ACCOUNTS_FACTS of one file; the rest is a problem of it. */
#ifndef PARE_CHECK_ACCOUNTS_H
#define PARE_CHECK_ACCOUNTS_H
#include "base/buf.h"
#include "base/str.h"
#include "layer/collect.h"

#define ACCOUNTS_FACTS 5000u /* of one file */
#define ACCOUNTS_LINES 4000u /* accounts of one file that are compared with each other */

enum account_what { /* stored: raise the collector's version when they change */
	ACCOUNT_USER = 1,       /* "app:1000": who is who, to know whom USER means */
	ACCOUNT_NO_PASSWORD,    /* anybody may be it: the password field is empty */
	ACCOUNT_HASH,           /* a hash of a password stands there */
	ACCOUNT_WEAK_HASH,      /* DES or MD5: guessed in no time */
	ACCOUNT_ROOT,           /* UID 0, and is not root */
	ACCOUNT_SAME_UID,
	ACCOUNT_SAME_NAME,
	ACCOUNT_SAME_GID,
	ACCOUNT_SAME_GROUP,
	ACCOUNT_NOPASSWD,       /* sudo without a password */
	ACCOUNT_SSH_ROOT,       /* PermitRootLogin yes */
	ACCOUNT_SSH_EMPTY,      /* PermitEmptyPasswords yes */
	ACCOUNT_SSH_PASSWORD,   /* PasswordAuthentication yes */
	ACCOUNT_END,
};
struct account_fact {
	enum account_what what;
	u32 line;
	struct str name;
};
/* Walks a note: false at its end. */
bool account_note_next(struct str *note, struct account_fact *ret) must_check;
extern const struct collector accounts_collector;
#endif
