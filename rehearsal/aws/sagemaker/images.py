"""What stands in for a container image: a command of this machine, chosen by the repository's name.

``<registry>/<any>/<path>/training:tag`` is the training image, ``<registry>/<any>/<path>/serving`` the model server.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Literal

from rehearsal.aws.sagemaker.errors import FailedError

Role = Literal["training", "serving"]


@dataclass(frozen=True)
class Image:
    """A known image.

    Parameters
    ----------
    role
        ``training``: script mode, the job's own program runs. ``serving``: the command below is the model server.
    command
        Argument list of the server; empty for script mode.
    """

    role: Role
    command: tuple[str, ...] = ()


KNOWN: dict[str, Image] = {
    "training": Image("training"),
    "serving": Image("serving", (sys.executable, "-m", "training.serving")),
}
"""By the last path part of the repository's name."""


def resolve(uri: str, role: Role) -> Image:
    """Return what runs for ``uri``.

    Raises
    ------
    FailedError
        When the name is unknown or the image is of the other role.
    """
    image = KNOWN.get(_name(uri))
    if image is None or image.role != role:
        raise _unknown(uri, f"a {role} image", sorted(key for key, value in KNOWN.items() if value.role == role))
    return image


def find(uri: str) -> Image:
    """Return what runs for ``uri``, whatever its role: a processing job may run any program in any image.

    Raises
    ------
    FailedError
        When the name is unknown.
    """
    image = KNOWN.get(_name(uri))
    if image is None:
        raise _unknown(uri, "an image", sorted(KNOWN))
    return image


def _name(uri: str) -> str:
    return repository(uri).rsplit("/", 1)[-1]


def _unknown(uri: str, what: str, known: list[str]) -> FailedError:
    return FailedError(
        f"ClientError: Cannot run image {uri}: the embedded AWS knows {what} by the last part of its repository name, "
        f"and that is one of: {', '.join(known)}. Name the repository <prefix>-<workload>/{known[-1]}."
    )


def repository(uri: str) -> str:
    """Return the repository part of an image URI: without registry, tag and digest."""
    path = uri.split("@", 1)[0]
    host, slash, rest = path.partition("/")
    name = rest if slash and ("." in host or ":" in host) else path
    return name.rsplit(":", 1)[0] if ":" in name.rsplit("/", 1)[-1] else name
