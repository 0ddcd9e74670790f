"""notices.py METADATA: the licences of other people's code in the program, as text.

Every crate that is compiled in, with its licence expression and the texts that it ships; equal texts once. C code that a
crate brings has its licence in a folder below it. What is linked beside crates comes last: the C library and Rust's own.
"""

import json
import re
import sys
from pathlib import Path

from crates import compiled_in

NAMES = re.compile(r"^(licen[cs]e|copying|notice|unlicense|copyright)([-_.].*)?$", re.IGNORECASE)
LIBRARY = Path("/usr/share/doc/libc6/copyright")


def texts(folder):
    """Licence files of a crate and of the sources that it carries."""
    for path in sorted(folder.rglob("*")):
        depth = len(path.relative_to(folder).parts)
        is_code = path.suffix in {".rs", ".c", ".h", ".py", ".toml", ".json", ".go"}
        if path.is_file() and depth <= 4 and NAMES.match(path.name) and not is_code:
            yield path.read_text(encoding="utf-8", errors="replace").strip()


def without_margins(text):
    return " ".join(text.split())


def main():
    metadata = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    crates = compiled_in(metadata)
    print("koreconcile contains code of others. Their licences, and below them the texts.\n")
    shared, missing = {}, []
    for crate in crates:
        title = f"{crate['name']} {crate['version']}"
        print(f"{title}: {crate['license']}")
        found = list(texts(Path(crate["manifest_path"]).parent))
        if not found:
            missing.append(title)
        for text in found:
            shared.setdefault(without_margins(text), (text, []))[1].append(title)
    print("Rust's standard library: MIT OR Apache-2.0")
    print("GNU C Library, linked statically: LGPL-2.1-or-later. scripts/release/binary.sh of the sources links it again,")
    print("also with a changed library.")
    if missing:
        print("\nWithout a text of their own, under the texts of the same licences below:\n  " + ", ".join(missing))
    for text, owners in sorted(shared.values(), key=lambda entry: entry[1]):
        print(f"\n{'-' * 120}\n{', '.join(dict.fromkeys(owners))}\n{'-' * 120}\n\n{text}")
    print(f"\n{'-' * 120}\nGNU C Library\n{'-' * 120}\n\n{LIBRARY.read_text(encoding='utf-8').strip()}")


main()
