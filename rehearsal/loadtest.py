"""``make loadtest ENV=rehearsal``: find the knee of the rehearsal's endpoint, as the operator.

Uses the rehearsal that KEEP=1 left up; else a copy of the state that the last one saved; else it rehearses as far as
the endpoint. The endpoint is held at one instance meanwhile: a knee is that of one, and on one machine a second one
takes from the first. What was not running before does not run afterwards.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from rehearsal import keeping, reached
from rehearsal.actors import actor
from rehearsal.drive import FORESEEN
from rehearsal.run import RehearsalError, Run, relative
from terraform.command import ROOT
from terraform.interrupts import catch, child, held

FAILED, INTERRUPTED = 1, 130
PATIENCE_S = 20
SETTLE_S = 120
POLL_S = 0.2
# Shorter steps than on AWS: nothing here takes minutes to settle.
SHAPE = ("--step-seconds", "5", "--settle", "1", "--min-requests", "200")


def main(arguments: list[str] | None = None) -> int:
    """Bring the rehearsal up, load it, and put everything back; returns the load test's exit status."""
    given = sys.argv[1:] if arguments is None else arguments
    at = given.index("--") if "--" in given else len(given)
    parser = reached.parser("rehearsal.loadtest", __doc__, "loadtest")
    parser.add_argument("--out", type=lambda text: Path(text).absolute(), default=ROOT / ".slipway" / "loadtest")
    chosen, ours = parser.parse_known_args(given[:at])
    try:
        with _up(chosen.folder, chosen.workload) as run, _alone(run):
            return _load(run, chosen.out, ours, given[at + 1 :])
    except FORESEEN as error:
        print(f"loadtest: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("loadtest: interrupted; everything it started has ended", file=sys.stderr)
        return INTERRUPTED


def _up(folder: Path, workload: str) -> AbstractContextManager[Run]:
    """A rehearsal whose endpoint serves, stopped afterwards unless it ran before."""
    return reached.up(folder, workload, "promote", _on_a_copy, _say)


@contextmanager
def _on_a_copy(run: Run, state: Path) -> Iterator[None]:
    """An embedded AWS on a copy of a saved state: whatever a load test does to it, the rehearsal is as it was."""
    _say(f"from the state that the last rehearsal saved in {relative(run.folder)}")
    copy = run.folder / "loadtest.state"
    served = run.aws_root / "endpoints"
    before = served.exists()
    shutil.copy2(state, copy)
    try:
        with reached.started(run, copy):
            keeping.wait_for_endpoints(run.embedded)
            yield
    finally:
        with held():
            copy.unlink(missing_ok=True)
            if not before:
                shutil.rmtree(served, ignore_errors=True)


@contextmanager
def _alone(run: Run) -> Iterator[None]:
    """Hold the endpoint at one instance: the account's owner sets its limits, and sets them back."""
    endpoint = run.data("promote")["endpoint"]
    owner = actor(run, "owner")
    scaling = owner.client("application-autoscaling")
    found = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    target = next((one for one in found if one["ResourceId"].startswith(f"endpoint/{endpoint}/")), None)
    if target is None:
        raise RehearsalError(f"endpoint {endpoint} has no limits to scale within: run `make rehearse STAGE=promote`")
    place = {name: target[name] for name in ("ServiceNamespace", "ResourceId", "ScalableDimension")}
    scaling.register_scalable_target(**place, MinCapacity=1, MaxCapacity=1)
    try:
        _wait_for_one(owner.client("sagemaker"), endpoint)
        yield
    finally:
        with held():
            scaling.register_scalable_target(
                **place, MinCapacity=target["MinCapacity"], MaxCapacity=target["MaxCapacity"]
            )


def _wait_for_one(sagemaker: Any, endpoint: str) -> None:
    deadline = time.monotonic() + SETTLE_S
    while True:
        described = sagemaker.describe_endpoint(EndpointName=endpoint)
        status = described["EndpointStatus"]
        # Without a fleet, as while it fails, there are no variants.
        count = sum(one.get("CurrentInstanceCount") or 0 for one in described.get("ProductionVariants", ()))
        if (status, count) == ("InService", 1):
            return
        if status in {"Failed", "OutOfService"} or time.monotonic() > deadline:
            why = described.get("FailureReason", f"waited {SETTLE_S} s at most")
            raise RehearsalError(
                f"endpoint {endpoint} is {status} with {count} instances, not 1 in service: {why}\n"
                "when the state was saved by an older version of this code, `make rehearse` makes a new one"
            )
        time.sleep(POLL_S)


def _load(run: Run, out: Path, ours: list[str], theirs: list[str]) -> int:
    """Run `python -m loadtest` as the operator; what follows `--` is for its generator."""
    command = [sys.executable, "-m", "loadtest", "--env", "rehearsal", "--workload", run.options.workload]
    command += ["--images", str(run.path("dataset") / "test"), "--out", str(out)]
    with child([*command, *ours, "--", *SHAPE, *theirs], patience_s=PATIENCE_S, cwd=ROOT,
               env=actor(run, "operator").env()) as process:  # fmt: skip
        return process.wait()


def _say(line: str) -> None:
    print(f"loadtest: {line}", flush=True)


if __name__ == "__main__":
    catch()
    sys.exit(main())
