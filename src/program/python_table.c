/* python_table.c — what no Python source says: modules that the interpreter and C modules import by name, and what modules ask for that is none. New knowledge of this form is one row. */
#include "program/python_kind.h"

const struct python_row python_table[] = {
	{ "", "encodings.* codecs io abc site os stat posixpath genericpath _collections_abc _sitebuiltins zipimport runpy importlib.* types warnings traceback linecache tokenize token re contextlib functools collections "
	      "keyword operator reprlib heapq weakref _weakrefset copyreg enum locale _bootlocale threading _threading_local atexit __future__ unicodedata sitecustomize usercustomize _strptime struct _colorize zlib", NULL, NULL },
	{ "time", "_strptime", "zones", NULL },
	{ "datetime", "_strptime _datetime", "zones", NULL },
	{ "_datetime", "_strptime datetime", "zones", NULL },
	{ "zoneinfo", "tzdata", "zones", NULL },
	{ "pytz", NULL, "zones", NULL },
	{ "dateutil", NULL, "zones", NULL },
	{ "tzlocal", NULL, "zones", NULL },
	{ "tzdata", "tzdata.*", NULL, NULL },
	{ "pendulum", NULL, "zones", NULL },
	{ "pickle", "copyreg _compat_pickle codecs _pickle", NULL, NULL },
	{ "_pickle", "copyreg _compat_pickle codecs", NULL, NULL },
	{ "decimal", "_decimal numbers collections", NULL, NULL },
	{ "_decimal", "numbers collections", NULL, NULL },
	{ "hashlib", "_hashlib _blake2 _sha3 _sha1 _sha256 _sha512 _sha2 _md5 _hmac", NULL, NULL },
	{ "_json", "json.decoder", NULL, NULL },
	{ "_csv", "csv", NULL, NULL },
	{ "_io", "locale _bootlocale", NULL, NULL },
	{ "_asyncio", "asyncio.* traceback weakref", NULL, NULL },
	{ "_ctypes", "ctypes.*", NULL, NULL },
	{ "ctypes.util", NULL, NULL, "/sbin/ldconfig /etc/ld.so.cache" },
	{ "_elementtree", "copy xml.etree.* pyexpat", NULL, NULL },
	{ "_sqlite3", "sqlite3.* collections.abc", NULL, NULL },
	{ "_zoneinfo", "zoneinfo.* importlib.resources tzdata", "zones", NULL },
	{ "_ssl", "ssl", "certificates", NULL },
	{ "ssl", "_ssl", "certificates", NULL },
	{ "requests", NULL, "certificates", NULL },
	{ "urllib3", NULL, "certificates", NULL },
	{ "httpx", NULL, "certificates", NULL },
	{ "aiohttp", NULL, "certificates", NULL },
	{ "socket", NULL, "hosts services", NULL },
	{ "pwd", NULL, "accounts", NULL },
	{ "grp", NULL, "accounts", NULL },
	{ "locale", "_locale", "locales", NULL },
	{ "curses", "curses.* _curses", "terminals", NULL },
	{ "site", NULL, NULL, "/etc/inputrc" },
	{ "readline", "rlcompleter", "terminals", "/etc/inputrc" },
	{ "mimetypes", NULL, "types", "/etc/mime.types /etc/httpd/mime.types /etc/httpd/conf/mime.types /etc/apache/mime.types /usr/local/etc/mime.types" },
	{ "magic", NULL, "magic", NULL },
	{ "platform", NULL, NULL, "/etc/os-release /usr/lib/os-release /etc/lsb-release" },
	{ "sysconfig", "_osx_support", NULL, NULL },
	{ "lzma", "_lzma", NULL, NULL },
	{ "multiprocessing", "multiprocessing.* _multiprocessing _posixshmem", NULL, NULL },
	{ "concurrent", "concurrent.*", NULL, NULL },
	{ "dbm", "dbm.* _dbm _gdbm", NULL, NULL },
	{ "shelve", "dbm.* _dbm _gdbm", NULL, NULL },
	{ "_lsprof", "cProfile pstats", NULL, NULL },
	{ "six", "io builtins configparser copyreg html.parser html.entities http.client http.cookies http.cookiejar http.server pickle queue reprlib socketserver socket collections email.mime.* urllib.* xmlrpc.* json "
		 "functools itertools operator struct types contextlib shlex subprocess", NULL, NULL },
	{ "mailcap", NULL, NULL, "/etc/mailcap /usr/etc/mailcap" },
	{ "uvicorn", "websockets wsproto httptools uvloop h11", NULL, NULL },
	{ "gunicorn", "gunicorn.*", NULL, NULL },
	{ "celery", "celery.* kombu.* billiard.* vine amqp", NULL, NULL },
	{ "django", "django.* asgiref.* sqlparse", NULL, NULL },
	{ "lxml", "lxml.* cssselect html5lib bs4", NULL, NULL },
	{ "pandas", "openpyxl xlrd xlsxwriter lxml lxml.html html5lib bs4 tables numexpr bottleneck pyarrow fsspec sqlalchemy jinja2 matplotlib scipy tabulate odf pyxlsb fastparquet xarray zstandard", NULL, NULL },
	{ "sqlalchemy", "psycopg2 psycopg pymysql MySQLdb asyncpg aiosqlite aiomysql greenlet", NULL, NULL },
	{ "yaml", "_yaml", NULL, NULL },
	{ "cffi", "_cffi_backend", NULL, NULL },
	{ "cryptography", "_cffi_backend", NULL, NULL },
	{ "nacl", "_cffi_backend", NULL, NULL },
	{ "bcrypt", "_cffi_backend", NULL, NULL },
};
const u32 python_rows = countof(python_table);

/* Goes unless asked for by a program's own import. */
const char python_optional[] = "test idlelib lib2to3 tkinter turtle turtledemo ensurepip pydoc_data distutils venv pydoc this antigravity __phello__ _pyrepl";
/* Asked for at a prompt, when a module tests itself, by what is on other systems, by those that have no C module. */
const char python_cuts[] = "_sitebuiltins>pydoc pdb>pydoc doctest>pdb unittest>doctest site>rlcompleter site>readline site>_pyrepl asyncio>_pyrepl inspect>pydoc cgitb>pydoc pickletools>doctest bdb>tkinter code>readline "
			   "sysconfig>distutils uuid>ctypes site>sysconfig ctypes>distutils pkg_resources>setuptools pkg_resources>pip pkg_resources>pdb _distutils_hack>setuptools _distutils_hack>distutils _distutils_hack>pip "
			   "decimal>_pydecimal datetime>_pydatetime abc>_py_abc io>_pyio";
