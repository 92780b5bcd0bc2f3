#include "program/family.h"
#include "program/refer.h"
#include "program/source.h"

struct family {
	const char *name;    /* what is asked for; several rows may answer */
	u32 functions;       /* enum refer_function: programs that import one of them ask */
	const char *files;   /* so do files of these names: patterns, separated by blanks; NULL: none */
	const char *answers; /* patterns of paths, a blank between; a directory stands for all below it, with '/' at the end, too */
	const char *without; /* names below those that nobody asks for; NULL: none */
};

/* New knowledge of this form: one row. */
static const struct family families[] = {
	{ "zones", REFER_ZONE, NULL, "/usr/share/zoneinfo /usr/share/lib/zoneinfo /etc/zoneinfo", "right posix" },
	{ "encodings", REFER_ICONV, "libiconv.so*", "/usr/lib/*/gconv /usr/lib/gconv /usr/lib64/gconv /usr/lib/*/libiconv /usr/lib/charset.alias", NULL },
	/* Texts of others say what they are written in: what is on the web and on disks, not what mainframes and nothing but terminals of before ISO 8859 used. */
	{ "texts", 0, "libxml2.so* libarchive.so* libcups.so*", "/usr/lib/*/gconv /usr/lib/gconv /usr/lib64/gconv",
		"EBCDIC-* IBM0* IBM1* IBM2* IBM42* IBM4[589]* IBM5* IBM803.so IBM87[015].so IBM88* IBM89* IBM9* libCNS.so EUC-TW.so ISO-2022-CN* ISO-2022-JP-3.so *JISX0213.so ISO646.so ISO_* ISO-IR-* ANSI_X3* T.61.so GREEK* INIS* IEC_P27* LATIN-GREEK* NATS-* "
		"DEC-MCS.so CSN_* CWI.so ECMA-* GOST_* ASMO_* BRF.so" },
	{ "locales", REFER_LOCALE, NULL, "/usr/lib/locale /usr/lib/*/locale /usr/share/i18n/locales/musl /usr/share/locale/locale.alias /etc/locale.alias", NULL },
	{ "accounts", REFER_ACCOUNTS, NULL, "/etc/passwd /etc/group /etc/nsswitch.conf /etc/netgroup /etc/libuser.conf", NULL },
	{ "hosts", REFER_HOSTS, NULL, "/etc/hosts /etc/host.conf /etc/resolv.conf /etc/gai.conf /etc/nsswitch.conf", NULL },
	{ "services", REFER_SERVICES, NULL, "/etc/services /etc/protocols /etc/networks /etc/rpc", NULL },
	{ "shadow", REFER_SHADOW | REFER_PAM, "libpam.so*", "/etc/shadow /etc/gshadow", NULL },
	{ "pam", REFER_PAM, "libpam.so*", "/etc/pam.d /etc/pam.conf /etc/security /etc/login.defs /etc/securetty /etc/environment /etc/default/locale /usr/lib/pam.d /usr/share/pam /usr/share/pam-configs", NULL },
	{ "pam", REFER_PAM, NULL, "/usr/sbin/unix_chkpwd /sbin/unix_chkpwd", NULL },
	{ "certificates", REFER_TLS, "libssl.so* libgnutls.so* libnss3.so* libmbedtls.so* libmbedx509.so* libwolfssl.so* libcurl*.so* libssl3.so",
		"/etc/ssl/certs /etc/ssl/cert.pem /etc/ssl/ca-bundle.pem /usr/lib/ssl/cert.pem /usr/lib/ssl/certs /etc/pki/tls/certs /etc/pki/tls/cert.pem /etc/pki/ca-trust/extracted /usr/local/share/ca-certificates /usr/local/share/certs "
		"/usr/local/ssl/certs /usr/local/ssl/cert.pem /etc/pki/nssdb /usr/share/pki/ca-trust-source /usr/share/pki/nssdb",
		"README" },
	{ "openssl", 0, "libcrypto.so*", "/etc/ssl/openssl.cnf /usr/lib/ssl/openssl.cnf /etc/ssl/*.cnf /etc/pki/tls/openssl.cnf /etc/pki/tls/*.cnf /etc/crypto-policies/back-ends /usr/local/ssl/openssl.cnf /etc/ssl/openssl.cnf.d /etc/pki/tls/openssl.d", NULL },
	{ "gnutls", 0, "libgnutls.so*", "/etc/gnutls", NULL },
	{ "p11", 0, "libp11-kit.so*", "/usr/share/p11-kit /etc/pkcs11 /usr/lib/*/pkcs11 /usr/lib64/pkcs11 /usr/lib/pkcs11", NULL },
	{ "sasl", 0, "libsasl2.so*", "/etc/sasl2 /usr/lib/sasl2 /etc/sasldb2", NULL },
	{ "kerberos", 0, "libkrb5.so*", "/etc/krb5.conf /etc/krb5.conf.d /etc/gss", NULL },
	{ "ldap", 0, "libldap*.so*", "/etc/ldap /etc/openldap /etc/ldap.conf", NULL },
	{ "terminals", REFER_TERMINAL, "libtinfo*.so* libncurses*.so* libreadline.so* libedit.so* libslang.so*",
		"/lib/terminfo /usr/lib/terminfo /etc/terminfo /usr/share/terminfo/a/ansi* /usr/share/terminfo/d/dumb* /usr/share/terminfo/l/linux* /usr/share/terminfo/r/rxvt* /usr/share/terminfo/s/screen* /usr/share/terminfo/s/st* "
		"/usr/share/terminfo/t/tmux* /usr/share/terminfo/v/vt[0-9]* /usr/share/terminfo/x/xterm* /usr/share/terminfo/a/alacritty* /usr/share/terminfo/c/cygwin /usr/share/terminfo/k/kitty* /etc/termcap /etc/inputrc",
		NULL },
	{ "magic", REFER_MAGIC, "libmagic.so*", "/usr/share/misc/magic* /usr/share/file /usr/lib/file /etc/magic /etc/magic.mime /usr/share/magic*", NULL },
	{ "types", 0, "libgio-2.0.so* libgnomevfs* libKF5Service* libQt5Core.so* libQt6Core.so* libmimetic*", "/usr/share/mime /etc/mime.types /usr/share/mime-info /usr/local/share/mime", "packages" },
	{ "fonts", 0, "libfontconfig.so*", "/etc/fonts /usr/share/fontconfig /usr/share/fonts /usr/local/share/fonts /usr/share/ghostscript/fonts /usr/share/X11/fonts /usr/share/xml/fontconfig /var/cache/fontconfig", NULL },
	{ "icu", 0, "libicudata.so*", "/usr/share/icu /usr/lib/*/icu", NULL },
	{ "glib", 0, "libgio-2.0.so*", "/usr/share/glib-2.0/schemas /usr/lib/*/gio /usr/lib64/gio /usr/lib/gio /etc/dconf", "*.xml *.dtd" },
	{ "pixbufs", 0, "libgdk_pixbuf-2.0.so*", "/usr/lib/*/gdk-pixbuf-2.0 /usr/lib64/gdk-pixbuf-2.0 /usr/lib/gdk-pixbuf-2.0 /usr/share/mime", "packages" },
	{ "gtk", 0, "libgtk-3.so* libgtk-4.so* libgtk-x11-2.0.so*", "/usr/lib/*/gtk-?.0 /usr/lib64/gtk-?.0 /usr/share/themes /usr/share/icons/hicolor /usr/share/icons/Adwaita /etc/gtk-?.0 /usr/share/gtk-?.0", NULL },
	{ "gstreamer", 0, "libgstreamer-1.0.so*", "/usr/lib/*/gstreamer1.0 /usr/lib/*/gstreamer-1.0 /usr/lib64/gstreamer-1.0 /usr/libexec/gstreamer-1.0 /usr/share/gstreamer-1.0", NULL },
	{ "sound", 0, "libasound.so*", "/usr/share/alsa /usr/lib/*/alsa-lib /usr/lib64/alsa-lib /etc/asound.conf /etc/alsa", NULL },
	{ "sound", 0, "libpulse.so*", "/etc/pulse", NULL },
	{ "graphics", 0, "libGL.so* libEGL.so* libgbm.so* libGLX.so*", "/usr/lib/*/dri /usr/lib64/dri /usr/share/glvnd /etc/glvnd /usr/share/drirc.d /usr/lib/*/libEGL_*.so* /usr/lib/*/libGLX_*.so* /usr/lib/*/gbm", NULL },
	{ "graphics", 0, "libvulkan.so*", "/usr/share/vulkan /etc/vulkan", NULL },
	{ "graphics", 0, "libOpenCL.so*", "/etc/OpenCL", NULL },
	{ "x11", 0, "libX11.so*", "/usr/share/X11/locale /usr/share/X11/XErrorDB /etc/X11/rgb.txt /usr/share/X11/rgb.txt", NULL },
	{ "x11", 0, "libxkbcommon.so* libxkbfile.so* Xvfb Xorg", "/usr/share/X11/xkb /var/lib/xkb /etc/X11/xkb", NULL },
	{ "dictionaries", 0, "libhunspell*.so*", "/usr/share/hunspell /usr/share/myspell /usr/share/hyphen", NULL },
	{ "dictionaries", 0, "libaspell.so* aspell", "/usr/lib/aspell* /usr/lib/*/aspell* /var/lib/aspell /usr/share/aspell", NULL },
	{ "dictionaries", 0, "libenchant*.so*", "/usr/lib/*/enchant* /usr/lib64/enchant* /usr/share/enchant* /usr/share/hunspell", NULL },
	{ "tcl", 0, "libtcl8*.so* libtcl9*.so*", "/usr/share/tcltk /usr/lib/tcltk /usr/lib/tcl8* /usr/lib/tcl9* /usr/share/tcl8* /usr/local/lib/tcl8* /usr/local/lib/tcl9*", "demos" },
	{ "tcl", 0, "libtk8*.so*", "/usr/lib/tk8* /usr/share/tk8* /usr/local/lib/tk8*", "demos" },
	{ "imagemagick", 0, "libMagickCore*.so* libGraphicsMagick*.so*", "/etc/ImageMagick-? /usr/share/ImageMagick-? /usr/lib/*/ImageMagick-* /usr/lib64/ImageMagick-* /usr/share/GraphicsMagick* /usr/lib/*/GraphicsMagick* /usr/share/color/icc", NULL },
	{ "ghostscript", 0, "libgs.so*", "/usr/share/ghostscript /var/lib/ghostscript /usr/share/poppler /usr/share/fonts/type1/urw-base35 /usr/share/fonts/X11/Type1 /usr/share/color/icc/ghostscript /usr/share/cups/pdftops", "doc examples" },
	{ "poppler", 0, "libpoppler.so*", "/usr/share/poppler", NULL },
	{ "maps", 0, "libproj.so*", "/usr/share/proj /usr/local/share/proj", NULL },
	{ "maps", 0, "libgdal.so*", "/usr/share/gdal /usr/local/share/gdal /usr/lib/*/gdalplugins", NULL },
	{ "xml", 0, "libxml2.so* libxslt.so*", "/etc/xml", NULL },
	{ "odbc", 0, "libodbc.so* libiodbc.so*", "/etc/odbc*.ini /usr/lib/*/odbc /usr/share/libodbc* /usr/share/tdsodbc", NULL },
	{ "tesseract", 0, "libtesseract.so*", "/usr/share/tesseract-ocr /usr/share/tessdata", NULL },
	{ "locate", 0, "libGeoIP.so* libmaxminddb.so*", "/usr/share/GeoIP /var/lib/GeoIP", NULL },
	{ "usb", 0, "libudev.so* lsusb lspci libpci.so*", "/usr/share/misc/usb.ids /usr/share/misc/pci.ids /usr/share/hwdata /var/lib/usbutils", NULL },
	{ "git", 0, "git", "/usr/lib/git-core /usr/libexec/git-core /usr/share/git-core /etc/gitconfig", NULL },
	{ "sudo", 0, "sudo", "/etc/sudoers /etc/sudoers.d /etc/sudo.conf /etc/sudo_logsrvd.conf /usr/libexec/sudo /usr/lib/sudo /var/lib/sudo /run/sudo", NULL },
	{ "doas", 0, "doas", "/etc/doas.conf /etc/doas.d", NULL },
	{ "ssh", 0, "ssh sshd scp sftp ssh-add", "/etc/ssh /usr/lib/openssh /usr/lib/ssh /usr/libexec/openssh /run/sshd /var/empty", "*.dpkg-*" },
	{ "ssh", 0, "scp sftp rsync git", "/usr/bin/ssh", NULL },
	{ "curl", 0, "curl wget", "/etc/wgetrc /root/.curlrc /root/.wgetrc", NULL },
	{ "vim", 0, "vim vim.*", "/usr/share/vim /etc/vim", NULL },
	{ "nano", 0, "nano", "/etc/nanorc /usr/share/nano", NULL },
	{ "shell", REFER_SHELL, NULL, "/bin/sh", NULL },
	{ "login", 0, "su runuser login sshd dropbear", "/bin/sh /bin/bash /bin/ash /bin/zsh /usr/bin/zsh /usr/bin/fish", NULL }, /* what accounts say is their shell */
	{ "packers", 0, "tar bsdtar", "/usr/bin/gzip /usr/bin/bzip2 /usr/bin/xz /usr/bin/zstd /usr/bin/lzip /usr/bin/lzma /usr/bin/lzop /usr/bin/compress /bin/gzip /bin/bzip2 /bin/xz /bin/lzma", NULL }, /* their names are ends of other strings there */
	{ "bash", 0, "bash", "/etc/profile /etc/profile.d /etc/bash.bashrc /etc/bashrc /etc/inputrc /root/.bashrc /root/.profile /root/.bash_profile", NULL },
	{ "sh", 0, "sh dash ash busybox ksh zsh", "/etc/profile /etc/profile.d /root/.profile /etc/shinit", NULL },
	{ "awk", 0, "gawk", "/usr/share/awk /usr/lib/*/gawk /usr/libexec/awk /usr/lib/gawk", NULL },
	{ "man", 0, "groff troff", "/usr/share/groff /etc/groff", NULL },
	{ "mail", 0, "mail mailx mutt sendmail", "/etc/mail.rc /etc/aliases /etc/mailcap /etc/Muttrc", NULL },
	{ "cron", 0, "cron crond", "/etc/crontab /etc/cron.d /var/spool/cron /etc/cron.allow /etc/cron.deny /etc/crontabs", NULL },
};
enum { LOCALES = 3 }; /* its row */

struct state {
	node_id by[countof(families)]; /* who asks; 0: nobody */
	bool done[countof(families)];
};

static struct state *state_of(const struct graph *g) { return g->kinds[graph_index(&graph_family)]; }

static void begin(struct graph *g) { g->kinds[graph_index(&graph_family)] = xcalloc(1, sizeof(struct state)); }
static void end(struct graph *g) { free(state_of(g)); }

static void ask(struct graph *g, u32 i, node_id because)
{
	struct state *s = state_of(g);
	if (s && !s->by[i])
		s->by[i] = because ? because : GRAPH_START;
}

void family_ask(struct graph *g, const char *family, node_id because)
{
	for (u32 i = 0; i < countof(families); i++)
		if (strcmp(families[i].name, family) == 0)
			ask(g, i, because);
}

void family_functions(struct graph *g, u32 functions, node_id because)
{
	for (u32 i = 0; i < countof(families); i++)
		if (families[i].functions & functions)
			ask(g, i, because);
}

static bool one_of(const char *patterns, struct str name)
{
	for (struct str rest = str_of(patterns); rest.p;)
		if (str_glob(str_cut(&rest, ' '), name))
			return true;
	return false;
}

static void reached(struct graph *g, node_id file)
{
	struct str name = graph_name(g, file);
	bool merely = g->use[file] == USE_PACKAGE && !str_contains(name, STR(".so")); /* a program that nobody starts */
	for (u32 i = 0; i < countof(families) && !merely; i++)
		if (families[i].files && !state_of(g)->by[i] && one_of(families[i].files, name))
			ask(g, i, file);
}

/* --- answering --- */
/* All below a directory but names that nobody asks for; links to directories outside are followed no further. */
static void below(struct graph *g, node_id top, const char *without, node_id because)
{
	node_id at = rootfs_follow(g->r, top);
	graph_reach(g, top, USE_FAMILY, because);
	if (!rootfs_is_dir(g->r, at))
		return;
	top = at;
	for (at = rootfs_next_child(g->r, top, 0); at;) {
		bool spare = g->spare[at] || (without && one_of(without, graph_name(g, at)));
		if (!spare)
			graph_reach(g, at, USE_FAMILY, because);
		at = rootfs_next_below(g->r, top, at, !spare && rootfs_is_dir(g->r, at));
	}
}

#define DEEP 12u
/* The nodes that a pattern names: component by component; those without a '*' through links, too. Depth is that of the table's words. */
static void answer(struct graph *g, node_id dir, struct str pattern, const char *without, node_id because, u32 depth)
{
	while (pattern.n && pattern.p[0] == '/')
		pattern = str_from(pattern, 1);
	if (!pattern.n) {
		below(g, dir, without, because);
		return;
	}
	dir = rootfs_follow(g->r, dir);
	if (!rootfs_is_dir(g->r, dir) || depth > DEEP)
		return;
	struct str word = str_cut(&pattern, '/'), rest = pattern.p ? pattern : STR("");
	if (!str_chr(word, '*') && !str_chr(word, '?')) {
		node_id id = rootfs_child(g->r, dir, word);
		if (id)
			answer(g, id, rest, without, because, depth + 1);
		return;
	}
	for (node_id at = 0; (at = rootfs_next_child(g->r, dir, at));)
		if (str_glob(word, graph_name(g, at)))
			answer(g, at, rest, without, because, depth + 1);
}

void family_answer(struct graph *g, struct str pattern, const char *without, node_id because) { answer(g, ROOTFS_ROOT, pattern, without, because, 0); }

bool family_has(struct str dir)
{
	for (u32 i = 0; i < countof(families); i++)
		for (struct str rest = str_of(families[i].functions & (REFER_ZONE | REFER_ICONV | REFER_LOCALE) ? families[i].answers : NULL); rest.p;)
			if (str_glob(str_cut(&rest, ' '), dir))
				return true;
	return false;
}

/* --- translations: of languages that a locale is there for, of packages that something is reached of --- */
static bool is_of_language(struct str locale, struct str language) { return str_starts(locale, language) && locale.n > language.n && locale.p[language.n] == '_'; }

/* The C library converts between such a locale's characters and its own by a module. */
static bool is_not_utf8(struct str locale, struct str none)
{
	(void)none;
	return str_chr(locale, '_') && !str_ends(locale, STR(".utf8")) && !str_ends(locale, STR(".UTF-8")) && !str_contains(locale, STR(".utf8@")) && !str_contains(locale, STR(".UTF-8@"));
}

static bool locale_is_there(struct graph *g, bool (*is)(struct str locale, struct str of), struct str of)
{
	node_id dir = graph_find_path(g, 0, STR("/usr/lib/locale"));
	for (node_id at = 0; rootfs_is_dir(g->r, dir) && (at = rootfs_next_child(g->r, dir, at));) {
		struct str name = graph_name(g, at);
		if (is(name, of))
			return true;
		if (!str_is(name, "locale-archive"))
			continue;
		char letter;
		struct str note = graph_note(g, at), text;
		if (!note.p)
			return true; /* what is in it is not known */
		while (source_next(&note, &letter, &text))
			if (is(text, of))
				return true;
	}
	return false;
}

static bool language_is_there(struct graph *g, struct str language) { return locale_is_there(g, is_of_language, str_cut(&language, '_')); }

/* Without the programs of its package it says nothing. */
static bool is_configuration(struct graph *g, node_id file)
{
	struct buf path = BUF(0);
	bool ret = str_starts(graph_path(g, file, &path), STR("/etc/"));
	buf_free(&path);
	return ret;
}

static bool catalogue_is_needed(struct graph *g, node_id file)
{
	u32 package = graph_package(g, file), n;
	if (!package)
		return true;
	struct str domain = graph_name(g, file);
	if (str_is(domain, "libc.mo"))
		return true;
	const node_id *v = graph_package_files(g, package, &n);
	for (u32 i = 0; i < n; i++)
		if (rootfs_type(g->r, v[i]) == TAR_FILE && graph_reached(g, v[i]) && !graph_is_documentation(g, v[i]) && !is_configuration(g, v[i]))
			return true;
	return false;
}

static bool messages(struct graph *g)
{
	bool any = false;
	static const char *const roots[] = { "/usr/share/locale", "/usr/local/share/locale", "/usr/share/locale-langpack" };
	node_id by = state_of(g)->by[LOCALES];
	for (u32 i = 0; i < countof(roots) && by; i++) {
		node_id root = graph_find_path(g, 0, str_of(roots[i]));
		for (node_id at = 0; rootfs_is_dir(g->r, root) && (at = rootfs_next_child(g->r, root, at));) {
			node_id dir = rootfs_is_dir(g->r, at) ? rootfs_child(g->r, at, STR("LC_MESSAGES")) : 0;
			if (!rootfs_is_dir(g->r, dir) || !language_is_there(g, graph_name(g, at)))
				continue;
			for (node_id mo = 0; (mo = rootfs_next_child(g->r, dir, mo));)
				if (!graph_reached(g, mo) && catalogue_is_needed(g, mo)) {
					graph_reach(g, mo, USE_FAMILY, by);
					any = true;
				}
		}
	}
	return any;
}

static bool settle(struct graph *g)
{
	struct state *s = state_of(g);
	bool any = false;
	for (u32 i = 0; i < countof(families); i++) {
		if (!s->by[i] || s->done[i])
			continue;
		s->done[i] = any = true;
		if (i == LOCALES && locale_is_there(g, is_not_utf8, STR("")))
			family_ask(g, "texts", s->by[i]);
		const struct family *f = &families[i];
		for (struct str rest = str_of(f->answers); rest.p;)
			family_answer(g, str_cut(&rest, ' '), f->without, s->by[i]);
	}
	return messages(g) || any;
}

const struct graph_kind graph_family = { .name = "family", .begin = begin, .reached = reached, .settle = settle, .end = end };
