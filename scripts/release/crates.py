"""What `cargo metadata` says about the packages that end up in the program."""


def compiled_in(metadata):
    """The packages that the program is made of, itself excluded: no tests, no build scripts, no other platform."""
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    packages = {package["id"]: package for package in metadata["packages"]}
    root = metadata["resolve"]["root"]
    seen, waiting = {root}, [root]
    while waiting:
        for dependency in nodes[waiting.pop()]["deps"]:
            is_normal = any(kind["kind"] is None for kind in dependency["dep_kinds"])
            if is_normal and dependency["pkg"] not in seen:
                seen.add(dependency["pkg"])
                waiting.append(dependency["pkg"])
    found = [packages[one] for one in seen - {root}]
    return sorted(found, key=lambda package: (package["name"], package["version"]))
