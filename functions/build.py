"""Pack each function into ``functions/dist/<function>.zip``: ``python -m functions.build [--check]``.

The zips are committed, so that Terraform needs no Python. They hold the folder's modules and exactly those modules of
``functions/common`` that they import, directly or not. They are reproducible everywhere: entries sorted, dates fixed,
stored rather than deflated (deflate's bytes depend on the zlib at hand).
"""

from __future__ import annotations

import argparse
import ast
import io
import os
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent
DIST = ROOT / "dist"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date a zip can hold
FILE_MODE = 0o100644 << 16


class BuildError(Exception):
    """A function cannot be packed; says which file and what to do."""


def names() -> list[str]:
    """Return the functions' folder names, sorted."""
    return sorted(spec.parent.name for spec in ROOT.glob("*/function.yaml"))


def members(name: str) -> dict[str, bytes]:
    """Return path in the zip -> content for one function.

    Raises
    ------
    BuildError
        The folder lacks handler.py, or imports a module that functions/common does not have.
    """
    folder = ROOT / name
    if not (folder / "handler.py").is_file():
        raise BuildError(f"functions/{name}/handler.py is missing: write it, with a function handle(event, context)")
    found = {path.name: path.read_bytes() for path in folder.glob("*.py")}
    waiting = {needed for content in found.values() for needed in _common_imports(content, package=None)}
    if waiting:
        waiting.add("__init__")
    while waiting:
        module = waiting.pop()
        path = ROOT / "common" / f"{module}.py"
        if not path.is_file():
            raise BuildError(f"functions/{name} imports common.{module}, but functions/common/{module}.py is missing")
        found[f"common/{module}.py"] = path.read_bytes()
        waiting |= {
            needed
            for needed in _common_imports(found[f"common/{module}.py"], package="common")
            if f"common/{needed}.py" not in found
        }
    return dict(sorted(found.items()))


def pack(name: str) -> bytes:
    """Return the zip of one function."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for path, content in members(name).items():
            entry = zipfile.ZipInfo(path, EPOCH)
            entry.create_system = 3  # Unix, wherever it is built: Lambda reads the file mode from it
            entry.external_attr = FILE_MODE
            archive.writestr(entry, content)
    return buffer.getvalue()


def stale() -> list[str]:
    """Return what in functions/dist differs from what would be built, as paths below it."""
    wanted = {f"{name}.zip": pack(name) for name in names()}
    present = {path.name: path.read_bytes() for path in DIST.glob("*")}
    return sorted(file for file in wanted.keys() | present.keys() if wanted.get(file) != present.get(file))


def write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: Terraform would upload half a zip without a word."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _common_imports(source: bytes, package: str | None) -> set[str]:
    """Return the modules of common that ``source`` imports; ``package`` is ``common`` for its own modules."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if node.level == 1 and package:
                found |= {module} if module else {alias.name for alias in node.names}
            elif module == "common":
                found |= {alias.name for alias in node.names}
            elif module.startswith("common."):
                found.add(module.removeprefix("common."))
        elif isinstance(node, ast.Import):
            found |= {alias.name.removeprefix("common.") for alias in node.names if alias.name.startswith("common.")}
    return found


def main(arguments: list[str] | None = None) -> int:
    """Build, or with ``--check`` only compare; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m functions.build", description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when functions/dist is stale")
    options = parser.parse_args(arguments)
    try:
        old = stale()
        if options.check:
            for file in old:
                print(f"functions/dist/{file} is stale: run python -m functions.build and commit it", file=sys.stderr)
            return 1 if old else 0
        DIST.mkdir(exist_ok=True)
        for file in old:
            if file.removesuffix(".zip") in names():
                write(DIST / file, pack(file.removesuffix(".zip")))
                print(f"built functions/dist/{file}")
            else:
                (DIST / file).unlink()
                print(f"removed functions/dist/{file}: no such function")
        if not old:
            print("functions/dist is up to date")
    except (BuildError, SyntaxError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; no file was left half written", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
