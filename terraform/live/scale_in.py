"""No endpoint is scaled in around a change of its model.

SageMaker blocks autoscaling while an endpoint is being updated
(https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-scaling-update.html), but not in the minutes around it. A
scale-in that begins just before makes Terraform's update fail, since an endpoint takes one change at a time; one that
begins just after takes instances from a fleet nobody has verified, on figures of the fleet before. So:

    with protected(["slipway-prod-vehicles"], session, note=print):
        ...  # read the live counts, plan, apply, verify

Scale-out stays on: load that grows meanwhile must be served. Names without a scalable target (a first apply) are fine.

What is found suspended at the end is resumed, whoever suspended it: the settings know no suspension, so what is left is
that of an apply that was killed, and the next one mends it. Needs application-autoscaling:DescribeScalableTargets and
RegisterScalableTarget, and sagemaker:DescribeEndpoint. Terraform leaves the suspension alone: a plan made meanwhile is
as empty as one made afterwards.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from terraform.interrupts import held

SUSPENDED = "DynamicScalingInSuspended"
# https://docs.aws.amazon.com/autoscaling/application/APIReference/API_SuspendedState.html; what is not given is false.
MEMBERS = (SUSPENDED, "DynamicScalingOutSuspended", "ScheduledScalingSuspended")
IDENTITY = ("ServiceNamespace", "ResourceId", "ScalableDimension")
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeEndpoint.html; nothing: no such endpoint.
AT_REST = ("", "InService", "OutOfService", "Failed", "UpdateRollbackFailed")
SETTLE_S, POLL_S = 1800.0, 5.0

Note = Callable[[str], object]


class ScaleInError(RuntimeError):
    """An endpoint that does not come to rest, or a suspension that could not be lifted; the message says what to do."""


def request(target: Mapping[str, Any], *, suspended: bool) -> dict[str, Any] | None:
    """Return the arguments of RegisterScalableTarget that suspend or resume scale-in; None where nothing is to change.

    Parameters
    ----------
    target
        An entry of DescribeScalableTargets. Limits are left out, so they stay; other suspensions are repeated.
    """
    state = {member: bool((target.get("SuspendedState") or {}).get(member)) for member in MEMBERS}
    if state[SUSPENDED] == suspended:
        return None
    return {key: target[key] for key in IDENTITY} | {"SuspendedState": state | {SUSPENDED: suspended}}


def of_endpoints(targets: Iterable[Mapping[str, Any]], endpoints: Collection[str]) -> list[Mapping[str, Any]]:
    """Choose the targets that are variants of these endpoints: endpoint/<name>/variant/<variant>."""
    wanted = {f"endpoint/{name}/variant" for name in endpoints}
    return [target for target in targets if target["ResourceId"].rpartition("/")[0] in wanted]


def suspended(endpoints: Collection[str], session: Any) -> list[str]:
    """Name the scalable targets whose scale-in is suspended now; outside of a change there should be none."""
    targets = _targets(_autoscaling(session), endpoints)
    return [target["ResourceId"] for target in targets if request(target, suspended=True) is None]


@contextmanager
def protected(
    endpoints: Collection[str], session: Any, *, note: Note = print, settle_s: float = SETTLE_S, poll_s: float = POLL_S
) -> Iterator[None]:
    """Suspend scale-in of these endpoints for the time of a block, and begin it when all of them are at rest.

    Parameters
    ----------
    endpoints
        Names; of those that do not exist nothing is asked.
    session
        A ``boto3.Session``.
    note
        Takes a line for the person who waits.

    Raises
    ------
    ScaleInError
        When an endpoint is still changing after ``settle_s``, or scale-in could not be resumed. A fault of the block
        itself is raised as it is, with a note about what stays suspended.
    """
    client = _autoscaling(session)
    try:
        for target in _targets(client, endpoints):
            if asked := request(target, suspended=True):
                client.register_scalable_target(**asked)
                note(f"scale-in of {target['ResourceId']} is suspended for the time of this change")
            else:
                note(f"scale-in of {target['ResourceId']} was suspended already; it is resumed after this change")
        settle(endpoints, session, note=note, settle_s=settle_s, poll_s=poll_s)
        yield
    except BaseException as fault:
        if left := _resume(client, endpoints, note):
            fault.add_note(left)
        raise
    if left := _resume(client, endpoints, note):
        raise ScaleInError(left)


def settle(
    endpoints: Collection[str], session: Any, *, note: Note = print, settle_s: float = SETTLE_S, poll_s: float = POLL_S
) -> None:
    """Wait until none of these endpoints is changing: an update is refused while another one, or a scaling, runs.

    Raises
    ------
    ScaleInError
        Naming those that still are after ``settle_s``.
    """
    client, deadline, told = session.client("sagemaker"), time.monotonic() + settle_s, False
    while changing := [name for name in endpoints if _status(client, name) not in AT_REST]:
        if time.monotonic() > deadline:
            raise ScaleInError(
                f"{', '.join(changing)}: still changing after {settle_s:g} s; expected InService. Look at "
                f"DescribeEndpoint and the scaling activities, and apply again when it is at rest"
            )
        if not told:
            note(f"waiting until {', '.join(changing)} has done its present change")
            told = True
        time.sleep(poll_s)


def _resume(client: Any, endpoints: Collection[str], note: Note) -> str:
    """Resume what can be resumed, uninterrupted; return what to say about the rest."""
    with held():
        try:
            targets = _targets(client, endpoints)
        except Exception as error:
            return f"scale-in of {', '.join(endpoints)} may still be suspended ({error}): apply again to resume it"
        faults = []
        for target in targets:
            try:
                if asked := request(target, suspended=False):
                    client.register_scalable_target(**asked)
                    note(f"scale-in of {target['ResourceId']} is on again")
            except Exception as error:
                faults.append(f"{target['ResourceId']} ({error})")
        return f"scale-in is still suspended: {'; '.join(faults)}: apply again to resume it" if faults else ""


def _targets(client: Any, endpoints: Collection[str]) -> list[Mapping[str, Any]]:
    pages = client.get_paginator("describe_scalable_targets").paginate(ServiceNamespace="sagemaker")
    return of_endpoints((target for page in pages for target in page["ScalableTargets"]), endpoints)


def _status(client: Any, name: str) -> str:
    """Return an endpoint's status, or nothing for one that does not exist."""
    try:
        status: str = client.describe_endpoint(EndpointName=name)["EndpointStatus"]
    except client.exceptions.ClientError as error:
        if error.response["Error"]["Code"] == "ValidationException":
            return ""
        raise
    return status


def _autoscaling(session: Any) -> Any:
    # The session may carry retries of its own; here a lost call leaves a fleet that never shrinks.
    from botocore.config import Config  # noqa: PLC0415  (Terraform's other commands do without it)

    return session.client(
        "application-autoscaling", config=Config(retries={"mode": "standard", "total_max_attempts": 8})
    )
