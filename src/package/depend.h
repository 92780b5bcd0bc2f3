/* depend.h — which installed package needs which: the raw fields (package.depends, package.provides), each in its ecosystem's syntax, resolved to packages that are there.
 *
 *      deb    "libc6 (>= 2.36), debconf | cdebconf"     the first alternative that is there; names or what is provided
 *      apk    "so:libc.musl-x86_64.so.1 busybox>1 !x"   names or what is provided
 *      rpm    "glibc >= 2.17, /bin/sh, libz.so.1()(64bit)"  names, what is provided, files by their owner
 *      npm    "ms, debug"                               as Node.js looks: node_modules beside the package, then of each directory above it
 *      others "requests (>=2), idna"                    by name; of several the one nearest by path
 *
 * Versions are not compared: what a package manager installed it found to fit. What is not there is nobody's need here. */
#ifndef PARE_PACKAGE_DEPEND_H
#define PARE_PACKAGE_DEPEND_H
#include "package/package.h"

#define DEPENDS_MAX (4u << 20)       /* of all packages together: the rest is left out (`over`) */
#define DEPENDS_CANDIDATES 64u       /* packages of one name that are looked at for one need */

struct depends {
	u32 *start; /* package i needs to[start[i]] … to[start[i + 1] - 1]: indices, ascending, each once, never itself */
	u32 *to;
	u32 n;
	bool over;
};
/* `r` NULL: there is no tree, files have no owners. */
void depends_resolve(const struct packages *p, const struct rootfs *r, struct depends *ret);
void depends_free(struct depends *d);
#endif
