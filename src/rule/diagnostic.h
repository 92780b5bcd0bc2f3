/* diagnostic.h — a finding in a text: which rule, where, what, what it costs, and the edits that remove it. */
#ifndef PARE_RULE_DIAGNOSTIC_H
#define PARE_RULE_DIAGNOSTIC_H
#include "base/arena.h"
#include "rule/rule.h"

/* FIX_SAFE keeps the meaning of the file, provably; FIX_SUGGESTED wants a person's eye. */
enum fix_safety { FIX_SAFE, FIX_SUGGESTED };

struct edit {
	u32 at, end;            /* bytes of the file that go, half open; at == end: an insertion */
	struct str with;        /* what comes in their place */
};

struct fix {
	enum fix_safety safety;
	const char *title;      /* imperative: "Remove the apt lists in the same layer" */
	const struct edit *edits; /* sorted, disjoint; all of them or none are made */
	u32 n_edits;
};

struct diagnostic {
	const struct rule *rule;
	enum level level;       /* after overrides */
	const char *code;       /* what is printed as `code` under the code set that was asked for */
	const char *message;    /* one line; may quote the file: neutralised by whoever prints it */
	u32 at, end;            /* bytes of the file */
	u32 line, column, end_line, end_column; /* from 1; the end is exclusive */
	u32 instruction;        /* index, UINT32_MAX: none */
	u64 bytes;              /* what it costs; 0: nothing or unknown */
	bool estimated;         /* bytes is a guess without an image */
	const char *bytes_in;   /* "/var/lib/apt/lists"; NULL */
	const struct fix *fix;  /* NULL: none */
};

struct diagnostics {
	struct arena arena;
	struct diagnostic *v;
	u32 n, cap;
};
void diagnostics_sort(struct diagnostics *d);          /* by position, then code, then message */
void diagnostics_sort_by_bytes(struct diagnostics *d); /* most bytes first, then as above */
void diagnostics_free(struct diagnostics *d);
#endif
