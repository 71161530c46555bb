"""A state machine as a whole has a timeout."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import in_document
from policies.control import Control
from policies.kit import machine_text
from policies.plan import Plan, Resource, document


def check(machine: Resource, _: Plan) -> Iterator[str]:
    seconds = document(machine.values.get("definition")).get("TimeoutSeconds")
    if not isinstance(seconds, int) or not 0 < seconds <= 30 * 24 * 3600:
        yield f"the state machine's TimeoutSeconds is {seconds}"


CONTROL = Control(
    title="A state machine as a whole has a timeout",
    severity="medium",
    reason="Retries and loops add up: only the whole machine's limit bounds an execution.",
    remedy="Set TimeoutSeconds at the top of the definition.",
    types=("aws_sfn_state_machine",),
    sources=("SFN-BEST",),
    check=check,
    good=[("aws_sfn_state_machine", {"definition": machine_text()})],
    breaks={
        "none": in_document("definition", lambda doc: doc.pop("TimeoutSeconds", None)),
        "the longest there is": in_document("definition", lambda doc: doc.update(TimeoutSeconds=99999999)),
        "zero": in_document("definition", lambda doc: doc.update(TimeoutSeconds=0)),
    },
)
