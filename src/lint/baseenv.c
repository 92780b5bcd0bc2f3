#include "lint/baseenv.h"

static const char *const bare[] = { "alpine", "almalinux", "amazonlinux", "busybox", "centos", "debian", "mageia", "oraclelinux", "rockylinux", "ubuntu" };

/* From the Dockerfiles of Docker's official images and of the most pulled others. */
static const char *const common[] = {
	"APACHE_CONFDIR", "APACHE_ENVVARS", "APACHE_RUN_DIR", "APACHE_RUN_GROUP", "APACHE_RUN_USER", "ASPNETCORE_HTTP_PORTS", "ASPNETCORE_URLS", "ASPNET_VERSION", "BUNDLE_APP_CONFIG", "BUNDLE_PATH",
	"BUNDLE_SILENCE_ROOT_WARNING", "BUN_INSTALL", "BUN_INSTALL_BIN", "BUN_RUNTIME_TRANSPILER_CACHE_PATH", "CARGO_HOME", "CATALINA_BASE", "CATALINA_HOME", "COMPOSER_HOME", "CONDA_DIR",
	"CUDA_HOME", "CUDA_PATH", "CUDA_VERSION", "CUDNN_VERSION", "DEBIAN_FRONTEND", "DENO_DIR", "DENO_VERSION", "DOCKER_VERSION", "DOTNET_RUNNING_IN_CONTAINER", "DOTNET_SDK_VERSION",
	"DOTNET_VERSION", "ELIXIR_VERSION", "ERLANG_VERSION", "GEM_HOME", "GHOST_CONTENT", "GHOST_INSTALL", "GOARCH", "GOFLAGS", "GOLANG_VERSION", "GOOS", "GOPATH", "GOROOT", "GOSU_VERSION",
	"GOTOOLCHAIN", "GPG_KEY", "GPG_KEYS", "GRADLE_HOME", "GRADLE_VERSION", "GRAFANA_VERSION", "GROOVY_HOME", "HADOOP_HOME", "HOME", "HTTPD_PREFIX", "HTTPD_VERSION", "JAVA_HOME", "JAVA_OPTS",
	"JAVA_VERSION", "JBOSS_HOME", "JENKINS_HOME", "JENKINS_UC", "JENKINS_VERSION", "JETTY_BASE", "JETTY_HOME", "JULIA_PATH", "JULIA_VERSION", "JUPYTER_PORT", "KAFKA_HOME", "KAFKA_VERSION",
	"LANG", "LANGUAGE", "LC_ALL", "LD_LIBRARY_PATH", "LIBRARY_PATH", "MARIADB_VERSION", "MAVEN_CONFIG", "MAVEN_HOME", "MAVEN_VERSION", "MAMBA_ROOT_PREFIX", "MAMBA_USER", "MONGO_VERSION",
	"MYSQL_MAJOR", "MYSQL_VERSION", "NB_GID", "NB_UID", "NB_USER", "NEO4J_HOME", "NGINX_VERSION", "NJS_VERSION", "NODE_VERSION", "NPM_CONFIG_PREFIX", "NVIDIA_DRIVER_CAPABILITIES",
	"NVIDIA_VISIBLE_DEVICES", "NVM_DIR", "NVARCH", "NV_CUDA_LIB_VERSION", "PERL_VERSION", "PGDATA", "PG_MAJOR", "PG_VERSION", "PHPIZE_DEPS", "PHP_CFLAGS", "PHP_CPPFLAGS", "PHP_INI_DIR",
	"PHP_LDFLAGS", "PHP_URL", "PHP_VERSION", "PKG_RELEASE", "PYENV_ROOT", "PYTHONPATH", "PYTHONUNBUFFERED", "PYTHON_PIP_VERSION", "PYTHON_VERSION", "PYTORCH_VERSION", "RABBITMQ_VERSION",
	"REDIS_VERSION", "REF", "RUBYOPT", "RUBY_MAJOR", "RUBY_VERSION", "RUSTUP_HOME", "RUST_VERSION", "R_HOME", "R_VERSION", "SBT_VERSION", "SCALA_VERSION", "SHELL", "SOLR_HOME", "SPARK_HOME",
	"SPARK_VERSION", "SWIFT_VERSION", "TINI_VERSION", "TOMCAT_NATIVE_LIBDIR", "TOMCAT_VERSION", "USER", "VARNISH_VERSION", "VIRTUAL_ENV", "WILDFLY_HOME", "WILDFLY_VERSION", "WORDPRESS_VERSION",
	"XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "YARN_VERSION", "ZOOKEEPER_VERSION", "ZOO_CONF_DIR",
};

bool baseenv_is_bare(struct str image)
{
	static const char *const places[] = { "docker.io/", "index.docker.io/", "library/", "public.ecr.aws/docker/library/", "public.ecr.aws/" };
	const char *cut;

	for (u32 i = 0; i < countof(places); i++)
		if (str_starts(image, str_of(places[i])))
			image = str_from(image, strlen(places[i]));
	if ((cut = str_chr(image, '@')))
		image.n = (size_t)(cut - image.p);
	if ((cut = str_chr(image, ':')))
		image.n = (size_t)(cut - image.p);
	for (u32 i = 0; i < countof(bare); i++)
		if (str_is(image, bare[i]))
			return true;
	return false;
}

bool baseenv_is_common(struct str name)
{
	for (u32 i = 0; i < countof(common); i++)
		if (str_is(name, common[i]))
			return true;
	return false;
}
