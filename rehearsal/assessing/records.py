"""Records read back from the table as an operator reads them, and held to what must be true of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from boto3.dynamodb.types import TypeDeserializer

from functions.common import claim_record, claim_rule
from rehearsal.run import RehearsalError

Record = dict[str, Any]
_read = TypeDeserializer().deserialize


def of_claim(dynamodb: Any, table: str, claim: str) -> list[Record]:
    """All that is known of a claim, as plain values."""
    pages = dynamodb.get_paginator("query").paginate(
        TableName=table,
        KeyConditionExpression="claim = :claim",
        ExpressionAttributeValues={":claim": {"S": claim}},
        ConsistentRead=True,
    )
    return [plain({name: _read(value) for name, value in item.items()}) for page in pages for item in page["Items"]]


def demand_found(dynamodb: Any, table: str, record: Record) -> None:
    """One assessment must be found by its key alone, as whoever is told of it by SNS does."""
    key = {name: {"S": record[name]} for name in (claim_record.PARTITION_KEY, claim_record.SORT_KEY)}
    item = dynamodb.get_item(TableName=table, Key=key, ConsistentRead=True).get("Item", {})
    if plain({name: _read(value) for name, value in item.items()}) != record:
        raise RehearsalError(f"the record of {record['claim']} is another one when {record['entry']} is asked for")


def plain(value: Any) -> Any:
    """DynamoDB's numbers as Python's."""
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    if hasattr(value, "as_integer_ratio") and not isinstance(value, int | float):
        return int(value) if value == value.to_integral_value() else float(value)
    return value


def demand_amounts(records: Mapping[str, list[Record]], wanted: Mapping[str, int]) -> None:
    """Every claim must have exactly the assessments that were asked for: none lost, none doubled."""
    found = {claim: len(records[claim]) for claim in wanted}
    if found != dict(wanted):
        wrong = {claim: (found[claim], wanted[claim]) for claim in wanted if found[claim] != wanted[claim]}
        raise RehearsalError(f"claims with (found, wanted) assessments: {wrong}")


def demand_evidence(records: Iterable[Record]) -> None:
    """What stands in a record must lead to its verdict again, and to its key."""
    for record in records:
        where, limits = f"claim {record['claim']}, {record['entry']}", record["thresholds"]
        if record["entry"] != claim_record.entry(record):
            raise RehearsalError(f"{where}: its key is not that of its evidence")
        reasons = [_reason(photo, record["labels"], limits) for photo in record["photos"]]
        told = [photo["reason"] for photo in record["photos"]]
        if reasons != told or record["reason"] != claim_rule.of_claim(reasons):
            raise RehearsalError(f"{where}: the evidence says {reasons}, the record {told} and {record['reason']}")
        if record["verdict"] != claim_rule.verdict(record["reason"]):
            raise RehearsalError(f"{where}: {record['reason']} does not lead to {record['verdict']}")
        for photo in record["photos"]:
            if not (photo["version"] and photo["etag"] and photo["detector"]["version"] and photo["assessed_at"]):
                raise RehearsalError(f"{where}: a photo lacks its version, its model or its time")


def demand_branches(counts: Counter[str]) -> None:
    """Every reason must have been seen."""
    missing = [reason for reason in claim_rule.REASONS if not counts[reason]]
    if missing:
        raise RehearsalError(f"no photo was judged {', '.join(missing)}: {dict(counts)}")


def _reason(photo: Record, labels: Mapping[str, str], limits: Mapping[str, float]) -> str:
    scores = [box["score"] for box in photo["boxes"] if box["label"] == labels["car"]]
    without = claim_rule.without_car(scores, limits["car"])
    if without:
        return without
    classes = {one["label"]: one["probability"] for one in photo["classes"]}
    return claim_rule.of_car(classes, labels["damage"], limits["damage"])
