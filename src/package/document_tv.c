/* document_tv.c — SPDX 2.2 and 2.3 as tag-value: "Tag: value" a line; a value of several lines stands between <text> and </text>. A package begins with PackageName, and its fields follow. */
#include "package/document_item.h"

#define FIELD_MAX ((size_t)MiB)

struct reader {
	struct str rest;
	u64 line;
	struct buf text; /* of several lines */
	bool open_end;   /* a <text> without its end */
};

/* The next field; false at the end. Lines that are none are passed over, as the specification lets comments be. */
static bool next_field(struct reader *r, struct str *tag, struct str *value)
{
	while (r->rest.p && r->rest.n) {
		struct str line = str_cut(&r->rest, '\n');
		r->line++;
		const char *colon = str_chr(line, ':');
		if (line.n == 0 || line.p[0] == '#' || !colon)
			continue;
		*tag = str_trim(str_n(line.p, (size_t)(colon - line.p)));
		*value = str_trim(str_from(line, (size_t)(colon - line.p) + 1));
		if (!str_starts(*value, STR("<text>")))
			return true;
		*value = str_from(*value, 6);
		buf_clear(&r->text);
		while (!str_contains(*value, STR("</text>"))) {
			if (r->text.n + value->n < FIELD_MAX) {
				buf_add(&r->text, *value);
				buf_putc(&r->text, '\n');
			}
			if (!r->rest.p || !r->rest.n) {
				r->open_end = true;
				break;
			}
			*value = str_cut(&r->rest, '\n');
			r->line++;
		}
		const char *close = str_find(*value, STR("</text>"));
		if (close && r->text.n + value->n < FIELD_MAX)
			buf_add(&r->text, str_n(value->p, (size_t)(close - value->p)));
		*value = buf_str(&r->text);
		return true;
	}
	return false;
}

struct parsing {
	struct document *d;
	struct item k;
	bool package, ours, image; /* package: its fields follow; ours: the annotation is */
	const char *license, *license_id, *extracted, *name_of_license;
	json_t *facts;
};

static void finish(struct parsing *s)
{
	if (s->package) {
		if (!s->k.license || strcmp(s->k.license, "NOASSERTION") == 0)
			s->k.license = s->license;
		if (!document_purpose(s->d, &s->k))
			document_package(s->d, &s->k);
	}
	json_decref(s->facts);
	*s = (struct parsing){ .d = s->d };
}

static void finish_license(struct parsing *s)
{
	if (s->license_id)
		document_license_name(s->d, s->license_id, s->name_of_license ? s->name_of_license : s->extracted);
	s->license_id = s->extracted = s->name_of_license = NULL;
}

static void annotation(struct parsing *s, struct str value)
{
	bool image = s->k.purpose && strcmp(s->k.purpose, "CONTAINER") == 0;
	if (s->package && s->ours && !s->facts)
		document_annotation(s->d, image ? NULL : &s->k, value, &s->facts);
	s->ours = false;
}

static void package_field(struct parsing *s, struct str tag, const char *z)
{
	const struct {
		const char *tag;
		const char **to;
	} fields[] = { { "SPDXID", &s->k.id },	       { "PackageVersion", &s->k.version },	{ "PrimaryPackagePurpose", &s->k.purpose }, { "PackageLicenseDeclared", &s->k.license },
		       { "PackageSummary", &s->k.summary }, { "PackageLicenseConcluded", &s->license } };
	for (size_t i = 0; i < countof(fields); i++)
		if (str_is(tag, fields[i].tag))
			*fields[i].to = z;
	if (str_is(tag, "PackageSupplier") && strncmp(z, "Organization: ", 14) == 0)
		s->k.vendor = z + 14;
	else if (str_is(tag, "PackageSourceInfo"))
		document_source_info(s->d, &s->k, str_of(z));
	else if (str_is(tag, "ExternalRef") && !s->k.purl) {
		struct str rest = str_of(z), category = str_cut(&rest, ' '), type = str_cut(&rest, ' ');
		(void)category;
		if (str_is(type, "purl") && rest.n)
			s->k.purl = arena_bytes(&s->d->arena, str_trim(rest));
	}
}

bool document_tag_value(struct document *d, struct str text)
{
	struct reader r = { .rest = text, .text = BUF(FIELD_MAX) };
	struct parsing s = { .d = d };
	struct str tag, value;
	bool known = false;
	if (str_starts(text, STR("\xef\xbb\xbf")))
		r.rest = str_from(text, 3);
	while (!d->full && next_field(&r, &tag, &value)) {
		if (!known) {
			known = str_is(tag, "SPDXVersion") && str_starts(value, STR("SPDX-2."));
			if (!known)
				break;
			d->about->format = document_keep(d, value);
			continue;
		}
		const char *z = arena_bytes(&d->arena, value);
		if (str_is(tag, "PackageName")) {
			finish(&s);
			s.package = true;
			s.k.name = z;
		} else if (str_is(tag, "FileName") || str_is(tag, "SnippetSPDXID")) {
			finish(&s);
		} else if (str_is(tag, "LicenseID")) {
			finish(&s);
			finish_license(&s);
			s.license_id = z;
		} else if (str_is(tag, "LicenseName")) {
			s.name_of_license = z;
		} else if (str_is(tag, "ExtractedText")) {
			s.extracted = z;
		} else if (str_is(tag, "Annotator")) {
			s.ours = str_starts(value, STR("Tool: pare-"));
		} else if (str_is(tag, "AnnotationComment")) {
			annotation(&s, value);
		} else if (str_is(tag, "DocumentName")) {
			document_image_fact(d, "reference", z);
		} else if (s.package) {
			package_field(&s, tag, z);
		}
	}
	finish(&s);
	finish_license(&s);
	if (known && r.open_end)
		document_damage(d, "a text without its end");
	buf_free(&r.text);
	return known;
}
