/* java.h — what a program in Java needs: the virtual machine's home, and the class path.
 *
 *      bin/java, libjvm.so ─► the home: lib (modules, libraries, archives of classes, time zones, security), conf and where its links lead; not jmods, sources, headers, other tools
 *      -cp, -jar, @file, CLASSPATH, JAVA_TOOL_OPTIONS … ─► archives and directories, whole; Class-Path of a manifest; what their classes name (source_java.c)
 *
 * Accelerators that the machine does without are spare: the archive of classes for uncompressed pointers. */
#ifndef PARE_PROGRAM_JAVA_H
#define PARE_PROGRAM_JAVA_H
#include "program/graph.h"
#include "program/source.h"

extern const struct graph_kind graph_java;
extern const struct source_language source_java;
#endif
