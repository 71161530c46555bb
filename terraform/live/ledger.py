"""Which models were verified live, and when: one small object for each, written once, beside Terraform's state.

Beside the state, because it is as lasting as the state and guarded like it: a lost laptop loses nothing, the pipeline
needs no right to push to git, and nobody else may write there. ADR 0015 weighs the other places.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from terraform.command import TerraformError
from terraform.live.models import Models, same


@dataclass(frozen=True)
class Ledger:
    """Where the entries lie; ``session`` is a ``boto3.Session`` or anything with its ``client``."""

    session: Any
    bucket: str
    prefix: str


@dataclass(frozen=True)
class Entry:
    """One verified deployment: the models that were live, and, after a rollback, those that they took the place of."""

    at: str
    models: Models
    instead_of: Models = field(default_factory=dict)
    by: str = ""


def entries(ledger: Ledger) -> Iterator[Entry]:
    """Yield the entries, the newest first."""
    s3 = ledger.session.client("s3")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=ledger.bucket, Prefix=ledger.prefix)
    keys = sorted((item["Key"] for page in pages for item in page.get("Contents", [])), reverse=True)
    for key in keys:
        body = s3.get_object(Bucket=ledger.bucket, Key=key)["Body"].read()
        try:
            entry = json.loads(body)
            yield Entry(entry["at"], entry["models"], entry.get("instead_of", {}), entry.get("by", ""))
        except (ValueError, KeyError, TypeError) as error:
            raise TerraformError(
                f"s3://{ledger.bucket}/{key} is no entry of the ledger ({error!r}): the bucket keeps its earlier "
                "versions, restore one, or name the version to go back to (TO=)"
            ) from None


def record(ledger: Ledger, models: Models, instead_of: Models | None = None) -> bool:
    """Write down that these models were verified live; returns whether there was anything new to write."""
    if not models:
        return False
    newest = next(entries(ledger), None)
    known = newest.models if newest and not instead_of else {}
    if known.keys() == models.keys() and all(same(known[name], model) for name, model in models.items()):
        return False
    now = datetime.now(UTC)
    who = ledger.session.client("sts").get_caller_identity()["Arn"]
    entry = {"at": now.isoformat(timespec="seconds"), "by": who, "models": models, "instead_of": instead_of or {}}
    ledger.session.client("s3").put_object(
        Bucket=ledger.bucket,
        Key=f"{ledger.prefix}{now:%Y%m%dT%H%M%S.%f}Z.json",
        Body=json.dumps(entry, indent=1, sort_keys=True).encode(),
        ContentType="application/json",
        IfNoneMatch="*",  # an entry is never overwritten, whatever the clock says
    )
    return True
