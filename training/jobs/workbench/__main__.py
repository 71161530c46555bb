"""`python -m training.jobs.workbench`: train a workload on its workbench, an instance of EC2.

Exit codes: 0 done; 1 the job failed or the workbench was switched off; 2 what was asked for is wrong.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.errors import InputError, JobError
from training.jobs import client, environment, names
from training.jobs.show import clean
from training.jobs.workbench import start
from training.workloads import spec

if TYPE_CHECKING:
    from collections.abc import Sequence

FAILED, REFUSED = 1, 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; see the module's docstring for exit codes."""
    arguments = _parser().parse_args(argv)
    try:
        return _train(arguments)
    except InputError as error:
        sys.stderr.write(f"error: {error}\n")
    except KeyboardInterrupt:
        sys.stderr.write("no longer followed; the job goes on until it ends or the workbench is switched off (--off)\n")
        return FAILED
    return REFUSED


def _train(arguments: argparse.Namespace) -> int:
    workload = spec.load(arguments.workload)
    outputs, settings = environment.read(arguments.env, outputs=arguments.outputs)
    where = environment.assemble(arguments.env, workload.name, outputs=outputs, settings=settings)
    bench = start.find(workload.name, outputs)
    job = names.job_name(where)
    if arguments.show:
        code = f"{where.code_uri}/0/sourcedir.tar.gz"
        asked = start.request(workload, where, job, code=code, hyperparameters=_given(arguments.set))
        sys.stdout.write(f"{json.dumps(asked, indent=1)}\n")
        return 0
    clients = _clients(where)
    if arguments.off:
        start.switch_off(clients["autoscaling"], bench)
        sys.stdout.write(f"{bench.group} is switched off\n")
        return 0
    code = client.upload_code(workload, where, clients["s3"])
    asked = start.request(workload, where, job, code=code, hyperparameters=_given(arguments.set))
    start.switch_on(clients, bench, asked)
    sys.stdout.write(
        f"{bench.group} is on: {job}\n"
        f"  log      {bench.log_group}, streams {job}/\n"
        f"  model    {where.artifact_uri}/{job}/output/model.tar.gz\n"
        f"  shell    aws ssm start-session --target INSTANCE (its Name is {bench.group})\n"
        "  minutes pass before the first line: the instance starts, then the image is fetched\n"
    )
    if arguments.detach:
        return 0
    status = start.follow(clients, bench, asked, _tell)
    sys.stdout.write(f"{job}: {status}\n")
    return 0 if status == "Completed" else FAILED


def _clients(where: environment.Environment) -> dict[str, Any]:
    import boto3  # noqa: PLC0415  (half a second, which usage and mistakes need not wait for)

    known = client.connect(where)
    return {
        "s3": known.s3,
        "logs": known.logs,
        "autoscaling": boto3.Session(region_name=where.region).client("autoscaling"),
    }


def _given(pairs: list[str]) -> dict[str, str]:
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise JobError("--set", pair, "write NAME=VALUE")
        found[name] = value
    return found


def _tell(line: str) -> None:
    print(clean(line), flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.jobs.workbench", description=__doc__)
    parser.add_argument("--workload", required=True, help="a folder of training/workloads")
    parser.add_argument("--env", required=True, help=f"one of {', '.join(environment.names())}")
    parser.add_argument("--outputs", type=Path, help="file of `terraform output -json` (default: asks Terraform)")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a hyperparameter; repeatable")
    parser.add_argument("--detach", action="store_true", help="do not follow the job")
    parser.add_argument("--show", action="store_true", help="print the request, and switch nothing on")
    parser.add_argument("--off", action="store_true", help="switch the workbench off")
    return parser


if __name__ == "__main__":
    sys.exit(main())
