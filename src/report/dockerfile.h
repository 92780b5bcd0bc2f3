/* dockerfile.h — a parsed Dockerfile as a document (docs/schema/dockerfile.schema.json) and as a table. */
#ifndef PARE_REPORT_DOCKERFILE_H
#define PARE_REPORT_DOCKERFILE_H
#include "dockerfile/parse.h"

void report_dockerfile_json(FILE *out, const struct df_file *f);
void report_dockerfile_table(FILE *out, const struct df_file *f);
#endif
