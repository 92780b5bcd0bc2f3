/* php.h — what a PHP program can need: the interpreter's configuration and extensions, sources by path and by class, Composer's packages (source_php.c has what sources tell).
 *
 *      php, php-fpm, php-cgi, libphp*.so     php.ini and all of conf.d of that kind of interpreter, the extensions that they load, the paths that they name
 *      a source                              what it requires; its application stays whole
 *      vendor/composer/installed.json        packages stay whole when anything of Composer's loader is needed, but for tests and documentation; what is there for developers only when a class of it is named
 *      /usr/share/php, PEAR's directory      the directory below it in which something is needed */
#ifndef PARE_PROGRAM_PHP_H
#define PARE_PROGRAM_PHP_H
#include "program/graph.h"
#include "program/source.h"

extern const struct graph_kind graph_php;
extern const struct source_language source_php, source_php_ini;
#endif
