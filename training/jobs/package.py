"""`python -m training.jobs.package`: everything a training script imports, as the sourcedir.tar.gz of script mode.

The script lies at the root, where the toolkit looks for it, beside the part of the `training` package it needs. The
same files give the same bytes, so the archive's digest can name it.
"""

from __future__ import annotations

import argparse
import gzip
import io
import os
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

from training.errors import InputError, SpecError
from training.workloads import spec

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_TRAINING = Path(__file__).resolve().parents[1]

SHARED = (
    *("__init__.py", "errors.py", "learning", "monitoring"),
    *(f"workloads/{name}.py" for name in ("__init__", "checks", "description", "spec", "values")),
    *("data/__init__.py", "data/boxes.py", "data/records.py"),
    *(f"serving/{name}.py" for name in ("__init__", "detection", "errors", "headers", "suppression", "task")),
)
"""Parts of the package that every training script may import."""

_KEPT = (".py", ".yaml", ".json")


def files(workload: spec.Workload) -> dict[str, Path]:
    """Path in the archive -> file, sorted.

    Raises
    ------
    SpecError
        The workload's program is not in its folder.
    """
    home = _TRAINING / "workloads" / workload.name
    program = home / workload.training.program
    if not program.is_file():
        raise SpecError("training.program", workload.training.program, f"there is no such file in {home.name}/; add it")
    parts = [*(_TRAINING / part for part in SHARED), spec.SCHEMA_FILE, home]
    found = {f"training/{path.relative_to(_TRAINING)}": path for path in _sources(parts)}
    return dict(sorted((found | {program.name: program}).items()))


def write(workload: spec.Workload, out: Path) -> list[str]:
    """Write the archive to `out`, which appears only when complete, and return the paths in it."""
    contents = files(workload)
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_name(f"{out.name}.{os.getpid()}.part")
    try:
        with (
            partial.open("wb") as file,
            # No name, no date, nothing compressed: the bytes depend on the files alone, not on a zlib.
            gzip.GzipFile("", "wb", 0, file, mtime=0) as packed,
            tarfile.open(fileobj=packed, mode="w") as archive,
        ):
            for name, path in contents.items():
                content = path.read_bytes()
                # A fresh TarInfo: no owner, no date, no permission bits of this machine.
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)
    return list(contents)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; 2 when the arguments are wrong."""
    parser = argparse.ArgumentParser(prog="python -m training.jobs.package", description=__doc__)
    parser.add_argument("--workload", required=True, help="name of a folder under training/workloads")
    parser.add_argument("--out", required=True, type=Path, help="archive to write, usually sourcedir.tar.gz")
    arguments = parser.parse_args(argv)
    try:
        packed = write(spec.load(arguments.workload), arguments.out)
    except InputError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    except OSError as error:
        sys.stderr.write(f"error: --out = {str(arguments.out)!r}: cannot be written ({error.strerror})\n")
        return 2
    sys.stdout.write(f"{arguments.out}: {len(packed)} files, {arguments.out.stat().st_size} bytes\n")
    return 0


def _sources(parts: Iterable[Path]) -> list[Path]:
    found: list[Path] = []
    for part in parts:
        candidates = sorted(part.rglob("*")) if part.is_dir() else [part]
        found += [path for path in candidates if path.suffix in _KEPT and "__pycache__" not in path.parts]
    return found


if __name__ == "__main__":
    sys.exit(main())
