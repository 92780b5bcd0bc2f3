/* python.h — what source_python.c tells of Python's files, and python.c reads: the lines of a note behind those that source.h defines.
 *
 *      m  MODULE                import MODULE ("a.b.c")
 *      m  MODULE TAB NAME       from MODULE import NAME ("*" all of it); MODULE may begin with dots
 *      m  MODULE TAB NAME TAB main   only when the file itself is run, or tests itself
 *      m  MODULE TAB NAME TAB else   when another is not there (except ImportError)
 *      m  PREFIX TAB ?          a module whose name begins so and is computed further: "sqlalchemy.dialects.", ".backends."
 *      m  NAME TAB ~            byte code without source: a name that may be a module's, absolute or of its own package
 *      d  find-library TAB NAME ctypes.util.find_library("NAME");  library TAB NAME: ctypes.CDLL("NAME")
 *      d  entry TAB GROUP       entry points of this group are looked up ("*": of any)
 *      d  load TAB DIST TAB GROUP TAB NAME   this one is loaded
 *      d  dist TAB NAME         what is installed under this name is asked about itself (importlib.metadata, pkg_resources)
 *      d  path TAB DIR          sys.path gets this directory
 *      x  import, eval, run     a module, a text, a program that is computed
 *      x  shell                 a line for the shell that is computed
 *      x  unpickle              objects are read from data that names their modules
 *      x  lazy                  modules come when their names are asked for (__getattr__, sys.modules)
 *      x  stub                  .pyi files are read while running (lazy_loader)
 *
 *   of files beside modules:
 *      d  top TAB NAME          RECORD, top_level.txt: this module, package or file belongs to the distribution;  script TAB NAME: this command does
 *      d  requires TAB NAME     METADATA, requires.txt
 *      d  point TAB GROUP TAB NAME TAB MODULE   entry_points.txt
 *      d  add TAB DIR           .pth: one more directory
 *      d  home TAB DIR          pyvenv.cfg; system TAB true: with the packages of the system */
#ifndef PARE_PROGRAM_PYTHON_H
#define PARE_PROGRAM_PYTHON_H
#include "program/graph.h"
#include "program/source.h"

#define PYTHON_WORDS 12u /* of a command line, the rest is not told */

extern const struct source_language source_python;
extern const struct graph_kind graph_python;
/* The modules that a text imports, as of a -c option, told as of a source. */
void python_scan(struct str text, struct source_note *n);
#endif
