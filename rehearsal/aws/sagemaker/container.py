"""The environment of what would be a container: nothing of the host but what a program needs to start."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rehearsal.aws.context import Acting, Context

OPT_ML = "/opt/ml"
_PYTHONS = {"python", "python3", "/usr/bin/python3"}
_INHERITED = ("LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "SSL_CERT_FILE")


def environment(
    context: Context, acting: Acting, base: Path, *, isolated: bool, extra: Mapping[str, str]
) -> dict[str, str]:
    """Return the whole environment of a job's or a model's process.

    Parameters
    ----------
    base
        Folder that stands for ``/opt/ml``; values that name a path below ``/opt/ml`` are moved there.
    isolated
        With network isolation a container has no route to AWS and gets no credentials. Here it gets no endpoint and
        no credentials either; the machine's own network is not taken from it.
    extra
        What the request or the container contract adds. Wins over everything else.

    Notes
    -----
    One thread per process (``OMP_NUM_THREADS=1``) unless the request says otherwise: several jobs and servers share
    two cores, and threads that wait for each other are several times slower than one.
    """
    env = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    env["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    env.update(HOME=str(base), TMPDIR=os.environ.get("TMPDIR", "/tmp"), PYTHONUNBUFFERED="1", OMP_NUM_THREADS="1")  # noqa: S108
    env.update(AWS_REGION=context.region, AWS_DEFAULT_REGION=context.region, AWS_EC2_METADATA_DISABLED="true")
    if not isolated:
        granted = context.process_env(acting)
        env.update({k: v for k, v in granted.items() if k.startswith("AWS_") or k.lower() == "no_proxy"})
    env.update({name: relocate(value, base) for name, value in extra.items()})
    return env


def relocate(value: str, base: Path) -> str:
    """Return ``value`` with a leading ``/opt/ml`` replaced by the folder that stands for it."""
    if value == OPT_ML or value.startswith(f"{OPT_ML}/"):
        return str(base) + value[len(OPT_ML) :]
    return value


def command(words: Sequence[str], base: Path) -> list[str]:
    """Return an entry point's argument list with paths below ``/opt/ml`` moved and this project's Python."""
    moved = [relocate(word, base) for word in words]
    return [sys.executable if moved[0] in _PYTHONS else moved[0], *moved[1:]]
