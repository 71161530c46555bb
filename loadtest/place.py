"""The environment that is tested: its endpoint, whether the credentials are of its account, and its staged images."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from loadtest.capacity import settings_file
from loadtest.errors import LoadUsageError
from loadtest.payloads import CONTENT_TYPES
from loadtest.workload import WORKLOADS

ENVIRONMENTS = Path(__file__).resolve().parent.parent / "terraform" / "environments"
# Enough that no cache answers for the model, few enough to be there within seconds.
MOST_IMAGES = 100


@dataclass(frozen=True)
class Place:
    """An environment of `terraform/environments`."""

    name: str
    account: str
    region: str
    production: bool

    def endpoint(self, workload: str) -> str:
        """Return the name of a workload's endpoint."""
        return f"slipway-{self.name}-{workload}"

    @property
    def data_bucket(self) -> str:
        return f"slipway-{self.name}-{self.account}-data"


def place(name: str) -> Place:
    """Return an environment by its name.

    Raises
    ------
    LoadUsageError
        There is none of that name; those that exist are named.
    """
    known = sorted(path.parent.name for path in ENVIRONMENTS.glob("*/settings.yaml"))
    if name not in known:
        raise LoadUsageError("ENV", name, f"name one of {', '.join(known)}")
    settings = settings_file.load(ENVIRONMENTS / name / "settings.yaml")
    return Place(name, str(settings["account_id"]), str(settings["region"]), bool(settings.get("production", True)))


def session(where: Place) -> Session:
    """Return a session in the environment's region, with credentials of its account.

    Raises
    ------
    LoadUsageError
        There are none, or they belong to another account: a load test must never hit what it was not aimed at.
    """
    os.environ["AWS_REGION"] = os.environ["AWS_DEFAULT_REGION"] = where.region
    made = Session()
    remedy = f"sign in to account {where.account} ({where.name}) first, such as with AWS_PROFILE=..."
    if made.get_credentials() is None:
        raise LoadUsageError("credentials", None, remedy)
    try:
        account = made.create_client("sts", region_name=where.region).get_caller_identity()["Account"]
    except (BotoCoreError, ClientError) as error:
        raise LoadUsageError("credentials", str(error), remedy) from None
    if account != where.account:
        raise LoadUsageError("account", account, remedy)
    return made


def staged_images(where: Place, workload: str, made: Session, folder: Path) -> Path:
    """Fetch images of a workload's staged test set into a folder and return it.

    Raises
    ------
    LoadUsageError
        There are none, or they may not be read; both times a folder of images can be named instead.
    """
    spec = yaml.safe_load((WORKLOADS / workload / "workload.yaml").read_text(encoding="utf-8"))
    prefix = spec["data"]["channels"]["test"]["prefix"]
    source = f"s3://{where.data_bucket}/{prefix}"
    s3 = made.create_client("s3", region_name=where.region)
    try:
        keys = _images(s3, where.data_bucket, prefix)
        if not keys:
            raise LoadUsageError("images", source, "nothing is staged there: stage the data, or give IMAGES=DIR")
        folder.mkdir(parents=True, exist_ok=True)
        for number, key in enumerate(keys):
            body = s3.get_object(Bucket=where.data_bucket, Key=key)["Body"].read()
            (folder / f"{number:03d}{Path(key).suffix}").write_bytes(body)
    except (BotoCoreError, ClientError) as error:
        raise LoadUsageError("images", source, f"give IMAGES=DIR, as these cannot be read ({error})") from None
    return folder


def _images(s3: Any, bucket: str, prefix: str) -> list[str]:
    """Return keys of images, from all over the prefix: classes stand one after the other."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    keys = [entry["Key"] for page in pages for entry in page.get("Contents", ())]
    found = [key for key in keys if Path(key).suffix.lower() in CONTENT_TYPES]
    return found[:: max(1, len(found) // MOST_IMAGES)][:MOST_IMAGES]
