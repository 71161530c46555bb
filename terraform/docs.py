"""``python -m terraform.docs [--check]``: the Inputs and Outputs tables in the modules' READMEs.

The tables stand between two markers and are written from ``variables.tf`` and ``outputs.tf``; the rest of a README
belongs to its author. ``--check`` changes nothing and exits with 1 when a table is stale.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hcl2

ROOT = Path(__file__).resolve().parent
BEGIN = "<!-- python -m terraform.docs: begin -->"
END = "<!-- python -m terraform.docs: end -->"
REQUIRED = object()
FRESH, STALE, BROKEN = 0, 1, 2


class DocsError(Exception):
    """A README or a Terraform file that the tables cannot be made from; the message names file and remedy."""


@dataclass(frozen=True)
class Input:
    """One variable of a module; ``default`` is REQUIRED where the code gives none."""

    name: str
    type: str
    description: str
    default: Any


@dataclass(frozen=True)
class Output:
    """One output of a module."""

    name: str
    description: str


def folders() -> list[Path]:
    """Every folder of Terraform code with a README of its own: the modules and the bootstrap."""
    return [*sorted(path.parent for path in (ROOT / "modules").glob("*/versions.tf")), ROOT / "bootstrap"]


def shown(path: Path) -> str:
    """A path as a reader at the root of the repository would write it."""
    return str(path.relative_to(ROOT.parent)) if path.is_relative_to(ROOT.parent) else str(path)


def parse(path: Path) -> dict[str, Any]:
    """Parse one HCL file. DocsError when there is none or it does not parse."""
    try:
        with path.open() as file:
            return hcl2.load(file)
    except FileNotFoundError:
        raise DocsError(f"{shown(path)}: missing; every module has variables.tf and outputs.tf") from None
    except Exception as error:  # the parser has exceptions of several kinds, all of them about the text
        raise DocsError(f"{shown(path)}: not valid HCL ({error}); run terraform fmt and validate") from error


def blocks(document: dict[str, Any], kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield label and body of every block of a kind, in the order of the file."""
    for block in document.get(kind, []):
        for label, body in block.items():
            if isinstance(body, dict):
                yield plain(label), body


def plain(value: Any) -> Any:
    """Undo the parser's notation: strings carry their quotes, expressions stand in ``${}``."""
    if isinstance(value, str):
        if value.startswith("${") and value.endswith("}"):
            return value[2:-1]
        return json.loads(value) if value.startswith('"') else value
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {plain(key): plain(item) for key, item in value.items() if not key.startswith("__")}
    return value


def inputs(folder: Path) -> list[Input]:
    """The variables of a module, in the order of the file."""
    return [
        Input(
            name=name,
            type=plain(body.get("type", "")),
            description=plain(body.get("description", "")),
            default=plain(body["default"]) if "default" in body else REQUIRED,
        )
        for name, body in blocks(parse(folder / "variables.tf"), "variable")
    ]


def outputs(folder: Path) -> list[Output]:
    """The outputs of a module, in the order of the file."""
    return [
        Output(name=name, description=plain(body.get("description", "")))
        for name, body in blocks(parse(folder / "outputs.tf"), "output")
    ]


def tables(folder: Path) -> str:
    """The generated part of a README, markers included."""
    lines = [BEGIN, "## Inputs", "", "| name | what | type | default |", "| --- | --- | --- | --- |"]
    for item in inputs(folder):
        default = "required" if item.default is REQUIRED else f"`{_cell(json.dumps(item.default))}`"
        lines.append(f"| `{item.name}` | {_cell(item.description)} | `{_cell(item.type)}` | {default} |")
    lines += ["", "## Outputs", "", "| name | what |", "| --- | --- |"]
    lines += [f"| `{item.name}` | {_cell(item.description)} |" for item in outputs(folder)]
    return "\n".join([*lines, END])


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def renewed(folder: Path) -> str:
    """The README of a module with fresh tables. DocsError when it is missing or has no markers."""
    path = folder / "README.md"
    if not path.is_file():
        raise DocsError(f"{shown(path)}: missing; say what the module makes and refuses, and end with\n{BEGIN}\n{END}")
    text = path.read_text()
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise DocsError(f"{shown(path)}: no markers; add these two lines where the tables belong:\n{BEGIN}\n{END}")
    return before + tables(folder) + after


def main(arguments: list[str] | None = None) -> int:
    """Write or check every README; returns 0, 1 when a table was stale under --check, 2 when one cannot be made."""
    parser = argparse.ArgumentParser(prog="python -m terraform.docs", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 when a table is stale")
    check = parser.parse_args(arguments).check
    status = FRESH
    for folder in folders():
        path = folder / "README.md"
        try:
            text = renewed(folder)
        except DocsError as error:
            print(error, file=sys.stderr)
            status = BROKEN
            continue
        if text == path.read_text():
            continue
        if check:
            print(f"{shown(path)}: stale; run python -m terraform.docs", file=sys.stderr)
            status = max(status, STALE)
        else:
            path.write_text(text)
            print(f"{shown(path)}: written")
    return status


if __name__ == "__main__":
    sys.exit(main())
