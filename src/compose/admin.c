#include "compose/admin.h"

struct admin {
	const char *kind;
	const char *names;   /* separated by blanks */
	const char *section; /* packages of this section, or whose name begins so, need it to run */
	const char *only;    /* only where one of these depends on it; NULL: whoever does */
};

/* Other packages depend on these because their maintainer scripts call them, or for a user at a terminal. Programs that need one at run time name it in SPEC. */
static const struct admin table[] = {
	{ "package manager", "dpkg dpkg-dev apt apt-utils libapt-pkg6.0 aptitude dselect gpgv gnupg debian-archive-keyring ubuntu-keyring debsig-verify", NULL, NULL },
	{ "shell", "bash dash busybox busybox-static zsh ksh mksh", NULL, NULL },
	{ "configuration of packages", "debconf debconf-2.0 cdebconf libdebconfclient0 debconf-i18n ucf install-info update-inetd dpkg-maintscript-helper", NULL, NULL },
	{ "accounts", "adduser passwd login login.defs base-passwd libpam-runtime", NULL, NULL },
	{ "start of services", "init-system-helpers sysvinit-utils lsb-base systemd systemd-sysv init systemd-standalone-sysusers systemd-standalone-tmpfiles systemd-sysusers systemd-tmpfiles opensysusers default-systemd-sysusers default-logind dbus-system-bus", NULL, NULL },
	{ "tools of scripts", "coreutils sed grep gzip tar findutils diffutils debianutils util-linux util-linux-extra hostname mount ncurses-bin sensible-utils awk mawk gawk original-awk bsdutils procps file", NULL, NULL },
	{ "tools of scripts", "perl-base perl", "perl", NULL },
	{ "tools of scripts", "openssl", NULL, "ca-certificates ssl-cert" },
	{ "tools of scripts", "libtext-iconv-perl libtext-charwidth-perl libtext-wrapi18n-perl liblocale-gettext-perl", NULL, "debconf" },
	{ "menus", "menu desktop-file-utils mime-support-tools", NULL, NULL },
};

static bool needs(const struct admin *t, struct str dependent, struct str section)
{
	if (!t->section)
		return false;
	struct str s = section;
	const char *slash = str_chr(s, '/'); /* "universe/perl" */
	if (slash)
		s = str_base(s);
	return str_is(s, t->section) || (str_starts(dependent, str_of(t->section)) && (dependent.n == strlen(t->section) || dependent.p[strlen(t->section)] == '-'));
}

const char *admin_kind(struct str name, struct str dependent, struct str section)
{
	for (u32 i = 0; i < countof(table); i++)
		if (str_among(name, table[i].names) && (!table[i].only || str_among(dependent, table[i].only)))
			return needs(&table[i], dependent, section) ? NULL : table[i].kind;
	return NULL;
}
