"""CloudWatch Logs: a log group whose key does not let Logs in is refused."""

from __future__ import annotations

from typing import Any

from moto.logs.exceptions import InvalidParameterException
from moto.logs.models import LogsBackend

from rehearsal.aws.iam import decide
from rehearsal.aws.iam.decide import AccessDeniedError
from rehearsal.aws.iam.duties import DUTIES
from rehearsal.aws.iam.mapping import Check


class KeyDeniedError(InvalidParameterException):
    """AWS's answer to a key that Logs may not use."""

    def __init__(self, key: str, group: str) -> None:
        super().__init__(constraint="", parameter="kmsKeyId", value=key)
        self.message = f"The specified KMS key does not exist or is not allowed to be used with Arn '{group}'"


def install() -> None:
    """Change moto's operation."""
    create = LogsBackend.create_log_group

    def create_log_group(self: Any, log_group_name: str, *args: Any, **kwargs: Any) -> Any:
        key = kwargs.get("kmsKeyId")
        if key:
            group = f"arn:aws:logs:{self.region_name}:{self.account_id}:log-group:{log_group_name}"
            _demand(self.region_name, self.account_id, str(key), group)
        return create(self, log_group_name, *args, **kwargs)

    LogsBackend.create_log_group = create_log_group


def _demand(region: str, account: str, key: str, group: str) -> None:
    duty = DUTIES["log group key"]
    context: dict[str, str | list[str]] = {
        "kms:EncryptionContext:aws:logs:arn": group,
        "kms:EncryptionContextKeys": ["aws:logs:arn"],
    }
    needed = [Check(action, key) for action in duty.actions]
    try:
        decide.as_service(duty.service.format(region=region), "CreateLogGroup", needed, source=group, keys=context)
    except AccessDeniedError as error:
        raise KeyDeniedError(key, group) from error
