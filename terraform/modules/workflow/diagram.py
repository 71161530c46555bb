"""``python -m terraform.modules.workflow.diagram [--check]``: the diagrams in the docs, drawn from the definitions.

The pages' text is written by people; only what stands between a pair of markers is replaced.
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
DOCS = FOLDER.parents[2] / "docs"
# To each page its definition, and to each diagram on it the Map whose inside it shows, None for the whole machine.
PAGES: dict[str, tuple[str, dict[str, str | None]]] = {
    "claims.md": ("assess_claims.asl.json", {"claim": None}),
    "workflow.md": ("classify_images.asl.json", {"run": None, "image": "ClassifyList"}),
}
SHAPES = {"Choice": ("{", "}"), "Map": ("[[", "]]"), "Succeed": ("([", "])"), "Fail": ("([", "])")}


class DiagramError(Exception):
    """A page lacks a marker; says which."""


def draw(machine: dict[str, Any]) -> str:
    """Return one level of a state machine as a Mermaid flowchart; errors are dashed."""
    lines = ["```mermaid", "flowchart TD", f"  start(( )) --> {machine['StartAt']}"]
    for name, state in machine["States"].items():
        left, right = SHAPES.get(state["Type"], ("[", "]"))
        lines.append(f'  {name}{left}"{_words(name)}"{right}')
        lines += [f"  {name} {arrow} {target}" for arrow, target in _arrows(state)]
    return "\n".join([*lines, "```"])


def renewed(file: str, page: str) -> str:
    """Return the text of a page with its diagrams drawn anew.

    Raises
    ------
    DiagramError
        The page has no ``<!-- diagram: name -->`` ... ``<!-- end -->`` for one of them.
    """
    source, diagrams = PAGES[file]
    definition = json.loads((FOLDER / source).read_text())
    for name, inside in diagrams.items():
        machine = definition["States"][inside]["ItemProcessor"] if inside else definition
        block = re.compile(rf"(<!-- diagram: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        found = block.search(page)
        if not found:
            raise DiagramError(f"docs/{file} lacks <!-- diagram: {name} --> with a later <!-- end -->: add both")
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
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a page is stale")
    options = parser.parse_args(arguments)
    try:
        pages = {file: ((DOCS / file).read_text(), renewed(file, (DOCS / file).read_text())) for file in PAGES}
    except DiagramError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    stale = [file for file, (page, fresh) in pages.items() if page != fresh]
    for file in stale:
        if options.check:
            print(f"docs/{file} is stale: run python -m terraform.modules.workflow.diagram", file=sys.stderr)
        else:
            (DOCS / file).write_text(pages[file][1])
    return int(options.check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
