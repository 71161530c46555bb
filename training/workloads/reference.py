"""``python -m training.workloads.reference [--check]``: the tables of docs/workloads.md, from the specifications.

Exit codes: 0 written or fresh, 1 stale.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from training.workloads import spec

PAGE = Path(__file__).resolve().parents[2] / "docs" / "workloads.md"
BEGIN, END = "<!-- python -m training.workloads.reference: {} -->", "<!-- end -->"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m training.workloads.reference", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when the page is stale")
    check = parser.parse_args(argv).check
    before = PAGE.read_text(encoding="utf-8")
    after = render(before)
    if after == before:
        return 0
    if check:
        print("docs/workloads.md is stale: `make docs`, and review what changed", file=sys.stderr)
        return 1
    PAGE.write_text(after, encoding="utf-8")
    print("wrote docs/workloads.md")
    return 0


def render(page: str) -> str:
    """Put fresh tables between the page's markers."""
    for name, lines in (("workloads", workloads()), ("fields", fields())):
        begin = BEGIN.format(name)
        pattern = re.compile(rf"{re.escape(begin)}\n.*?{re.escape(END)}", re.DOTALL)
        page = pattern.sub(lambda _: "\n".join([begin, *lines, END]), page)  # noqa: B023 - used up before the next
    return page


def workloads() -> list[str]:
    """A row for each workload: what it is, what it learns from, what its model must reach, who asks it."""
    rows = ["| workload | what it does | data | a model must reach | who asks it |", "| --- | --- | --- | --- | --- |"]
    for name in spec.names():
        one = spec.load(name)
        options = "; ".join(f"`{key}`: {option.title}" for key, option in one.data.options.items())
        gate = f"`{one.training.gate.metric}` of {one.training.gate.minimum:g}"
        asks = f"`{one.workflow.definition}`" if one.workflow else "callers themselves"
        rows.append(f"| `{name}` | {_cell(one.description)} | {_cell(options)} | {gate} | {asks} |")
    return rows


def fields() -> list[str]:
    """A row for each field of `workload.yaml`."""
    schema = json.loads(spec.SCHEMA_FILE.read_text(encoding="utf-8"))
    rows = ["| field | what |", "| --- | --- |"]
    for path, needed, about in _leaves(schema):
        rows.append(f"| `{path}`{'' if needed else ' (optional)'} | {_cell(about)} |")
    return rows


def _cell(text: str) -> str:
    """Text that no cell of a table ends at."""
    return text.replace("|", "\\|")


def _leaves(node: dict[str, Any], path: str = "") -> Iterator[tuple[str, bool, str]]:
    """Fields in the schema's order: path, whether it must be given where its parent is, description."""
    for name, inside in node.get("properties", {}).items():
        here, needed = f"{path}{name}", name in node.get("required", ())
        children = inside if inside.get("type") == "object" else inside.get("items", {})
        of_each = inside.get("additionalProperties")
        if isinstance(of_each, dict) and of_each.get("type") == "object":
            yield f"{here}.<name>", needed, inside.get("description", "")
            yield from _leaves(of_each, f"{here}.<name>.")
        elif children.get("properties"):
            if "description" in inside:
                yield here, needed, inside["description"]
            yield from _leaves(children, f"{here}.")
        else:
            yield here, needed, inside.get("description", "")


if __name__ == "__main__":
    sys.exit(main())
