/* conf_table.c — what programs read by convention, a row each; conf.h has the form. */
#include "program/conf.h"

#define POSTGRES "-../lib/llvmjit.so -../lib/llvmjit_types.bc -../lib/bitcode/ -../lib/pgxs/ -../lib/postgresql/llvmjit.so -../lib/postgresql/llvmjit_types.bc -../lib/postgresql/bitcode/ -../lib/postgresql/pgxs/ " \
	"-/usr/share/postgresql/@/man/ ../lib/*.so ../lib/postgresql/*.so ../share/postgresql/ ../share/*.bki ../share/*.sql ../share/*.sample ../share/*.txt ../share/timezonesets/ ../share/tsearch_data/ ../share/extension/ " \
	"/usr/share/postgresql/@/ /var/lib/postgresql /run/postgresql /var/run/postgresql postgres initdb ~zones ~locales ~accounts"
#define ERLANG "-/usr/lib/erlang/lib/*/src/ -/usr/lib/erlang/lib/*/include/ -/usr/lib/erlang/lib/*/examples/ -/usr/lib/erlang/lib/*/doc/ -/usr/lib/erlang/man/ -/usr/local/lib/erlang/lib/*/src/ -/usr/local/lib/erlang/lib/*/doc/ " \
	"-/usr/local/lib/erlang/lib/*/examples/ -/usr/local/lib/erlang/lib/*/include/ /usr/lib/erlang/ /usr/local/lib/erlang/ /usr/lib/elixir/ /usr/local/lib/elixir/ /usr/lib/x86_64-linux-gnu/elixir/ ~shell"

const struct conf_program conf_programs[] = {
	{ "nginx nginx-debug openresty angie tengine freenginx", "/etc/nginx/nginx.conf /etc/nginx/mime.types /etc/nginx/*_params /etc/nginx/fastcgi.conf /usr/share/nginx/html/ /var/lib/nginx/ /var/cache/nginx/ /var/log/nginx/ /usr/local/nginx/ "
		"/usr/local/openresty/ /etc/angie/ /etc/openresty/ /run ~accounts" },
	{ "apache2 httpd apache2ctl apachectl apache2-foreground httpd-foreground", "/etc/apache2/ /etc/httpd/ /usr/local/apache2/conf/ /usr/local/apache2/error/ /usr/local/apache2/icons/ /usr/local/apache2/htdocs/ /usr/local/apache2/cgi-bin/ "
		"/usr/local/apache2/logs /usr/share/apache2/ /usr/share/httpd/ /var/lib/apache2/ /var/log/apache2/ /var/log/httpd /run/apache2 /run/httpd /var/run/apache2 /var/lock/apache2 /var/cache/apache2/ /etc/mime.types ~accounts" },
	{ "lighttpd", "/etc/lighttpd/ /usr/share/lighttpd/ /usr/lib/lighttpd/ /var/cache/lighttpd/ /var/log/lighttpd /run/lighttpd /etc/mime.types ~accounts" },
	{ "haproxy", "/etc/haproxy/ /usr/local/etc/haproxy/ /var/lib/haproxy/ /run/haproxy !socat ~accounts ~shell" }, /* its socket is spoken to from a shell */
	{ "redis-server redis-sentinel valkey-server valkey-sentinel keydb-server", "/etc/redis/ /etc/redis.conf /etc/valkey/ /usr/local/etc/redis/ /var/lib/redis/ /var/lib/valkey/ /var/log/redis /run/redis /usr/lib/redis/ !redis-cli !valkey-cli !redis-check-aof !redis-check-rdb !valkey-check-aof !valkey-check-rdb" },
	{ "postgres postmaster initdb pg_ctl pg_upgrade", POSTGRES },
	{ "pg_ctlcluster pg_createcluster pg_lsclusters", "/etc/postgresql/ /etc/postgresql-common/ /usr/share/postgresql-common/ /usr/lib/postgresql/ ~zones ~locales ~accounts" },
	{ "llvmjit.so", "bitcode/ llvmjit_types.bc" },
	{ "psql", "/etc/postgresql-common/ /usr/share/postgresql/@/psqlrc.sample /var/run/postgresql /run/postgresql" },
	{ "mysqld mariadbd mysqld_safe mariadbd-safe mysql_install_db mariadb-install-db", "/etc/mysql/ /etc/my.cnf /etc/my.cnf.d/ -/usr/share/mysql/mysql-test/ /usr/share/mysql/ /usr/share/mariadb/ /usr/share/mysql-*/ /usr/lib/mysql/plugin/ "
		"/usr/lib64/mysql/plugin/ /usr/lib/*-linux-*/mariadb*/plugin/ /var/lib/mysql/ /var/lib/mysql-files /var/log/mysql /run/mysqld /var/run/mysqld !my_print_defaults !resolveip !mariadbd !mysqld ~accounts ~zones" },
	{ "mysql mariadb mysqldump mariadb-dump mysqladmin mariadb-admin", "/etc/mysql/ /etc/my.cnf /etc/my.cnf.d/ /usr/share/mysql/charsets/ /usr/lib/mysql/plugin/ /usr/lib/*-linux-*/libmariadb*/plugin/" },
	{ "libmariadb.so* libmysqlclient.so*", "/usr/lib/*-linux-*/libmariadb3/plugin/ /usr/lib/mariadb/plugin/ /usr/share/mysql/charsets/" },
	{ "mongod mongos", "/etc/mongod.conf* /etc/mongos.conf* /var/lib/mongodb/ /data/db /data/configdb /var/log/mongodb" },
	{ "memcached", "/etc/memcached.conf /etc/sysconfig/memcached ~accounts" },
	{ "sshd", "/etc/ssh/ /usr/lib/openssh/ /usr/libexec/openssh/ /usr/lib/ssh/ /run/sshd /var/empty /etc/pam.d/sshd ~accounts ~shell" },
	{ "ssh scp sftp ssh-keygen", "/etc/ssh/ /usr/lib/openssh/ssh-* /usr/libexec/openssh/ssh-* !ssh ~accounts" },
	{ "sudo sudoedit", "/etc/sudoers /etc/sudoers.d/ /etc/sudo.conf /etc/sudo_logsrvd.conf /usr/libexec/sudo/ /usr/lib/sudo/ /etc/pam.d/sudo /etc/pam.d/sudo-i /run/sudo /var/lib/sudo/ /var/db/sudo/ ~accounts ~shell" },
	{ "su runuser login", "/etc/pam.d/ /etc/login.defs /etc/security/ /etc/environment ~accounts ~shell" },
	{ "cron crond anacron fcron dcron", "/etc/crontab /etc/anacrontab /etc/cron.d/ /etc/cron.hourly/ /etc/cron.daily/ /etc/cron.weekly/ /etc/cron.monthly/ /etc/crontabs/ /var/spool/cron/ /etc/pam.d/cron* /etc/default/cron /etc/environment !run-parts "
		"~accounts ~shell ~zones" },
	{ "supervisord", "/etc/supervisor/ /etc/supervisord.conf /etc/supervisord.d/ /etc/supervisord/ /var/log/supervisor /run /var/run" },
	{ "runsvdir runsvdir-start runit runit-init", "/etc/service/ /etc/sv/ /etc/runit/ /var/service/ /service/ !runsv !runsvdir !svlogd !chpst !sv ~shell" },
	{ "s6-svscan s6-overlay-suexec s6-rc s6-rc-init s6-linux-init", "/etc/s6-overlay/ /etc/s6/ /etc/s6.d/ /etc/services.d/ /etc/cont-init.d/ /etc/cont-finish.d/ /etc/fix-attrs.d/ /package/ /command/ /run/service ~shell" },
	{ "openrc openrc-init openrc-run", "/etc/init.d/ /etc/conf.d/ /etc/runlevels/ /etc/rc.conf /lib/rc/ /usr/libexec/rc/ /etc/inittab ~shell" },
	{ "init linuxrc", "/etc/inittab /etc/init.d/ /etc/rc.d/ /etc/rcS.d/ ~shell" },
	{ "systemd", "/etc/systemd/ /lib/systemd/ /usr/lib/systemd/ /etc/tmpfiles.d/ /usr/lib/tmpfiles.d/ /etc/dbus-1/ /usr/share/dbus-1/ ~accounts ~shell" },
	{ "named named-checkconf rndc", "/etc/bind/ /etc/named/ /etc/named* /etc/rndc.* /var/cache/bind/ /var/lib/bind/ /var/named/ /usr/share/dns/ /usr/lib/*-linux-*/bind/ /usr/lib/bind/ /usr/lib64/bind/ /run/named ~accounts" },
	{ "unbound unbound-checkconf", "/etc/unbound/ /var/lib/unbound/ /usr/share/dns/ /usr/share/dns-root-data/ /run/unbound ~accounts" },
	{ "dnsmasq", "/etc/dnsmasq.conf /etc/dnsmasq.d/ /etc/default/dnsmasq /usr/share/dns/ /usr/share/dnsmasq-base/ /var/lib/misc /run/dnsmasq ~accounts" },
	{ "squid", "/etc/squid/ /usr/lib/squid/ /usr/libexec/squid/ /usr/share/squid/ /usr/share/squid-langpack/ /var/spool/squid/ /var/log/squid ~accounts" },
	{ "varnishd", "/etc/varnish/ /usr/share/varnish/ /usr/lib/*-linux-*/varnish/ /usr/lib/varnish/ /usr/lib64/varnish/ /var/lib/varnish/ !gcc !cc ~accounts ~shell" },
	{ "gcc gcc-[0-9]* cc c++ g++ g++-[0-9]* *-linux-gnu-gcc* *-linux-gnu-g++*", "/usr/lib/gcc/ /usr/libexec/gcc/ /usr/local/lib/gcc/ /usr/local/libexec/gcc/ /usr/include/ /usr/lib/*-linux-*/*.o /usr/lib/*-linux-*/lib*.a /usr/lib/*-linux-*/lib*.so !as !ld" },
	{ "rabbitmq-server rabbitmqctl rabbitmq-plugins", "/usr/lib/rabbitmq/ /opt/rabbitmq/ /etc/rabbitmq/ /var/lib/rabbitmq/ /var/log/rabbitmq !erl !epmd " ERLANG },
	{ "erl erlexec beam.smp escript elixir iex mix epmd", ERLANG },
	{ "mosquitto", "/etc/mosquitto/ /var/lib/mosquitto/ /var/log/mosquitto /mosquitto/ /run/mosquitto ~accounts" },
	{ "slapd", "/etc/ldap/ /etc/openldap/ /usr/lib/ldap/ /usr/lib/openldap/ /usr/lib64/openldap/ /usr/libexec/openldap/ /usr/share/slapd/ /var/lib/ldap/ /var/lib/openldap/ /etc/default/slapd /run/slapd ~accounts" },
	{ "libldap*.so*", "/etc/ldap/ldap.conf /etc/openldap/ldap.conf" },
	{ "libsasl2.so*", "/etc/sasl2/ /usr/lib/*-linux-*/sasl2/ /usr/lib64/sasl2/ /usr/lib/sasl2/" },
	{ "libgssapi_krb5.so* libkrb5.so*", "/etc/krb5.conf /etc/krb5.conf.d/ /etc/gss/ /usr/lib/*-linux-*/krb5/plugins/ /usr/lib64/krb5/plugins/" },
	{ "postfix master sendmail", "/etc/postfix/ /usr/lib/postfix/ /usr/libexec/postfix/ /usr/share/postfix/ /var/spool/postfix/ /var/lib/postfix/ /etc/aliases* /etc/mailname !postconf !postmap !postalias !postdrop !postqueue !sendmail !newaliases ~accounts ~shell" },
	{ "dovecot doveadm doveconf", "/etc/dovecot/ /usr/lib/dovecot/ /usr/libexec/dovecot/ /usr/share/dovecot/ /var/lib/dovecot/ /run/dovecot /etc/pam.d/dovecot !doveconf !doveadm ~accounts" },
	{ "exim exim4", "/etc/exim4/ /etc/exim/ /var/lib/exim4/ /usr/lib/exim4/ /var/spool/exim4/ /var/log/exim4 /etc/aliases /etc/mailname !update-exim4.conf ~accounts" },
	{ "vsftpd", "/etc/vsftpd.conf /etc/vsftpd/ /etc/vsftpd* /var/run/vsftpd /etc/pam.d/vsftpd /etc/ftpusers /srv/ftp ~accounts" },
	{ "smbd nmbd winbindd samba smbclient", "/etc/samba/ /usr/share/samba/ /usr/lib/*-linux-*/samba/ /usr/lib/samba/ /usr/lib64/samba/ /usr/libexec/samba/ /var/lib/samba/ /var/cache/samba/ /var/log/samba /run/samba ~accounts ~encodings" },
	{ "rsyslogd", "/etc/rsyslog.conf /etc/rsyslog.d/ /usr/lib/*-linux-*/rsyslog/ /usr/lib/rsyslog/ /usr/lib64/rsyslog/ /var/spool/rsyslog /var/log" },
	{ "syslog-ng", "/etc/syslog-ng/ /usr/share/syslog-ng/ /usr/lib/syslog-ng/ /usr/lib/*-linux-*/syslog-ng/ /var/lib/syslog-ng/" },
	{ "prometheus", "/etc/prometheus/ /usr/share/prometheus/ /prometheus /var/lib/prometheus/" },
	{ "grafana grafana-server grafana-cli", "/usr/share/grafana/ /etc/grafana/ /var/lib/grafana/ /var/log/grafana" },
	{ "caddy", "/etc/caddy/ /usr/share/caddy/ /etc/mime.types /data /config ~certificates" },
	{ "R Rscript Rterm", "-/usr/lib/R/doc/ -/usr/lib/R/library/*/doc/ -/usr/lib/R/library/*/help/ -/usr/lib/R/library/*/html/ -/usr/lib/R/library/*/tests/ -/usr/lib/R/library/*/demo/ /usr/lib/R/ /usr/share/R/ /etc/R/ /usr/local/lib/R/ !sh !sed "
		"!uname ~shell ~zones ~locales" },
	{ "julia", "-../share/doc/ -../share/man/ ../lib/ ../libexec/ ../share/julia/ ../etc/" },
	{ "tclsh* wish* expect libtcl*.so*", "/usr/share/tcltk/ /usr/lib/tcltk/ /usr/lib/*-linux-*/tcltk/ /usr/lib/tcl8*/ /usr/share/tcl8*/ /usr/lib64/tcl8*/ ~encodings" },
	{ "guile guile-[0-9]* libguile*.so*", "/usr/share/guile/ /usr/lib/*-linux-*/guile/ /usr/lib64/guile/ /usr/lib/guile/" },
	{ "dotnet", "-sdk/ -sdk-manifests/ -packs/ -templates/ -library-packs/ -metadata/ host/ shared/ ~certificates ~zones" },
	{ "libSystem.Globalization.Native.so", "/usr/lib/*-linux-*/libicu*.so.* /usr/lib/libicu*.so.* /usr/lib64/libicu*.so.* /usr/share/icu/ ~locales" },
	{ "libSystem.Security.Cryptography.Native.OpenSsl.so", "/usr/lib/*-linux-*/libssl.so.* /usr/lib/*-linux-*/libcrypto.so.* /usr/lib/libssl.so.* /usr/lib/libcrypto.so.* /lib/libssl.so.* /lib/libcrypto.so.* /usr/lib64/libssl.so.* "
		"/usr/lib64/libcrypto.so.* ~certificates" },
	{ "libSystem.Net.Security.Native.so", "/usr/lib/*-linux-*/libgssapi_krb5.so.* /usr/lib/libgssapi_krb5.so.* /usr/lib64/libgssapi_krb5.so.*" },
	{ "mono mono-sgen", "/usr/lib/mono/ /etc/mono/ /usr/lib/libmono*" },
	{ "git", "/usr/lib/git-core/ /usr/libexec/git-core/ /usr/share/git-core/ /etc/gitconfig !ssh !less ~shell ~certificates" },
	{ "gs ghostscript libgs.so*", "/usr/share/ghostscript/ /etc/ghostscript/ /var/lib/ghostscript/ /usr/share/color/icc/ghostscript/ /usr/share/fonts/ /usr/share/poppler/" },
	{ "libMagickCore*.so* libGraphicsMagick*.so*", "/etc/ImageMagick*/ /usr/lib/*-linux-*/ImageMagick*/ /usr/share/ImageMagick*/ /usr/lib/ImageMagick*/ /usr/lib64/ImageMagick*/ /usr/lib/GraphicsMagick*/ /usr/share/GraphicsMagick*/ !gs" },
	{ "libfontconfig.so*", "/etc/fonts/ /usr/share/fontconfig/ /usr/share/fonts/ /usr/local/share/fonts/ /var/cache/fontconfig" },
	{ "libpoppler.so* libpoppler-*.so*", "/usr/share/poppler/" },
	{ "libgdal.so* libproj.so*", "/usr/share/gdal/ /usr/share/proj/" },
	{ "libaspell.so* aspell", "/usr/lib/aspell/ /usr/share/aspell/ /var/lib/aspell/" },
	{ "libhunspell*.so* hunspell", "/usr/share/hunspell/ /usr/share/myspell/" },
	{ "libgeoip.so* libGeoIP.so* libmaxminddb.so*", "/usr/share/GeoIP/ /var/lib/GeoIP/" },
	{ "libpcap.so*", "~accounts" },
	{ "dot libgvc.so*", "/usr/lib/*-linux-*/graphviz/ /usr/lib/graphviz/ /usr/share/graphviz/lib/" },
	{ "snmpd snmpget snmpwalk libnetsnmp.so*", "/etc/snmp/ /usr/share/snmp/ /var/lib/snmp/ /var/lib/mibs/" },
	{ "openvpn", "/etc/openvpn/ /usr/lib/*-linux-*/openvpn/ /usr/share/openvpn/ /run/openvpn /dev/net" },
	{ "uwsgi uwsgi-core", "/etc/uwsgi/ /usr/lib/uwsgi/ /usr/share/uwsgi/ /run/uwsgi" },
	{ "logrotate", "/etc/logrotate.conf /etc/logrotate.d/ /var/lib/logrotate/ ~shell" },
	{ "javac", "../lib/ct.sym ../jmods/" },
	{ "jlink jmod jpackage", "../jmods/" },
	{ "vim vim.* vi view ex rvim", "/etc/vim/ /usr/share/vim/ ~terminals ~shell" },
	{ "less more", "/usr/bin/lesspipe ~terminals ~shell" },
	{ "gpg gpgv gpg-agent", "/usr/share/gnupg/ /etc/gnupg/ !gpg-agent !gpgconf /usr/lib/gnupg/ /usr/lib/gnupg2/ /usr/libexec/gpg*" },
	{ "curl wget libcurl*.so*", "/etc/wgetrc /etc/ssl/openssl.cnf ~certificates" },
	{ NULL, NULL },
};

/* Native code for queries: postgres runs them without when its provider is not there; then its compiler need not be there, either. What extensions are built with. */
const char *const conf_spares[] = {
	"/usr/lib/postgresql/*/lib/llvmjit*", "/usr/lib/postgresql/*/lib/bitcode", "/usr/local/lib/postgresql/llvmjit*", "/usr/local/lib/postgresql/bitcode", "/usr/pgsql-*/lib/llvmjit*", "/usr/pgsql-*/lib/bitcode", "/usr/lib64/pgsql/llvmjit*",
	"/usr/lib/postgresql/*/lib/pgxs", "/usr/local/lib/postgresql/pgxs", "/usr/share/postgresql/*/man", "/usr/lib64/pgsql/bitcode", "/usr/libexec/postgresql*/llvmjit*", "/usr/lib/postgresql*/llvmjit*", "/usr/lib/postgresql*/bitcode", NULL,
};
