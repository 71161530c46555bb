"""S3 as SageMaker uses it: always with the execution role's own credentials, so that missing grants show."""

from __future__ import annotations

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from rehearsal.aws.context import Acting, Context

_DOWNLOADS = 4  # at a time; more only contend for the server's interpreter lock


_making = threading.Lock()  # boto3's default session is not made for threads that create clients at the same time


def client(context: Context, acting: Acting) -> Any:
    """Return an S3 client that acts as the execution role."""
    with _making:
        return context.role_client("s3", acting, max_pool_connections=_DOWNLOADS)


def split(uri: str) -> tuple[str, str]:
    """Return bucket and key of ``s3://bucket/key``.

    Raises
    ------
    ValueError
        When it is no S3 URI.
    """
    if not uri.startswith("s3://"):
        raise ValueError(f"expected an S3 URI such as s3://bucket/prefix, got {uri!r}")
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def keys(s3: Any, bucket: str, prefix: str) -> list[str]:
    """Return the keys below ``prefix`` in order; folder markers are left out."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [item["Key"] for page in pages for item in page.get("Contents", []) if not item["Key"].endswith("/")]


def download(s3: Any, bucket: str, key: str, target: Path) -> None:
    """Write one object to ``target``."""
    target.parent.mkdir(parents=True, exist_ok=True)
    body = s3.get_object(Bucket=bucket, Key=key)["Body"]
    with target.open("wb") as out:
        shutil.copyfileobj(body, out)


def download_all(s3: Any, bucket: str, targets: Iterable[tuple[str, Path]]) -> None:
    """Download (key, target) pairs, a few at a time."""
    with ThreadPoolExecutor(_DOWNLOADS) as pool:
        for done in [pool.submit(download, s3, bucket, key, target) for key, target in targets]:
            done.result()


def upload(s3: Any, source: Path, uri: str, kms_key_id: str | None = None) -> None:
    """Upload a file, encrypted with the given key or else as the bucket's default says."""
    bucket, key = split(uri)
    s3.upload_file(str(source), bucket, key, ExtraArgs=encryption(kms_key_id))


def encryption(kms_key_id: str | None) -> dict[str, str]:
    """Return the request members that ask for encryption with a customer's key."""
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key_id} if kms_key_id else {}


def keep(context: Context, bucket: str, key: str, body: bytes) -> None:
    """Put an object straight into moto's storage, for the moments in which this server answers no more."""
    from moto.s3.models import s3_backends

    s3_backends[context.account_id]["aws"].put_object(bucket, key, body)
