"""schemalib: as much of JSON Schema as docs/schema/ uses, so that the tests need no package for it.

    check(document, "inspect")     # fails with the place in the document that is wrong
"""
import json
import os
import re

FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "docs", "schema")
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None), "integer": int, "number": (int, float)}
KNOWN = {"$schema", "$id", "$defs", "$ref", "title", "description", "type", "required", "properties", "items", "enum", "oneOf", "pattern", "minimum", "maximum",
         "propertyNames", "additionalProperties"}


def load(name):
    with open(os.path.join(FOLDER, name + ".schema.json"), encoding="utf-8") as f:
        return json.load(f)


def is_type(value, name):
    return isinstance(value, TYPES[name]) and not (isinstance(value, bool) and name in ("integer", "number"))


def problems(value, schema, root, where="$"):
    """What is wrong, as a list of sentences."""
    assert set(schema) <= KNOWN, "schemalib does not know %s" % (set(schema) - KNOWN)
    if "$ref" in schema:
        assert schema["$ref"].startswith("#/$defs/")
        found = problems(value, root["$defs"][schema["$ref"][len("#/$defs/"):]], root, where)
        if found:
            return found
    if "oneOf" in schema:
        fits = [s for s in schema["oneOf"] if not problems(value, s, root, where)]
        if len(fits) != 1:
            return ["%s: %r fits %d of %d" % (where, value, len(fits), len(schema["oneOf"]))]
    if "type" in schema:
        names = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        if not any(is_type(value, n) for n in names):
            return ["%s: %r is no %s" % (where, value, " or ".join(names))]
    out = []
    if "enum" in schema and value not in schema["enum"]:
        out.append("%s: %r is none of %s" % (where, value, schema["enum"]))
    if "pattern" in schema and isinstance(value, str) and not re.search(schema["pattern"], value):
        out.append("%s: %r does not match" % (where, value))
    if isinstance(value, (int, float)) and (value < schema.get("minimum", value) or value > schema.get("maximum", value)):
        out.append("%s: %r is out of bounds" % (where, value))
    if isinstance(value, list) and "items" in schema:
        for i, item in enumerate(value):
            out += problems(item, schema["items"], root, "%s[%d]" % (where, i))
    if isinstance(value, dict):
        out += ["%s: no %s" % (where, k) for k in schema.get("required", []) if k not in value]
        for key, item in value.items():
            if "propertyNames" in schema:
                out += problems(key, schema["propertyNames"], root, where)
            known = schema.get("properties", {})
            if key in known:
                out += problems(item, known[key], root, "%s.%s" % (where, key))
            elif "additionalProperties" in schema:
                out += problems(item, schema["additionalProperties"], root, "%s.%s" % (where, key))
            elif known:
                out.append("%s: %s is not documented" % (where, key))
    return out


def check(document, name):
    schema = load(name)
    found = problems(document, schema, schema)
    assert not found, "\n".join(found[:20])
