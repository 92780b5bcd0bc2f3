/* `pare scan --format gitlab`: GitLab's container scanning report (security-report-schemas, version 15). Only vulnerabilities, the document knows nothing else. */
#include "base/hash.h"
#include "base/jsonw.h"
#include "base/text.h"
#include "report/scan_show.h"

static const char *severity(const struct scan_finding *f)
{
	static const char *const words[] = { "Info", "Low", "Medium", "High", "Critical" };
	return f->unrated ? "Unknown" : words[f->severity];
}

static void identifier(struct jsonw *w, struct str id, const char *url)
{
	char text[200], type[16] = "advisory";
	snprintf(text, sizeof text, "%.*s", STR_FMT(id));
	if (str_starts(id, STR("CVE-")))
		snprintf(type, sizeof type, "cve");
	else if (str_starts(id, STR("GHSA-")))
		snprintf(type, sizeof type, "ghsa");
	jsonw_obj(w);
	jsonw_kz(w, "type", type);
	jsonw_kz(w, "name", text);
	jsonw_kz(w, "value", text);
	if (*url)
		jsonw_kz(w, "url", url);
	jsonw_end(w);
}

static void vulnerability(struct jsonw *w, const struct subject *s, const struct scan *scan, const struct scan_finding *f)
{
	char uuid[40];
	struct hash128 h = { hash64(str_of(f->purl), hash64(str_of(f->package), hash64(str_of(f->id), 0))), hash64(str_of(f->path), hash64(str_of(f->version), hash64(str_of(f->id), 1))) };
	/* A name-based identifier (RFC 9562, version 8: what is in it is ours to say): the same finding has the same one in every report. */
	snprintf(uuid, sizeof uuid, "%08x-%04x-8%03x-%04x-%012llx", (u32)(h.lo >> 32), (u32)(h.lo >> 16 & 0xffff), (u32)(h.lo & 0xfff), (u32)(0x8000 | (h.hi >> 48 & 0x3fff)),
		(unsigned long long)(h.hi & 0xffffffffffffull));
	jsonw_obj(w);
	jsonw_kz(w, "id", uuid);
	jsonw_kz(w, "name", f->id);
	jsonw_kz(w, "description", *f->title ? f->title : f->id);
	jsonw_kz(w, "severity", severity(f));
	if (*f->remedy)
		jsonw_kz(w, "solution", f->remedy);
	jsonw_key(w, "location");
	jsonw_obj(w);
	jsonw_key(w, "dependency");
	jsonw_obj(w);
	jsonw_key(w, "package");
	jsonw_obj(w);
	jsonw_kz(w, "name", f->package);
	jsonw_end(w);
	jsonw_kz(w, "version", f->version);
	jsonw_end(w);
	jsonw_kz(w, "operating_system", *scan->os.id ? scan_system(scan, (char[128]){ 0 }) : "unknown");
	jsonw_kz(w, "image", scan_title(s));
	jsonw_end(w);
	jsonw_key(w, "identifiers");
	jsonw_arr(w);
	identifier(w, str_of(f->id), f->url);
	for (struct str rest = str_of(f->aliases); rest.n;)
		identifier(w, str_cut(&rest, ' '), "");
	jsonw_end(w);
	jsonw_key(w, "links");
	jsonw_arr(w);
	if (*f->url) {
		jsonw_obj(w);
		jsonw_kz(w, "url", f->url);
		jsonw_end(w);
	}
	jsonw_end(w);
	jsonw_end(w);
}

static void tool(struct jsonw *w, const char *key)
{
	jsonw_key(w, key);
	jsonw_obj(w);
	jsonw_kz(w, "id", "pare");
	jsonw_kz(w, "name", "pare");
	jsonw_kz(w, "version", PARE_VERSION);
	jsonw_key(w, "vendor");
	jsonw_obj(w);
	jsonw_kz(w, "name", "pare");
	jsonw_end(w);
	jsonw_end(w);
}

/* Without the zone's letter, as the schema wants it; SOURCE_DATE_EPOCH's second, else the image's. */
static void times(struct jsonw *w, const struct subject *s)
{
	char text[40] = "1970-01-01T00:00:00";
	u64 epoch;
	const char *z = getenv("SOURCE_DATE_EPOCH"), *created = s->image ? s->image->config.created : NULL;
	if (z && str_to_u64(str_of(z), &epoch) && epoch < 253402300800ull)
		text_time((s64)epoch, text);
	else if (created && strlen(created) >= 19)
		snprintf(text, sizeof text, "%.19s", created);
	text[19] = '\0';
	jsonw_kz(w, "start_time", text);
	jsonw_kz(w, "end_time", text);
}

static void write(FILE *f, const struct subject *s, const struct scan *scan, const struct scan_options *opt)
{
	struct jsonw w;
	jsonw_init(&w, f, 1);
	jsonw_obj(&w);
	jsonw_kz(&w, "version", "15.0.7");
	jsonw_key(&w, "scan");
	jsonw_obj(&w);
	tool(&w, "analyzer");
	tool(&w, "scanner");
	jsonw_kz(&w, "type", "container_scanning");
	times(&w, s);
	jsonw_kz(&w, "status", scan->problems.n ? "failure" : "success");
	jsonw_key(&w, "messages");
	jsonw_arr(&w);
	for (u32 k = 0; k < 2; k++)
		for (u32 i = 0; i < (k ? scan->notes.n : scan->problems.n); i++) {
			jsonw_obj(&w);
			jsonw_kz(&w, "level", k ? "warn" : "fatal");
			jsonw_kz(&w, "value", (k ? scan->notes.v : scan->problems.v)[i]);
			jsonw_end(&w);
		}
	jsonw_end(&w);
	jsonw_end(&w);
	jsonw_key(&w, "vulnerabilities");
	jsonw_arr(&w);
	for (u32 i = 0; i < scan->n; i++)
		if (scan->v[i].kind == KIND_VULNERABILITY && (opt->show_suppressed || !*scan->v[i].suppressed))
			vulnerability(&w, s, scan, &scan->v[i]);
	jsonw_end(&w);
	jsonw_key(&w, "remediations");
	jsonw_arr(&w);
	jsonw_end(&w);
	jsonw_end(&w);
}
const struct scan_writer scan_writer_gitlab = { "gitlab", write };
