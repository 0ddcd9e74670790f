"""sbom.py CARGO.LOCK METADATA: a CycloneDX 1.6 document of exactly the packages of Cargo.lock, as JSON.

Licences come from `cargo metadata`. What is compiled into the program is required; the rest (tests, build scripts, other
platforms) is excluded.
"""

import json
import os
import sys
import tomllib
import uuid
from datetime import datetime, timezone
from pathlib import Path

from crates import compiled_in


def reference(package):
    return f"pkg:cargo/{package['name']}@{package['version']}"


def component(package, licences, required):
    entry = {
        "type": "library",
        "bom-ref": reference(package),
        "name": package["name"],
        "version": package["version"],
        "scope": "required" if required else "excluded",
        "purl": reference(package),
    }
    if "checksum" in package:
        entry["hashes"] = [{"alg": "SHA-256", "content": package["checksum"]}]
    licence = licences.get((package["name"], package["version"]))
    if licence:
        entry["licenses"] = [{"expression": licence.replace("/", " OR ")}]
    return entry


def dependencies(packages):
    """Cargo.lock names a version only where there are several."""
    by_name = {}
    for package in packages:
        by_name.setdefault(package["name"], []).append(package)
    for package in packages:
        on = []
        for wanted in package.get("dependencies", []):
            name, _, version = wanted.partition(" ")
            found = [one for one in by_name[name] if not version or one["version"] == version.split(" ")[0]]
            on.append(reference(found[0]))
        yield {"ref": reference(package), "dependsOn": sorted(set(on))}


def main():
    lock = Path(sys.argv[1]).read_bytes()
    metadata = json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))
    packages = tomllib.loads(lock.decode())["package"]
    licences = {(one["name"], one["version"]): one["license"] for one in metadata["packages"]}
    inside = {(one["name"], one["version"]) for one in compiled_in(metadata)}
    own = next(one for one in packages if one["name"] == "koreconcile")
    others = [one for one in packages if one is not own]
    made = datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), timezone.utc)
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, lock.decode())}",
        "version": 1,
        "metadata": {
            "timestamp": made.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": component(own, licences, True) | {"type": "application"},
        },
        "components": [component(one, licences, (one["name"], one["version"]) in inside) for one in others],
        "dependencies": list(dependencies(packages)),
    }
    json.dump(document, sys.stdout, indent=1)
    print()


main()
