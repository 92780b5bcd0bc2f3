#!/usr/bin/env python3
"""embed.py OUTPUT NAME=FILE… — writes files as C arrays: `const unsigned char html_NAME[]` and `const size_t html_NAME_size`."""
import sys

out = ['#include "report/html/page.h"\n']
for arg in sys.argv[2:]:
    name, path = arg.split("=", 1)
    with open(path, "rb") as f:
        data = f.read()
    if b"</script" in data.lower() or b"</style" in data.lower():
        sys.exit(f"{path}: would end its own element")
    rows = [",".join(str(b) for b in data[i:i + 32]) for i in range(0, len(data), 32)]
    out.append(f"const unsigned char html_{name}[] = {{\n" + ",\n".join(rows) + "\n};\n")
    out.append(f"const size_t html_{name}_size = sizeof html_{name};\n")
with open(sys.argv[1], "w", encoding="ascii", newline="\n") as f:
    f.write("\n".join(out))
