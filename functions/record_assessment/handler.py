"""Append an assessment to its claim's record, once, however often it is delivered."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from common import claim_record, claim_rule, settings
from common.aws import Connection
from common.entry import entry, log, measure
from common.events import field
from common.table import put_new

AWS = Connection(connect_s=2, read_s=5, attempts=3)
EVENT = "Start the state machine, not this function"


@entry
def handle(event: Any, context: Any) -> dict[str, Any]:
    """Record one assessment.

    Parameters
    ----------
    event
        ``{"assessment": the answer of assess_claim, "execution": ARN}``.

    Returns
    -------
    dict
        ``{"status", "claim", "entry", "verdict", "reason"}``; status ``recorded``, or ``duplicate`` where the same
        photos were judged by the same models against the same thresholds before: then nothing is changed. A repetition
        of the execution that wrote is no duplicate: its first answer was lost.

    Raises
    ------
    InvalidEvent, InvalidSetting, RecordTooLarge, TableUnusable
        Not worth a retry.
    StorageUnavailable, OutOfTime
        Worth a retry.
    """
    table = settings.text("TABLE_NAME")
    execution = field(event, "execution", str, EVENT)
    assessment = field(event, "assessment", dict, EVENT)
    item = claim_record.item(assessment, execution, datetime.now(UTC).isoformat(timespec="milliseconds"))
    before = put_new(AWS, context, table, item, claim_record.PARTITION_KEY)
    duplicate = before is not None and before.get("execution") != execution
    if duplicate:
        measure("DuplicateAssessments", 1)
    else:
        measure("FiledClaims" if item["verdict"] == claim_rule.FILE else "AuditedClaims", 1)
    status = "duplicate" if duplicate else "recorded"
    log("INFO", status, entry=item["entry"], execution=execution)
    return {"status": status, **{name: item[name] for name in ("claim", "entry", "verdict", "reason")}}
