/* document_xml.c — CycloneDX as XML, read with expat as it comes: <bom xmlns="http://cyclonedx.org/schema/bom/1.4"><components><component type="library">… */
#include "package/document_item.h"
#include <expat.h>

#define DEPTH 96u             /* elements in elements */
#define TEXT_MAX ((size_t)MiB) /* of one element */
#define SPACE "http://cyclonedx.org/schema/bom/1."

enum element { OTHER, BOM, METADATA, COMPONENTS, COMPONENT, NAME, VERSION, GROUP, PURL, DESCRIPTION, LICENSES, LICENSE, ID, EXPRESSION, PROPERTY, SUPPLIER, TIMESTAMP };
static const char *const names[] = { "", "bom", "metadata", "components", "component", "name", "version", "group", "purl", "description", "licenses", "license", "id", "expression", "property", "supplier", "timestamp" };

struct open_component {
	struct item k;
	const char *type, *only;
	struct buf licenses;
	size_t n_licenses;
};

struct xml {
	struct document *d;
	XML_Parser parser;
	u8 open[DEPTH];
	u32 depth, components;
	u32 skip; /* depth at which what is not asked for began; 0: nothing */
	struct open_component v[DOCUMENT_DEPTH + 1];
	struct buf text;
	const char *property;
	bool known, stopped;
};

static void stop(struct xml *x, const char *why)
{
	document_damage(x->d, "%s", why);
	x->stopped = true;
	XML_StopParser(x->parser, XML_FALSE);
}

static const char *attribute(const char **v, const char *name)
{
	for (; v[0]; v += 2)
		if (strcmp(v[0], name) == 0)
			return v[1];
	return NULL;
}

static void begin_component(struct xml *x, const char **attributes)
{
	const char *type = attribute(attributes, "type");
	if (x->components > DOCUMENT_DEPTH) {
		document_damage(x->d, "components in components, over %u deep", DOCUMENT_DEPTH);
		x->skip = x->depth;
		return;
	}
	x->v[x->components++] = (struct open_component){ .type = type ? arena_bytes(&x->d->arena, str_of(type)) : NULL, .licenses = BUF(64 * KiB) };
}

static void on_start(void *ctx, const char *full, const char **attributes)
{
	struct xml *x = ctx;
	const char *bar = strrchr(full, '|'), *local = bar ? bar + 1 : full;
	enum element e = OTHER, parent = x->depth ? x->open[x->depth - 1] : OTHER;
	for (u8 i = 1; i < countof(names); i++)
		if (strcmp(local, names[i]) == 0)
			e = i;
	if (!x->depth) {
		x->known = e == BOM && strncmp(full, SPACE, sizeof SPACE - 1) == 0;
		if (x->known)
			x->d->about->format = arena_printf(&x->d->p->arena, "CycloneDX 1.%.*s", (int)strspn(full + sizeof SPACE - 1, "0123456789"), full + sizeof SPACE - 1);
		else
			XML_StopParser(x->parser, XML_FALSE);
	}
	if (x->depth >= DEPTH) {
		stop(x, "elements in elements, too deep");
		return;
	}
	x->open[x->depth++] = e;
	buf_clear(&x->text);
	if (x->skip)
		return;
	bool wanted = x->depth == 1 || (e == COMPONENT ? parent == COMPONENTS || parent == METADATA : e != OTHER && (e != METADATA || parent == BOM)) || strcmp(local, "properties") == 0;
	if (!wanted) /* tools, hashes, evidence, services, vulnerabilities … */
		x->skip = x->depth;
	else if (e == COMPONENT)
		begin_component(x, attributes);
	else if (e == PROPERTY)
		x->property = attribute(attributes, "name") ? arena_bytes(&x->d->arena, str_of(attribute(attributes, "name"))) : NULL;
}

/* No SBOM has one; what entities can do is not worth having. */
static void on_doctype(void *ctx, const char *name, const char *system, const char *public, int internal)
{
	struct xml *x = ctx;
	(void)name, (void)system, (void)public, (void)internal;
	XML_StopParser(x->parser, XML_FALSE);
}

static void on_text(void *ctx, const char *s, int n)
{
	struct xml *x = ctx;
	if (!x->skip)
		buf_add(&x->text, str_n(s, (size_t)n));
}

static void end_component(struct xml *x, enum element parent)
{
	if (!x->components)
		return;
	struct open_component *c = &x->v[--x->components];
	c->k.license = c->n_licenses == 1 ? c->only : c->n_licenses ? arena_bytes(&x->d->arena, buf_str(&c->licenses)) : NULL;
	buf_free(&c->licenses);
	if (parent == COMPONENTS) {
		document_cyclonedx(x->d, c->type, &c->k);
		return;
	}
	document_image_fact(x->d, "reference", c->k.name);
	document_image_fact(x->d, "digest", c->k.version && strncmp(c->k.version, "sha256:", 7) == 0 ? c->k.version : NULL);
}

static void field(struct xml *x, enum element e, enum element parent)
{
	struct open_component *c = x->components ? &x->v[x->components - 1] : NULL;
	if (x->text.over)
		document_damage(x->d, "a text over %llu MiB", (unsigned long long)(TEXT_MAX / MiB));
	x->text.over = false;
	const char *z = arena_bytes(&x->d->arena, str_trim(buf_str(&x->text)));
	if (e == TIMESTAMP && parent == METADATA)
		document_image_fact(x->d, "created", z);
	if (!c || !*z)
		return;
	const char **to = e == NAME ? &c->k.name : e == VERSION ? &c->k.version : e == GROUP ? &c->k.group : e == PURL ? &c->k.purl : e == DESCRIPTION ? &c->k.summary : NULL;
	if (parent == COMPONENT && to) {
		*to = z;
	} else if (parent == SUPPLIER && e == NAME) {
		c->k.vendor = z;
	} else if (e == PROPERTY && x->property) {
		document_cyclonedx_property(&c->k, x->property, z);
	} else if ((parent == LICENSE && (e == ID || e == NAME)) || (parent == LICENSES && e == EXPRESSION)) {
		document_add_license(&c->licenses, c->only = z, true);
		c->n_licenses++;
	}
}

static void on_end(void *ctx, const char *full)
{
	struct xml *x = ctx;
	(void)full;
	if (!x->depth)
		return;
	enum element e = x->open[--x->depth], parent = x->depth ? x->open[x->depth - 1] : OTHER;
	if (x->skip) {
		if (x->skip == x->depth + 1)
			x->skip = 0;
	} else if (e == COMPONENT) {
		end_component(x, parent);
	} else if (e > COMPONENT) {
		field(x, e, parent);
	}
	buf_clear(&x->text);
}

bool document_xml(struct document *d, struct str text, struct error *err)
{
	struct xml *x = xcalloc(1, sizeof *x);
	x->d = d;
	x->text = BUF(TEXT_MAX);
	x->parser = XML_ParserCreateNS(NULL, '|');
	if (!x->parser) {
		free(x);
		return error_set(err, ERR_ENV, "expat gives nothing") == 0;
	}
	XML_SetUserData(x->parser, x);
	XML_SetElementHandler(x->parser, on_start, on_end);
	XML_SetCharacterDataHandler(x->parser, on_text);
	XML_SetStartDoctypeDeclHandler(x->parser, on_doctype);
	enum XML_Status status = XML_STATUS_OK;
	while (status == XML_STATUS_OK && text.n) {
		struct str piece = str_head(text, MiB);
		text = str_from(text, piece.n);
		status = XML_Parse(x->parser, piece.p, (int)piece.n, !text.n);
	}
	if (x->known && status != XML_STATUS_OK && !x->stopped)
		document_damage(d, "no XML: %s (line %llu)", XML_ErrorString(XML_GetErrorCode(x->parser)), (unsigned long long)XML_GetCurrentLineNumber(x->parser));
	bool known = x->known;
	while (x->components)
		buf_free(&x->v[--x->components].licenses);
	XML_ParserFree(x->parser);
	buf_free(&x->text);
	free(x);
	return known;
}
