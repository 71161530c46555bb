"""KMS: what moto finds only by a key's bare id."""

from __future__ import annotations

from typing import Any


def install() -> None:
    """Replace what moto does on its backend."""
    from moto.kms.models import KmsBackend

    schedule = KmsBackend.schedule_key_deletion

    def schedule_key_deletion(self: Any, key_id: str, pending_window_in_days: int) -> float:
        """Take an ARN as well: https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html."""
        return schedule(self, self.get_key_id(key_id), pending_window_in_days)

    KmsBackend.schedule_key_deletion = schedule_key_deletion
