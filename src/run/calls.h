/* calls.h — system calls by name and number of this machine's architecture: libseccomp's tables, loaded when they are first asked. */
#ifndef PARE_RUN_CALLS_H
#define PARE_RUN_CALLS_H
#include "base/common.h"
#include "base/str.h"

#define CALL_NAME 64 /* room for a name, terminated */
bool call_name(u32 number, char ret[CALL_NAME]); /* false: no call has this number */
int call_number(struct str name);                /* -1: not known, or there is none of this name here */
int call_number_32(struct str name);             /* of the 32-bit architecture whose programs this machine runs, too */
#endif
