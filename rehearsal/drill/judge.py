"""What "no request is lost" means, held against what was seen.

Every request that was due was asked, and every one that was asked was answered by a model. A model that fails says so
itself: such answers are errors, and only the canary may give them, from the moment that it gets traffic until the old
fleet has all of it again, and no more of them than its share. The good fleet fails none, before, during, or after.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rehearsal.drill.drill import BAD_ROLLOUT, GOOD_ROLLOUT, RETURN, Record
from rehearsal.drill.load import BAD, GOOD, LOST, Asked
from terraform.live.models import same

SIGMAS = 5


@dataclass(frozen=True)
class Window:
    """When the canary had traffic, by the answers and by SageMaker's own word; seconds of the drill."""

    first_error: float
    last_error: float
    alarm: float
    turned_back: float


def window(record: Record) -> Window:
    """The canary's time. Its end is when SageMaker says that it rolls back, and the alarm's moment is CloudWatch's."""
    phase = record.phase(BAD_ROLLOUT)
    during = [m for m in record.moments if phase.begin <= m.at <= phase.end]
    errors = [asked for asked in record.asked if asked.fate == BAD]
    serving = [m.at for m in during if m.what == "endpoint" and m.state.startswith("Updating (Baking")]
    back = [m.at for m in during if m.what == "endpoint" and serving and m.at > serving[0] and "Baking" not in m.state]
    return Window(
        first_error=min((asked.due for asked in errors), default=math.nan),
        last_error=max((asked.due for asked in errors), default=math.nan),
        alarm=min((m.at for m in during if m.state == "ALARM"), default=math.nan),
        turned_back=min(back, default=math.nan),
    )


def facts(record: Record) -> dict[str, Any]:
    """The figures of a drill."""
    seen, asked = window(record), record.asked
    exposed = [a for a in asked if seen.first_error <= a.due <= seen.last_error]
    return {
        "asked": len(asked),
        "good": sum(a.fate == GOOD for a in asked),
        "refused_by_the_bad_model": sum(a.fate == BAD for a in asked),
        "lost": sum(a.fate == LOST for a in asked),
        "seconds_to_alarm": round(seen.alarm - seen.first_error, 2),
        "seconds_to_recovery": round(seen.last_error - seen.first_error, 2),
        "share_during_canary": round(sum(a.fate == BAD for a in exposed) / max(1, len(exposed)), 3),
        "asked_during_canary": len(exposed),
        "rollback_seconds": round(record.phase(RETURN).end - record.phase(RETURN).begin, 1),
    }


def faults(record: Record) -> list[str]:
    """Everything that is not as it should be; nothing when the drill has passed."""
    return [*_answers(record), *_canary(record), *_end(record)]


def _answers(record: Record) -> Iterator[str]:
    lost = [asked for asked in record.asked if asked.fate == LOST]
    if lost:
        yield f"{len(lost)} requests without an answer of a model, the first at {lost[0].due:.1f} s: {lost[0].detail}"
    gaps = _gaps(record.asked, record.rate)
    if gaps:
        yield f"{gaps} requests were due and never asked"
    for name in (GOOD_ROLLOUT, RETURN):
        phase = record.phase(name)
        failed = [a for a in record.asked if phase.begin <= a.due <= phase.end and a.fate != GOOD]
        if failed:
            yield f"{len(failed)} requests failed during {name}"


def _canary(record: Record) -> Iterator[str]:
    seen, bad = window(record), [asked for asked in record.asked if asked.fate == BAD]
    phase = record.phase(BAD_ROLLOUT)
    if not bad:
        yield "the bad model got no traffic: the drill shows nothing"
        return
    if math.isnan(seen.alarm):
        yield "no alarm fired"
    outside = [asked for asked in bad if not phase.begin <= asked.due <= phase.end]
    if outside:
        yield f"{len(outside)} requests failed outside of the bad model's rollout"
    answered_late = [asked for asked in bad if asked.due > seen.turned_back + 1]
    if answered_late:
        yield f"{len(answered_late)} requests failed later than a second after SageMaker had turned back"
    exposed = sum(seen.first_error <= asked.due <= seen.last_error for asked in record.asked)
    most = exposed * record.share + SIGMAS * math.sqrt(exposed * record.share * (1 - record.share)) + 1
    if len(bad) > most:
        yield f"{len(bad)} of {exposed} requests failed, more than the canary's share of {record.share:.0%}"


def _end(record: Record) -> Iterator[str]:
    if "rolled the update back" not in record.phase(BAD_ROLLOUT).outcome:
        yield f"the verifier did not name the rollback: {record.phase(BAD_ROLLOUT).outcome}"
    if not record.before or any(not same(model, record.after.get(name)) for name, model in record.before.items()):
        yield "the file of promoted models does not name the last good model again"
    versions = {model["version"] for model in record.before.values()}
    last = [asked.version for asked in record.asked[-10:]]
    if not set(last) <= versions:
        yield f"the last requests were answered by {sorted(set(last))}, not by {sorted(versions)}"


def _gaps(asked: list[Asked], rate: float) -> int:
    """How many requests are missing between the first and the last one."""
    if not asked:
        return 0
    return round((asked[-1].due - asked[0].due) * rate) + 1 - len(asked)
