"""The workflows' definitions as the tests see them: filled in, taken apart, and how long they can get."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.unit import functions_support as support

errors = support.common("errors")
FOLDER = support.REPOSITORY / "terraform/modules/workflow"
FUNCTIONS = {
    "assess_claims": ("assess_claim", "record_assessment"),
    "classify_images": ("serialize_image", "classify_image", "filter_predictions", "collect_results"),
}
"""What each definition calls."""


def text(name: str) -> str:
    """The file of a definition."""
    return (FOLDER / f"{name}.asl.json").read_text()


def definition(name: str) -> dict[str, Any]:
    """A definition, its placeholders as they stand in it."""
    found: dict[str, Any] = json.loads(text(name))
    return found


def render(name: str, **values: str) -> str:
    """Fill the placeholders as Terraform's templatefile does."""
    filled = text(name)
    for placeholder, value in values.items():
        filled = filled.replace("${" + placeholder + "}", value)
    assert "${" not in filled, "a placeholder was not given"
    return filled


def states_of(states: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every state, inner ones too."""
    for name, state in states.items():
        yield name, state
        yield from states_of(state.get("ItemProcessor", {}).get("States", {}))


def machines(machine: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield the states and the first of them, of a machine and of those inside it."""
    yield machine["States"], machine["StartAt"]
    for state in machine["States"].values():
        if "ItemProcessor" in state:
            yield from machines(state["ItemProcessor"])


def targets(state: dict[str, Any]) -> list[str]:
    """Where a state can lead."""
    rules = (*state.get("Choices", ()), *state.get("Catch", ()))
    return [state[name] for name in ("Next", "Default") if name in state] + [rule["Next"] for rule in rules]


def function(task: dict[str, Any]) -> str:
    """The function that a task calls; "" for another service."""
    name: str = task["Parameters"].get("FunctionName", "")
    return name.strip("${}")


def most_events(state: dict[str, Any]) -> int:
    """Return the most history events one visit of a state can make (entered, exited, and per attempt three)."""
    attempts = 1 + sum(retry["MaxAttempts"] for retry in state.get("Retry", ()))
    return 2 + (3 * attempts if state["Type"] == "Task" else 0)


def longest(states: dict[str, Any], name: str) -> int:
    """Return the most events from this state to the end; the definition has no loop."""
    return most_events(states[name]) + max((longest(states, target) for target in targets(states[name])), default=0)


def our_errors() -> set[str]:
    """The names of the errors that functions raise."""
    return {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Exception)}
