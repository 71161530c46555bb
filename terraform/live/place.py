"""A real environment as a `change.Place`: its settings, the caller's own credentials, the ledger beside its state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from terraform.live.change import Place
from terraform.live.ledger import Ledger
from terraform.stacks.names import Names
from terraform.stacks.settings import Settings, load_settings

MODELS = "models.auto.tfvars.json"


def of(environment: str, folder: Path, state: Callable[[], Mapping[str, Any]]) -> Place:
    """The place of an environment that keeps its state in a bucket; AWS is reached as its own tools reach it."""
    import boto3  # noqa: PLC0415  (half a second, which usage and mistakes need not wait for)

    settings = load_settings(folder / "settings.yaml", f"terraform/environments/{environment}/settings.yaml")
    session = boto3.Session(region_name=settings.region)
    return Place(
        models=folder / MODELS,
        endpoints=endpoint_names(settings),
        session=session,
        ledger=beside_state(settings, session),
        state=state,
        note=print,
    )


def endpoint_names(settings: Settings) -> dict[str, str]:
    """Name of the endpoint of each workload."""
    names = Names(settings.environment, settings.account_id, settings.region)
    return {workload: names.workload(workload) for workload in sorted(settings.workloads)}


def beside_state(settings: Settings, session: Any) -> Ledger:
    """The ledger's place: a folder beside the state's own object."""
    if settings.state.s3 is None:
        raise ValueError(f"{settings.environment} keeps no state in a bucket, so it has no place for a ledger")
    folder, _, _ = settings.state.s3.key.rpartition("/")
    return Ledger(session, settings.state.s3.bucket, f"{folder or settings.environment}/verified/")


def aws_errors() -> tuple[type[Exception], ...]:
    """What the calls to AWS may raise."""
    from boto3.exceptions import Boto3Error  # noqa: PLC0415  (see `of`)
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    return BotoCoreError, ClientError, Boto3Error
