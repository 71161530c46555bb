"""``python -m terraform.modules.workflow.diagram [--check]``: the diagrams in docs/workflow.md, drawn from the ASL.

The page's text is written by people; only what stands between a pair of markers is replaced.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
ASL = FOLDER / "classify_images.asl.json"
PAGE = FOLDER.parents[2] / "docs" / "workflow.md"
SHAPES = {"Choice": ("{", "}"), "Map": ("[[", "]]"), "Succeed": ("([", "])"), "Fail": ("([", "])")}


class DiagramError(Exception):
    """The page lacks a marker; says which."""


def draw(machine: dict[str, Any]) -> str:
    """Return one level of a state machine as a Mermaid flowchart; errors are dashed."""
    lines = ["```mermaid", "flowchart TD", f"  start(( )) --> {machine['StartAt']}"]
    for name, state in machine["States"].items():
        left, right = SHAPES.get(state["Type"], ("[", "]"))
        lines.append(f'  {name}{left}"{_words(name)}"{right}')
        lines += [f"  {name} {arrow} {target}" for arrow, target in _arrows(state)]
    return "\n".join([*lines, "```"])


def renewed(page: str, definition: dict[str, Any]) -> str:
    """Return the page with both diagrams drawn anew.

    Raises
    ------
    DiagramError
        The page has no ``<!-- diagram: name -->`` ... ``<!-- end -->`` for one of them.
    """
    machines = {"run": definition, "image": definition["States"]["ClassifyList"]["ItemProcessor"]}
    for name, machine in machines.items():
        block = re.compile(rf"(<!-- diagram: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        found = block.search(page)
        if not found:
            raise DiagramError(f"docs/workflow.md lacks <!-- diagram: {name} --> with a later <!-- end -->: add both")
        page = f"{page[: found.end(1)]}{draw(machine)}\n{page[found.start(2) :]}"
    return page


def _arrows(state: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the ways out of a state, each target once."""
    targets = [state["Next"]] if "Next" in state else []
    targets += [choice["Next"] for choice in state.get("Choices", [])] + [
        state[key] for key in ["Default"] if key in state
    ]
    for target in dict.fromkeys(targets):
        yield "-->", target
    caught: dict[str, list[str]] = {}
    for rule in state.get("Catch", []):
        caught.setdefault(rule["Next"], []).extend(rule["ErrorEquals"])
    for target, errors in caught.items():
        if target not in targets:
            label = "any error" if "States.ALL" in errors else " or ".join(errors)
            yield f"-. {label} .->", target


def _words(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", " ", name).capitalize()


def main(arguments: list[str] | None = None) -> int:
    """Draw, or with ``--check`` only compare; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m terraform.modules.workflow.diagram", description=(__doc__ or "").partition(": ")[2]
    )
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when the page is stale")
    options = parser.parse_args(arguments)
    page = PAGE.read_text()
    try:
        fresh = renewed(page, json.loads(ASL.read_text()))
    except DiagramError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if options.check:
        if fresh != page:
            print("docs/workflow.md is stale: run python -m terraform.modules.workflow.diagram", file=sys.stderr)
        return int(fresh != page)
    PAGE.write_text(fresh)
    return 0


if __name__ == "__main__":
    sys.exit(main())
