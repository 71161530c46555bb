"""Make the calls, many at once, and keep what each was answered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError

from rehearsal.prove.forbidden.attempt import Answer, Attempt
from rehearsal.prove.forbidden.sessions import Clients
from rehearsal.prove.forbidden.world import Neighbour

AT_ONCE = 8
MALFORMED = "malformed"
"""Stands for an answer where our own client refused to send the request."""


def carry_out(
    attempts: Iterable[Attempt],
    clients: Clients,
    *,
    note: Callable[[int], None],
    at_once: int = AT_ONCE,
) -> list[Answer]:
    """Make every call with its role's session and return the answers in order."""
    attempts = list(attempts)
    needed = dict.fromkeys((a.role, a.service, a.way) for a in attempts)
    made = {key: clients.make(*key) for key in needed}

    def make(attempt: Attempt) -> Answer:
        return _make(made[attempt.role, attempt.service, attempt.way], attempt)

    answers = []
    with ThreadPoolExecutor(at_once) as pool:
        for answer in pool.map(make, attempts):
            answers.append(answer)
            note(len(answers))
    return answers


def _make(made: Any, attempt: Attempt) -> Answer:
    try:
        getattr(made, xform_name(attempt.operation))(**attempt.parameters)
    except ClientError as error:
        told = error.response["Error"]
        return Answer(attempt, str(told.get("Code") or "unknown"), str(told.get("Message") or ""))
    except BotoCoreError as error:
        return Answer(attempt, MALFORMED, str(error))
    return Answer(attempt, "")


@contextmanager
def neighbour(owner: Callable[[str], Any], region: str) -> Iterator[Neighbour]:
    """Somebody else's bucket, key and role, made by the account's owner and gone afterwards."""
    s3, kms, iam = owner("s3"), owner("kms"), owner("iam")
    account = owner("sts").get_caller_identity()["Account"]
    bucket, role = f"neighbour-{account}", "neighbour"
    trust = (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",'
        f'"Principal":{{"AWS":"arn:aws:iam::{account}:root"}}}}]}}'
    )
    made = kms.create_key(Description="Somebody else's")["KeyMetadata"]
    key = made["Arn"]
    try:
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region})
        s3.put_object(Bucket=bucket, Key="object", Body=b"somebody else's")
        arn = iam.create_role(RoleName=role, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        secret = kms.encrypt(KeyId=key, Plaintext=b"somebody else's")["CiphertextBlob"]
        yield Neighbour(bucket, key, arn, secret)
    finally:
        kms.schedule_key_deletion(KeyId=made["KeyId"], PendingWindowInDays=7)
        for undo in (
            lambda: s3.delete_object(Bucket=bucket, Key="object"),
            lambda: s3.delete_bucket(Bucket=bucket),
            lambda: iam.delete_role(RoleName=role),
        ):
            try:
                undo()
            except ClientError as error:
                if error.response["Error"]["Code"] not in ("NoSuchBucket", "NoSuchKey", "NoSuchEntity"):
                    raise
