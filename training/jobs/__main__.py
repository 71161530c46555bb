"""`python -m training.jobs`: training and tuning jobs of a workload in an environment.

Each request lies in the secure envelope, is checked against AWS's own model, and says what it may cost.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.errors import InputError, JobError
from training.jobs import client, cost, environment, follow, names, search, status, training, tuning
from training.jobs import plan as plans
from training.jobs.show import Screen
from training.workloads import spec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from training.jobs.environment import Environment
    from training.workloads.description import Tuning

FINE, FAILED, BAD_USAGE, INTERRUPTED = 0, 1, 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0 when it went well, 1 when a job failed, 2 for a mistake, 130 when interrupted."""
    chosen = parser().parse_args(argv)
    screen = Screen(sys.stdout)
    try:
        workload = spec.load(chosen.workload)
        where = environment.load(chosen.env, workload.name, outputs=chosen.outputs, settings=chosen.settings)
        code: int = chosen.run(chosen, workload, where, screen)
    except InputError as error:
        screen.end()
        print(f"error: {error}", file=sys.stderr)
        return BAD_USAGE
    except follow.JobFailedError as error:
        print(f"error: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        screen.end()
        print(
            "no longer followed; the job goes on: `make status` shows it, `make stop` with JOB= ends it",
            file=sys.stderr,
        )
        return INTERRUPTED
    return code


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m training.jobs", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    train = commands.add_parser("train", help="train once: send the request, follow the log, show what came out")
    tune = commands.add_parser("tune", help="search the hyperparameters of the workload's training.tuning")
    for command, run in ((train, _train), (tune, _tune)):
        _add_wishes(command)
        command.set_defaults(run=run)
    tune.add_argument("--max-jobs", type=int, help="trials in all, in place of the workload's")
    tune.add_argument("--max-parallel", type=int, help="trials at a time, in place of the workload's")
    tune.add_argument("--seed", type=int, help="makes the same search again, as far as SageMaker can")
    listed = commands.add_parser("status", help="recent jobs with state, metrics and cost")
    listed.add_argument("--limit", type=int, default=10, help="how many (default: 10)")
    listed.set_defaults(run=_status)
    stopped = commands.add_parser("stop", help="stop one job by its name")
    stopped.add_argument("--job", required=True, help="name of a training or tuning job, or of a trial")
    stopped.set_defaults(run=_stop)
    for command in (train, tune, listed, stopped):
        command.add_argument("--workload", required=True, help="a folder of training/workloads")
        command.add_argument("--env", required=True, help=f"one of {', '.join(environment.names())}")
        command.add_argument("--outputs", type=Path, help="file of `terraform output -json` (default: asks Terraform)")
        command.add_argument("--settings", type=Path, help="in place of the environment's settings.yaml")
    return top


def _add_wishes(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="a hyperparameter; repeatable"
    )
    command.add_argument(
        "--code", default="", help="S3 URI of a sourcedir.tar.gz (default: packs and uploads the code)"
    )
    command.add_argument("--dataset", default="", help="S3 URI of a dataset below the workload's usual one")
    command.add_argument("--instance-type", help="in place of the workload's, out of training/instances.yaml")
    command.add_argument("--instance-count", type=int)
    command.add_argument("--max-runtime-s", type=int, help="seconds until the job is ended")
    command.add_argument("--spot", action="store_true", default=None, help="on spare capacity")
    command.add_argument("--warm-s", type=int, help="seconds for which the instances are kept for the next job")
    command.add_argument(
        "--price", type=float, help="US dollars of an instance-hour, where training/jobs/prices.yaml has none"
    )
    command.add_argument("--max-cost", type=float, help="refuse a job that may cost more, in US dollars")
    command.add_argument("--show", action="store_true", help="print the request and its cost, and send nothing")
    command.add_argument("--detach", action="store_true", help="send the request and do not follow the job")
    command.add_argument("--poll-s", type=float, default=follow.POLL_S, help=argparse.SUPPRESS)


def _train(chosen: argparse.Namespace, workload: Any, where: Environment, screen: Screen) -> int:
    job = names.job_name(where)
    clients = None if chosen.show else client.connect(where)
    request = training.request(_plan(chosen, workload, where, clients), job)
    one = _price(chosen, where, request["ResourceConfig"])
    _tell(request, cost.told(request, one, chosen.max_cost), screen, whole=chosen.show)
    if clients is None:
        return FINE
    client.send(clients.sagemaker, training.OPERATION, request)
    screen.print(f"training job {job}")
    if not chosen.detach:
        follow.training_job(clients, job, workload.training.metrics, screen, one, poll_s=chosen.poll_s)
    return FINE


def _tune(chosen: argparse.Namespace, workload: Any, where: Environment, screen: Screen) -> int:
    job = names.tuning_name(where)
    clients = None if chosen.show else client.connect(where)
    planned = _plan(chosen, workload, where, clients)
    request = tuning.request(planned, job, search=_search(chosen, workload.training.tuning), seed=chosen.seed)
    one = _price(chosen, where, request["TrainingJobDefinition"]["ResourceConfig"])
    _tell(request, cost.told(request, one, chosen.max_cost), screen, whole=chosen.show)
    if clients is None:
        return FINE
    client.send(clients.sagemaker, tuning.OPERATION, request)
    screen.print(f"tuning job {job}")
    if not chosen.detach:
        search.tuning_job(clients, job, screen, one, poll_s=chosen.poll_s)
    return FINE


def _status(chosen: argparse.Namespace, workload: Any, where: Environment, screen: Screen) -> int:
    if not 1 <= chosen.limit <= 100:
        raise JobError("--limit", chosen.limit, "must lie between 1 and 100")
    shown = list(dict.fromkeys([workload.training.gate.metric, *_objective(workload)]))
    status.recent(client.connect(where), where, shown, screen, chosen.limit)
    return FINE


def _stop(chosen: argparse.Namespace, workload: Any, where: Environment, screen: Screen) -> int:  # noqa: ARG001
    status.stop(client.connect(where), where, chosen.job, screen)
    return FINE


def _plan(chosen: argparse.Namespace, workload: Any, where: Environment, clients: client.Clients | None) -> plans.Plan:
    wanted = {
        "type": chosen.instance_type,
        "count": chosen.instance_count,
        "max_runtime_s": chosen.max_runtime_s,
        "spot": chosen.spot,
        "warm_s": chosen.warm_s,
    }
    given = {
        "hyperparameters": dict(_pair(text) for text in chosen.set),
        "machines": {name: value for name, value in wanted.items() if value is not None},
        "dataset": chosen.dataset,
    }
    if chosen.code:
        return plans.plan(workload, where, code=chosen.code, **given)
    with tempfile.TemporaryDirectory() as folder:
        code, _ = client.code_uri(workload, where, Path(folder))
    # Decided before anything is uploaded: a wish that cannot be met leaves nothing behind.
    planned = plans.plan(workload, where, code=code, **given)
    if clients is not None:
        client.upload_code(workload, where, clients.s3)
    return planned


def _price(chosen: argparse.Namespace, where: Environment, machines: Any) -> cost.Price | None:
    found = cost.price(where.region, machines["InstanceType"], chosen.price)
    if found and where.name == "rehearsal":
        return replace(found, source=f"{found.source}; a rehearsal itself costs nothing")
    return found


def _tell(request: Any, price: str, screen: Screen, *, whole: bool) -> None:
    if whole:
        screen.print(json.dumps(request, indent=2))
    screen.print(price)


def _search(chosen: argparse.Namespace, usual: Tuning | None) -> Tuning | None:
    wanted = {"max_jobs": chosen.max_jobs, "max_parallel": chosen.max_parallel}
    given = {name: value for name, value in wanted.items() if value is not None}
    return replace(usual, **given) if usual else None


def _objective(workload: Any) -> list[str]:
    return [workload.training.tuning.objective.metric] if workload.training.tuning else []


def _pair(text: str) -> tuple[str, str]:
    found = re.fullmatch(r"([a-z][a-z0-9_]*)=(.*)", text)
    if found is None:
        raise JobError("--set", text, "write it as NAME=VALUE, such as epochs=3")
    return found[1], found[2]


if __name__ == "__main__":
    sys.exit(main())
