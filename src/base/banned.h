/* banned.h — functions that invite mistakes do not compile here; the comment names what to use. */
#ifndef PARE_BASE_BANNED_H
#define PARE_BASE_BANNED_H

#define BANNED(f) sorry_##f##_is_banned

#undef strcpy
#define strcpy(a, b) BANNED(strcpy) /* buf, str, snprintf */
#undef strcat
#define strcat(a, b) BANNED(strcat) /* buf */
#undef strncpy
#define strncpy(a, b, n) BANNED(strncpy) /* memcpy with a checked length */
#undef strncat
#define strncat(a, b, n) BANNED(strncat)
#undef sprintf
#define sprintf(...) BANNED(sprintf) /* snprintf, buf_printf */
#undef vsprintf
#define vsprintf(...) BANNED(vsprintf)
#undef gets
#define gets(a) BANNED(gets)
#undef system
#define system(a) BANNED(system)
#undef popen
#define popen(a, b) BANNED(popen)
#undef strtok
#define strtok(a, b) BANNED(strtok) /* str_cut */
#undef atoi
#define atoi(a) BANNED(atoi) /* str_to_u64 */
#undef atol
#define atol(a) BANNED(atol)
#undef atoll
#define atoll(a) BANNED(atoll)
#undef atof
#define atof(a) BANNED(atof)
#undef mktemp
#define mktemp(a) BANNED(mktemp)
#undef tmpnam
#define tmpnam(a) BANNED(tmpnam)
#undef gmtime
#define gmtime(a) BANNED(gmtime) /* gmtime_r */
#undef localtime
#define localtime(a) BANNED(localtime)
#undef ctime
#define ctime(a) BANNED(ctime)
#undef alloca
#define alloca(a) BANNED(alloca)
#endif
