#include "report/sbom.h"
#include "base/jsonw.h"

extern const struct sbom_writer sbom_json, sbom_purl, sbom_table, sbom_cyclonedx, sbom_spdx, sbom_spdx_tv;
/* A new format: its file, and one line here and in the command's choices. */
const struct sbom_writer *const sbom_writers[] = { &sbom_json, &sbom_cyclonedx, &sbom_spdx, &sbom_spdx_tv, &sbom_purl, &sbom_table, NULL };
