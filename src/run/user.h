/* user.h — as who a program runs: what the image's etc/passwd and etc/group, hostile bytes both, make of "user[:group]". */
#ifndef PARE_RUN_USER_H
#define PARE_RUN_USER_H
#include "base/error.h"
#include "base/str.h"

#define USER_GROUPS 64u
struct user {
	u32 uid, gid;
	char home[1024];
	u32 more[USER_GROUPS]; /* supplementary groups */
	u32 n_more;
};
/* Names or numbers, as engines understand them: the row of a number gives home and groups, too; a group that is named takes the place of all others. ERR_INPUT: no such user or group. */
int user_find(struct str passwd, struct str group, const char *text, struct user *u, struct error *err) must_check;
#endif
