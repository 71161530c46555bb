"""`python -m training.jobs.kubernetes manifests|logs`: a workload on a cluster that runs ACK's controller.

Exit codes: 0 done; 1 the job that was followed failed or was stopped; 2 what was asked for is wrong.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from training.errors import InputError
from training.jobs import package
from training.jobs.kubernetes import manifests, place, render
from training.workloads import spec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from training.workloads.spec import Workload

OUT = Path(".slipway") / "manifests"
REFUSED = 2


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
    made = manifests.requests(
        workload,
        where,
        arguments.kind or manifests.kinds(workload),
        code=arguments.code or code_uri(workload, where.environment.code_uri),
        run=arguments.run,
    )
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


def code_uri(workload: Workload, prefix: str) -> str:
    """Where the code of this working tree belongs: a folder that its content names."""
    with tempfile.TemporaryDirectory() as scratch:
        archive = Path(scratch) / "sourcedir.tar.gz"
        package.write(workload, archive)
        return f"{prefix}/{hashlib.sha256(archive.read_bytes()).hexdigest()[:16]}/{archive.name}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.jobs.kubernetes", description=__doc__)
    actions = parser.add_subparsers(required=True, metavar="manifests|logs")
    wanted = actions.add_parser("manifests", help="write the workload's resources as YAML", description=write.__doc__)
    wanted.set_defaults(action=write)
    _common(wanted)
    wanted.add_argument("--outputs", type=Path, help="file of terraform output -json, in place of asking Terraform")
    wanted.add_argument("--out", type=Path, default=OUT, help=f"folder to write into (default: {OUT})")
    wanted.add_argument("--kind", action="append", choices=render.KINDS, help="only this kind; may be repeated")
    wanted.add_argument("--code", default="", help="S3 URI of sourcedir.tar.gz (default: where this code belongs)")
    wanted.add_argument("--run", default="", help="what names of jobs end in (default: a checksum of the request)")
    return parser


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--workload", required=True, help="name of a folder under training/workloads")
    parser.add_argument("--env", default="", help="an applied environment (default: a sketch from files)")
    parser.add_argument("--namespace", default="default", help="namespace of the resources (default: default)")


if __name__ == "__main__":
    sys.exit(main())
