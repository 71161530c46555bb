"""Save everything that the embedded AWS holds to one file, and bring it back.

The file has one line that says what it is, one line of JSON with versions, the services in it and a checksum, and a
pickle of moto's backends with our own state on them. What lives only in a process (locks, threads, children, sockets)
is left out and made anew. A pickle runs code when it is read: restore only what your own rehearsal has saved.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import json
import marshal
import os
import pickle
import queue
import socket
import subprocess
import sys
import tempfile
import threading
import types
import weakref
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FORMAT = 1
_MAGIC = b"slipway embedded AWS state\n"
_DEEPEST = 40_000  # frames: backends refer to each other through long chains
_STACK = 512 << 20  # bytes of address space for them, of which little is ever touched

_LOCK, _RLOCK = type(threading.Lock()), type(threading.RLock())


class StateFileError(RuntimeError):
    """A state file cannot be read or written; the message names the file and the remedy."""


def save(path: Path) -> None:
    """Write the state of every service to ``path``, in whole or not at all.

    Raises
    ------
    StateFileError
        When something in the state cannot be written; an older file stays as it was.
    """
    services = {place: _contents(backends) for place, backends in _instances().items()}
    try:
        body = _deep(lambda: _pickle(services))
    except (pickle.PicklingError, TypeError, AttributeError, RecursionError) as error:
        raise StateFileError(f"cannot save the state to {path}: {error}") from error
    header = {**_versions(), "services": sorted(services), "sha256": hashlib.sha256(body).hexdigest()}
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with scratch.open("wb") as file:
            file.write(_MAGIC + json.dumps(header).encode() + b"\n" + body)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(path)
    except OSError as error:
        scratch.unlink(missing_ok=True)
        raise StateFileError(f"cannot write the state to {path}: {error}") from error


def restore(path: Path, prepare: Callable[[str], None]) -> None:
    """Put the state of ``path`` into the backends.

    Parameters
    ----------
    prepare
        Called with moto's name of each service in the file, before its classes are needed.

    Raises
    ------
    StateFileError
        For a file that is unreadable, incomplete, changed, or of another version. Nothing has been restored then.
    """
    remedy = f"delete {path} to start empty"
    try:
        magic, header_line, body = path.read_bytes().split(b"\n", 2)
        if magic + b"\n" != _MAGIC:
            raise ValueError("it does not begin like a state file")
        header = json.loads(header_line)
    except (OSError, ValueError) as error:
        raise StateFileError(f"{path} is no state file of the embedded AWS ({error}): {remedy}") from error
    ours = _versions()
    other = {name: header.get(name) for name in ours if header.get(name) != ours[name]}
    if other:
        raise StateFileError(f"{path} was saved by {other}, and this is {ours}: {remedy}, or use that version")
    if hashlib.sha256(body).hexdigest() != header.get("sha256"):
        raise StateFileError(f"{path} is damaged (its checksum differs): {remedy}")
    for place in header["services"]:
        for name in _names(place):
            prepare(name)
    try:
        services = _deep(lambda: pickle.loads(body))  # noqa: S301 (see the module's docstring)
    except Exception as error:
        raise StateFileError(f"{path} cannot be restored ({error!r}): {remedy}") from error
    for place, accounts in services.items():
        backends = _backends(place)
        for account, regions in accounts.items():
            for region, backend in regions.items():
                dict.__setitem__(backends[account], region, backend)


def _versions() -> dict[str, Any]:
    from importlib.metadata import version

    return {"format": FORMAT, "moto": version("moto"), "python": f"{sys.version_info[0]}.{sys.version_info[1]}"}


def _instances() -> dict[str, Any]:
    """Return every service in use by the place of its backends, such as ``moto.s3.models:s3_backends``."""
    from moto.core.base_backend import BackendDict

    used = {id(backends): backends for backends in BackendDict._instances}
    found: dict[str, Any] = {}
    for name, module in sorted(sys.modules.items()):
        if name.startswith("moto.") and name.endswith(".models"):
            for attribute, value in list(vars(module).items()):
                if id(value) in used and used[id(value)] is value:
                    found[f"{name}:{attribute}"] = used.pop(id(value))
    return found


def _contents(backends: Any) -> dict[str, dict[str, Any]]:
    return {account: dict(dict.items(regions)) for account, regions in dict.items(backends)}


def _backends(place: str) -> Any:
    module, _, attribute = place.partition(":")
    return getattr(importlib.import_module(module), attribute)


def _names(place: str) -> list[str]:
    """Return the names under which a service may be prepared."""
    return [place.split(".")[1], _backends(place).service_name] if ".parser." not in place else [place.split(".")[1]]


def _pickle(services: Any) -> bytes:
    buffer = io.BytesIO()
    _Pickler(buffer, pickle.HIGHEST_PROTOCOL).dump(services)
    return buffer.getvalue()


def _deep(work: Callable[[], Any]) -> Any:
    """Run ``work`` in a thread with room for deep recursion, and return or raise what it does."""
    result: list[Any] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            result.append(work())
        except BaseException as error:
            failure.append(error)

    limit, stack = sys.getrecursionlimit(), threading.stack_size(_STACK)
    sys.setrecursionlimit(_DEEPEST)
    try:
        thread = threading.Thread(target=run, name="state")
        thread.start()
        thread.join()
    finally:
        sys.setrecursionlimit(limit)
        threading.stack_size(stack)
    if failure:
        raise failure[0]
    return result[0]


def _nothing() -> None:
    """Stand in for what cannot outlive its process."""


def _weak_values(items: dict[Any, Any]) -> weakref.WeakValueDictionary[Any, Any]:
    return weakref.WeakValueDictionary(items)


def _function(code: bytes, module: str, defaults: tuple[Any, ...] | None, cells: tuple[Any, ...]) -> Any:
    """Make a function that no module names, such as the factory of a defaultdict; versions of Python are equal here."""
    scope = vars(importlib.import_module(module))
    closure = tuple(types.CellType(value) for value in cells)
    return types.FunctionType(marshal.loads(code), scope, None, defaults, closure)  # noqa: S302 (as pickle)


def _region(place: str, account: str) -> Any:
    return _backends(place)[account]


class _Pickler(pickle.Pickler):
    """Leaves out what belongs to this process, and refers to moto's backend dictionaries by their place."""

    def reducer_override(self, obj: Any) -> Any:
        """Return how to make ``obj`` again, or NotImplemented for what pickles by itself."""
        for kinds, reduce in _reducers():
            if isinstance(obj, kinds):
                return reduce(obj)
        if hasattr(obj, "private_bytes"):
            return _private_key, (_pem(obj),)
        return NotImplemented


@cache
def _reducers() -> tuple[tuple[Any, Callable[[Any], Any]], ...]:
    from moto.core.base_backend import AccountSpecificBackend, BackendDict

    from rehearsal.aws.processes import Process

    own = (threading.Thread, ThreadPoolExecutor, subprocess.Popen, Process, socket.socket, io.IOBase)
    return (
        (_LOCK, lambda _: (threading.Lock, ())),
        (_RLOCK, lambda _: (threading.RLock, ())),
        ((threading.Condition, threading.Event, queue.Queue), lambda obj: (type(obj), ())),
        (weakref.WeakValueDictionary, lambda obj: (_weak_values, (dict(obj),))),
        (BackendDict, lambda obj: (_backends, (_place(obj),))),
        (AccountSpecificBackend, lambda obj: (_region, (_place_of_account(obj), obj.account_id))),
        (types.FunctionType, _reduce_function),
        ((*own, tempfile.SpooledTemporaryFile, types.GeneratorType), lambda _: (_nothing, ())),
    )


def _reduce_function(function: Any) -> Any:
    if "<locals>" not in function.__qualname__ and function.__name__ != "<lambda>":
        return NotImplemented
    cells = tuple(cell.cell_contents for cell in function.__closure__ or ())
    return _function, (marshal.dumps(function.__code__), function.__module__, function.__defaults__, cells)


def _pem(key: Any) -> bytes:
    from cryptography.hazmat.primitives import serialization as form

    plain: bytes = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    return plain


def _private_key(pem: bytes) -> Any:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    return load_pem_private_key(pem, password=None)


def _place(backends: Any) -> str:
    for name, module in sys.modules.items():
        if name.startswith("moto."):
            for attribute, value in list(vars(module).items()):
                if value is backends:
                    return f"{name}:{attribute}"
    raise pickle.PicklingError(f"no module of moto holds the backends of {backends.service_name}")


def _place_of_account(regions: Any) -> str:
    from moto.core.base_backend import BackendDict

    for backends in BackendDict._instances:
        if any(value is regions for value in dict.values(backends)):
            return _place(backends)
    raise pickle.PicklingError(f"the backends of {regions.service_name} belong to no dictionary")
