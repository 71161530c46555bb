"""DynamoDB: one item put where there is none yet, with DynamoDB's errors turned into the ones the workflow knows.

The wire is DynamoDB's low-level API, in which every value carries its type:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.LowLevelAPI.html
"""

from __future__ import annotations

import json
import math
from typing import Any

from .answers import AwsError, CallError
from .aws import Connection, Request
from .endpoints import DYNAMODB, service_url
from .errors import InvalidEvent, RecordTooLarge, StorageUnavailable, TableUnusable

# An item has at most 400 KB, names included; its JSON with types is never shorter than what DynamoDB counts.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
LARGEST_ITEM = 400_000
_JSON = "application/x-amz-json-1.0"
_API = "DynamoDB_20120810"


def put_new(
    connection: Connection, context: Any, table: str, item: dict[str, Any], partition_key: str
) -> dict[str, Any] | None:
    """Put an item unless one with its keys is there; DynamoDB decides between writers that come at once.

    Returns
    -------
    dict or None
        The item that was there already, or None: then this one is.

    Raises
    ------
    RecordTooLarge, TableUnusable, InvalidEvent
        Not worth a retry.
    StorageUnavailable, OutOfTime
        Worth a retry: what was written is found then.
    """
    request = {
        "TableName": table,
        "Item": {name: typed(value, name) for name, value in item.items()},
        "ConditionExpression": "attribute_not_exists(#key)",
        "ExpressionAttributeNames": {"#key": partition_key},
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    body = json.dumps(request, ensure_ascii=False, separators=(",", ":")).encode()
    if len(body) > LARGEST_ITEM:
        raise RecordTooLarge("item", len(body), f"is above {LARGEST_ITEM} bytes", "Submit fewer photos at once")
    headers = {"Content-Type": _JSON, "X-Amz-Target": f"{_API}.PutItem"}
    try:
        connection.call(context, Request(DYNAMODB, "POST", service_url(DYNAMODB), headers, body, len(body)))
    except AwsError as error:
        if error.code == "ConditionalCheckFailedException":
            return {name: plain(value) for name, value in error.fields.get("Item", {}).items()}
        if error.passing:
            raise StorageUnavailable("table", table, f"DynamoDB answered {error.code}", "Try again later") from None
        raise TableUnusable(
            "table",
            table,
            f"DynamoDB answered {error.code}",
            "Check TABLE_NAME, and that the role, the table's policy and its key allow writing",
        ) from None
    except CallError as error:
        raise StorageUnavailable("table", table, f"DynamoDB gave no answer ({error})", "Try again later") from None
    return None


def typed(value: Any, name: str) -> dict[str, Any]:
    """Return a value of JSON with DynamoDB's type beside it; ``name`` is where it stands, for errors.

    Raises
    ------
    InvalidEvent
        NaN, an infinity, or something that JSON does not know.
    """
    if value is None:
        return {"NULL": True}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return {"N": repr(value)}
    if isinstance(value, list):
        return {"L": [typed(one, f"{name}[{number}]") for number, one in enumerate(value)]}
    if isinstance(value, dict):
        return {"M": {str(key): typed(one, f"{name}.{key}") for key, one in value.items()}}
    raise InvalidEvent(name, value, "cannot stand in a record", "Give text, finite numbers, lists and objects")


def plain(value: dict[str, Any]) -> Any:
    """Return the value of JSON that `typed` wrote."""
    ((kind, content),) = value.items()
    if kind == "L":
        return [plain(one) for one in content]
    if kind == "M":
        return {name: plain(one) for name, one in content.items()}
    if kind == "N":
        return float(content) if {".", "e", "E"} & set(content) else int(content)
    return None if kind == "NULL" else content
