"""Keys: an ARN names a key wherever its id does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize("by", ["KeyId", "Arn"])
def test_a_key_is_scheduled_for_deletion_by_id_and_by_arn(client: Callable[[str], Any], by: str) -> None:
    kms = client("kms")
    key = kms.create_key()["KeyMetadata"]
    kms.schedule_key_deletion(KeyId=key[by], PendingWindowInDays=7)
    assert kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["KeyState"] == "PendingDeletion"
    with pytest.raises(kms.exceptions.NotFoundException):
        kms.schedule_key_deletion(KeyId=key["Arn"][:-1] + "x", PendingWindowInDays=7)
