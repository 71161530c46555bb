"""What the forbidden calls and the controls beside them came to, as a record that can be read again."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rehearsal.prove.forbidden.attempt import Answer
from rehearsal.prove.forbidden.families import LEAST
from rehearsal.prove.used import EvidenceError

RECORD = Path("prove") / "forbidden.json"


def outcome(answers: Sequence[Answer], controls: Sequence[Answer]) -> dict[str, Any]:
    """Counts by family and role, and each call that was not answered as it should have been."""
    return {
        "calls": len(answers),
        "controls": len(controls),
        "families": _counted(answer.attempt.family for answer in answers),
        "roles": _counted(answer.attempt.role for answer in answers),
        "controlled": _counted(answer.attempt.family for answer in controls),
        "wrong": [
            *(_told(answer) for answer in answers if not answer.refused),
            *(_told(answer, "control") for answer in controls if answer.code),
        ],
    }


def read_outcome(folder: Path) -> dict[str, Any]:
    """The record of the rehearsal in ``folder``; EvidenceError when there is none."""
    try:
        record: dict[str, Any] = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EvidenceError(f"no record of the forbidden calls: {error}") from None
    return record


def faults(record: Mapping[str, Any]) -> list[str]:
    """What is wrong with a record, a sentence each: calls that passed, too few calls, families without a control."""
    found = [_sentence(wrong) for wrong in record["wrong"]]
    if record["calls"] < LEAST:
        found.append(f"only {record['calls']} forbidden calls were made; {LEAST} at least are wanted")
    alone = sorted(set(record["families"]) - set(record["controlled"]))
    found += [f"no call beside the family {family!r} was allowed: add one to controls.py" for family in alone]
    return found


def _counted(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))


def _told(answer: Answer, family: str = "") -> dict[str, str]:
    attempt = answer.attempt
    return {
        "family": family or attempt.family,
        "role": attempt.role or "the account's owner",
        "call": f"{attempt.service}:{attempt.operation}",
        "on": next((str(value) for value in attempt.parameters.values() if isinstance(value, str)), ""),
        "way": attempt.way,
        "code": answer.code,
        "message": answer.message,
    }


def _sentence(wrong: Mapping[str, str]) -> str:
    what = f"{wrong['role']}: {wrong['call']} on {wrong['on']}"
    if wrong["family"] == "control":
        return f"{what} must be allowed, and was answered {wrong['code']}: {wrong['message']}"
    way = f" ({wrong['way']})" if wrong["way"] else ""
    if not wrong["code"]:
        return f"{what}{way} was carried out and must be refused ({wrong['family']}): deny it, or take it away"
    return (
        f"{what}{way} must be refused for want of a permission ({wrong['family']}), and was answered {wrong['code']}: "
        f"{wrong['message']}"
    )
