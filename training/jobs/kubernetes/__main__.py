"""`python -m training.jobs.kubernetes manifests|logs`: a workload on a cluster that runs ACK's controller.

Exit codes: 0 done; 1 the job that was followed failed or was stopped; 2 what was asked for is wrong.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from training.errors import InputError, JobError
from training.jobs import client
from training.jobs.kubernetes import logs, manifests, place, render
from training.jobs.show import clean
from training.workloads import spec

if TYPE_CHECKING:
    from collections.abc import Sequence

OUT = Path(".slipway") / "manifests"
FAILED, REFUSED = 1, 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; see the module's docstring for exit codes."""
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.action(arguments))
    except InputError as error:
        sys.stderr.write(f"error: {error}\n")
    except OSError as error:
        sys.stderr.write(f"error: {error.filename or ''}: {error.strerror}\n")
    return REFUSED


def write(arguments: argparse.Namespace) -> int:
    """Write the manifests of a workload and say what is still open in them."""
    workload = spec.load(arguments.workload)
    where = (
        place.applied(arguments.env, workload.name, outputs=arguments.outputs)
        if arguments.env
        else place.sketched(workload.name)
    )
    code = arguments.code
    if not code:
        with tempfile.TemporaryDirectory() as scratch:
            code, _ = client.code_uri(workload, where.environment, Path(scratch))
    wanted = arguments.kind or manifests.kinds(workload)
    made = manifests.requests(workload, where, wanted, code=code, run=arguments.run)
    folder = arguments.out / workload.name
    folder.mkdir(parents=True, exist_ok=True)
    for kind in render.KINDS:
        (folder / f"{kind.lower()}.yaml").unlink(missing_ok=True)
    for kind, manifest in manifests.rendered(made, where, arguments.namespace).items():
        path = folder / f"{kind.lower()}.yaml"
        path.write_text(manifests.text(manifest, where), encoding="utf-8")
        sys.stdout.write(f"{path}  {kind} {manifest['metadata']['name']}\n")
    if where.open_values:
        of = "" if arguments.env else f"; names are those of {where.environment.name}, ENV= takes another environment"
        sys.stdout.write(f"not to be applied before these are known{of}:\n")
        for value, source in sorted(where.open_values.items()):
            sys.stdout.write(f"  {value}: {source}\n")
    return 0


def show(arguments: argparse.Namespace) -> int:
    """Follow a training job's log until the job has ended."""
    import boto3  # noqa: PLC0415  (half a second, which usage and mistakes need not wait for)
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    job = logs.find(arguments.out / arguments.workload, arguments.job, arguments.namespace)
    session = boto3.Session(region_name=job.region)
    try:
        sagemaker, cloudwatch = session.client("sagemaker"), session.client("logs")
        sys.stderr.write(f"{job.resource}: SageMaker's training job {job.name} in {job.region}\n")
        status = logs.follow(sagemaker, cloudwatch, job, _tell, host=arguments.host)
    except (BotoCoreError, ClientError) as error:
        raise JobError(
            "AWS", str(error), "sign in to the account that the job runs in, such as with AWS_PROFILE=..."
        ) from None
    sys.stderr.write(f"{job.resource}: {status}\n")
    return 0 if status == "Completed" else FAILED


def _tell(line: str) -> None:
    print(clean(line), flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.jobs.kubernetes", description=__doc__)
    actions = parser.add_subparsers(required=True, metavar="manifests|logs")
    wanted = actions.add_parser("manifests", help="write the workload's resources as YAML", description=write.__doc__)
    wanted.set_defaults(action=write)
    _common(wanted)
    wanted.add_argument("--env", default="", help="an applied environment (default: a sketch from files)")
    wanted.add_argument("--outputs", type=Path, help="file of terraform output -json, in place of asking Terraform")
    wanted.add_argument("--kind", action="append", choices=render.KINDS, help="only this kind; may be repeated")
    wanted.add_argument("--code", default="", help="S3 URI of sourcedir.tar.gz (default: where this code belongs)")
    wanted.add_argument("--run", default="", help="what names of jobs end in (default: a checksum of the request)")
    told = actions.add_parser("logs", help="follow a training job's log by its resource", description=show.__doc__)
    told.set_defaults(action=show)
    _common(told)
    told.add_argument("--job", default="", help="name of the TrainingJob resource (default: that of the manifest)")
    told.add_argument("--host", default="", help="only instances whose names begin so, such as algo-2")
    return parser


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--workload", required=True, help="name of a folder under training/workloads")
    parser.add_argument("--out", type=Path, default=OUT, help=f"folder of manifests (default: {OUT})")
    parser.add_argument("--namespace", default="default", help="namespace of the resources (default: default)")


if __name__ == "__main__":
    sys.exit(main())
