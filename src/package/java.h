/* java.h — inside of the Java ecosystem: what a jar says of itself, in order of trust:
 *
 *      META-INF/maven/GROUP/ARTIFACT/pom.properties   groupId, artifactId, version; of a shaded jar one for each that was put in
 *      META-INF/maven/GROUP/ARTIFACT/pom.xml          the same with a parent, and licences
 *      META-INF/MANIFEST.MF                           titles, versions, names of OSGi bundles and of Jenkins plugins
 *      the file's name                                NAME-VERSION.jar
 */
#ifndef PARE_PACKAGE_JAVA_H
#define PARE_PACKAGE_JAVA_H
#include "base/arena.h"
#include "base/str.h"

enum manifest_field {
	MF_GROUP_ID,
	MF_SHORT_NAME,
	MF_IMPLEMENTATION_TITLE,
	MF_IMPLEMENTATION_VERSION,
	MF_IMPLEMENTATION_VENDOR_ID,
	MF_SPECIFICATION_VERSION,
	MF_EXTENSION_NAME,
	MF_BUNDLE_SYMBOLIC_NAME,
	MF_BUNDLE_VERSION,
	MF_BUNDLE_LICENSE,
	MF_PLUGIN_VERSION,
	MF_PLUGIN_LICENSE,
	MF_AUTOMATIC_MODULE_NAME,
	MF_FIELDS,
};
struct jar_manifest {
	struct str v[MF_FIELDS]; /* in an arena or in the text; n 0: absent, or a variable that was not put in */
};

struct pom {
	struct str group, artifact, version, license; /* n 0: absent */
	bool xml; /* out of a pom.xml */
};

bool java_archive_name(struct str name); /* by its ending: jar, war, ear, par … */
void java_manifest(struct arena *a, struct str text, struct jar_manifest *ret);
void java_properties(struct str text, struct pom *ret); /* views of the text */
void java_pom(struct arena *a, struct str text, struct pom *ret); /* what is there before anything that is no XML */
/* NAME-VERSION of a file's name without its ending; *version n 0 when it tells none. */
void java_file_name(struct str base, struct str *name, struct str *version);
/* Whether the archive of that file name is this artifact's own, rather than one that carries it along. */
bool java_is_own(struct str base, const struct pom *pom);
/* The archive's own identity from manifest and name; false when there is none. */
bool java_identify(struct arena *a, const struct jar_manifest *m, struct str base, struct pom *ret);
#endif
