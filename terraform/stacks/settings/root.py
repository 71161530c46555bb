"""The whole of one environment's settings."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from terraform.stacks.settings.account import Alerts, Boundary, Keys, Logs, Loosened, OutsideAccess, People, State
from terraform.stacks.settings.base import AccountId, Name, Region, RoleArn, Strict
from terraform.stacks.settings.network import Network
from terraform.stacks.settings.workload import Workload

# https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html: the regional quota of an established
# account, and the part of it that no function may reserve.
DEFAULT_CONCURRENCY_QUOTA = 1000
UNRESERVED_CONCURRENCY = 100

EnvironmentName = Literal["dev", "staging", "prod", "rehearsal"]


class Settings(Strict):
    """One environment: where it runs, who owns it, how large it is and what it gives up."""

    environment: EnvironmentName
    account_id: AccountId
    region: Region
    owner: Annotated[str, Field(min_length=1)]
    production: bool
    administrators: tuple[RoleArn, ...]
    boundary: Boundary
    state: State
    network: Network
    keys: Keys = Keys()
    logs: Logs = Logs()
    alerts: Alerts = Alerts()
    people: People = People()
    outside_access: tuple[OutsideAccess, ...] = ()
    loosened: Loosened = Loosened()
    concurrency_quota: Annotated[int, Field(gt=UNRESERVED_CONCURRENCY)] = DEFAULT_CONCURRENCY_QUOTA
    workloads: Annotated[dict[Name, Workload], Field(min_length=1)]
