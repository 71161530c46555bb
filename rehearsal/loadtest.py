"""``make loadtest ENV=rehearsal``: find the knee of the rehearsal's endpoint, as the operator.

Uses the rehearsal that KEEP=1 left up; else a copy of the state that the last one saved; else it rehearses as far as
the endpoint. The endpoint is held at one instance meanwhile: a knee is that of one, and on one machine a second one
takes from the first. What was not running before does not run afterwards.
"""

from __future__ import annotations

import argparse
import itertools
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

from rehearsal import keeping
from rehearsal.actors import actor
from rehearsal.aws.client import EmbeddedAws
from rehearsal.denials import Denials
from rehearsal.drive import FORESEEN, begun, carry_out
from rehearsal.run import (
    ACCOUNT,
    DEFAULT_FOLDER,
    REGION,
    Options,
    RehearsalError,
    Run,
    only_one,
    relative,
    start_embedded,
)
from rehearsal.stages import USES, stages_of
from terraform.command import ROOT
from terraform.interrupts import catch, child, held
from training.workloads import spec

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
    chosen, ours = _parser().parse_known_args(given[:at])
    try:
        with only_one(chosen.folder), _up(chosen.folder, chosen.workload) as run, _alone(run):
            return _load(run, chosen.out, ours, given[at + 1 :])
    except FORESEEN as error:
        print(f"loadtest: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("loadtest: interrupted; everything it started has ended", file=sys.stderr)
        return INTERRUPTED


@contextmanager
def _up(folder: Path, workload: str) -> Iterator[Run]:
    """A rehearsal whose endpoint serves, stopped afterwards unless it ran before."""
    facts = keeping.read_run(folder)
    state = _state_with_endpoint(folder) if facts and facts["workload"] == workload else None
    if facts is None or state is None:
        _say(f"no rehearsal of {workload} has an endpoint: rehearsing as far as that, which takes minutes")
        run = _rehearsed(folder, workload)
        try:
            yield run
        finally:
            run.stop_aws()
        return
    known = {field.name for field in fields(Options)}
    run = Run(folder, Options(**{name: value for name, value in facts.items() if name in known}))
    if keeping.server_of(folder):
        _say("on the rehearsal that is up")
        run.aws = EmbeddedAws(facts["embedded_aws"]["endpoint"])
        yield run
        return
    _say(f"from the state that the last rehearsal saved in {relative(folder)}")
    with _on_a_copy(run, state):
        yield run


def _state_with_endpoint(folder: Path) -> Path | None:
    """Return the saved state in which the endpoint serves: that from before the end, where the last run came to it."""
    run = Run(folder, Options())
    try:
        run.data("promote")
    except RehearsalError:
        return None
    states = (run.before_destroy / "aws.state", *(() if _passed(run, "destroy") else (run.aws_state,)))
    return next((state for state in states if state.exists()), None)


def _passed(run: Run, stage: str) -> bool:
    try:
        run.data(stage)
    except RehearsalError:
        return False
    return True


@contextmanager
def _on_a_copy(run: Run, state: Path) -> Iterator[None]:
    """An embedded AWS on a copy of a saved state: whatever a load test does to it, the rehearsal is as it was."""
    copy = run.folder / "loadtest.state"
    served = run.aws_root / "endpoints"
    before = served.exists()
    shutil.copy2(state, copy)
    try:
        with held():
            settings: dict[str, Any] = {"account_id": ACCOUNT, "region": REGION, "speed": run.options.speed}
            run.aws = start_embedded(run.aws_root, state=copy, iam="enforce", **settings)
        keeping.wait_for_endpoints(run.aws)
        yield
    finally:
        with held():
            if run.aws:
                run.aws.stop()
            copy.unlink(missing_ok=True)
            if not before:
                shutil.rmtree(served, ignore_errors=True)


def _rehearsed(folder: Path, workload: str) -> Run:
    """Rehearse as far as the endpoint; the embedded AWS runs afterwards."""
    run = begun(folder, Options(workload=workload))
    denials = Denials(run.denials)
    try:
        needed = itertools.takewhile(lambda name: name not in USES.values(), stages_of(run.workloads[-1]))
        if not all(carry_out(run, name, denials) for name in needed):
            raise RehearsalError("the rehearsal failed before there was an endpoint to load")
    except BaseException:
        with held():
            run.record_run("failed")
            if run.aws:
                run.stop_aws()
        raise
    run.record_run("passed")
    return run


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


def _parser() -> argparse.ArgumentParser:
    first, _, rest = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(
        prog="python -m rehearsal.loadtest",
        description=first,
        epilog=rest + "\nAll other arguments are those of `python -m loadtest`.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--workload", choices=spec.names(), default=Options().workload)
    parser.add_argument("--folder", type=lambda text: Path(text).absolute(), default=DEFAULT_FOLDER)
    parser.add_argument("--out", type=lambda text: Path(text).absolute(), default=ROOT / ".slipway" / "loadtest")
    return parser


if __name__ == "__main__":
    catch()
    sys.exit(main())
