/* chisel.h — manifests of chiselled Ubuntu root filesystems: slices of packages, cut out without dpkg (chisel, public/manifest).
 *
 * var/lib/chisel/manifest.wall is a "jsonwall", compressed with zstd: a JSON object a line, sorted; the first says what it is.
 *
 *      {"kind":"content","slice":"base-files_base","path":"/etc/debian_version"}
 *      {"kind":"package","name":"base-files","version":"13ubuntu10.1","sha256":"…","arch":"amd64"}
 *      {"kind":"path","path":"/etc/debian_version","mode":"0644","slices":["base-files_base"],"sha256":"…","size":11}
 *      {"kind":"slice","name":"base-files_base"} */
#ifndef PARE_PACKAGE_CHISEL_H
#define PARE_PACKAGE_CHISEL_H
#include "package/note.h"

#define CHISEL_PLAIN (256 * MiB)         /* inflated; a larger one is damage */
#define CHISEL_LINE ((size_t)(64 * KiB)) /* of one object */
#define CHISEL_PACKAGES 65536u
/* Its packages and their files into the note. */
void chisel_take(struct note_writer *w, struct str content);
#endif
