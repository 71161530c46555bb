"""Augmentation of images beside the libraries for it, and the manifest of a million keys."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from rehearsal.bench.pictures import jpeg
from rehearsal.bench.row import (
    BenchError,
    Note,
    Row,
    at_least,
    at_most,
    fact,
    interleaved_all,
    not_measured,
    ratio,
    rounds,
)
from requirements.install import FOLDERS
from terraform.command import ROOT
from training.data.augment import images
from training.data.augment.policy import Policy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WIDTH, HEIGHT = 250, 150
VERSIONS = 400
KEYS = 1_000_000
PEERS = {"imgaug": 2.0, "albumentations": None}
"""Libraries, and how many times as fast as them we promise to be."""

_WITH = {"JPEG": (".jpg", [cv2.IMWRITE_JPEG_QUALITY, 95]), "PNG": (".png", [])}
_SCRIPT = Path(__file__).with_name("peers_augment.py")
_NOBODY = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "eu-west-1"}


def rows(note: Note) -> list[Row]:
    return [*_augmentation(note), *_manifest(note)]


def _augmentation(note: Note) -> list[Row]:
    note("augmentation, and its peers")
    body = jpeg(WIDTH, HEIGHT)
    picture: Any = cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_COLOR)
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    with contextlib.ExitStack() as stack:
        stack.callback(cv2.setNumThreads, before)
        plain = partial(_ours, lambda number: images.version(picture, "x", number, seed=7))
        measures: dict[str, Callable[[], float]] = {"ours": plain}
        for name, (suffix, options) in _WITH.items():
            measures[name] = partial(_ours, partial(_encoded, picture, suffix, options))
        missing = {}
        for name in PEERS:
            try:
                measures[name] = stack.enter_context(_peer(name, body))
            except BenchError as error:
                missing[name] = str(error)
        plain()  # the store of noise is made once
        taken = interleaved_all(rounds(), measures)
    speed = {name: 1 / statistics.median(values) for name, values in taken.items()}
    what = f"augmentation at {WIDTH}x{HEIGHT}, images per second and core"
    found = [at_least(what, speed["ours"], 2000, "1/s")]
    found += [fact(f"{what}, and encoded as {name}", speed[name], "1/s") for name in _WITH]
    for name, goal in PEERS.items():
        compared = f"augmentation against {name} with the same ranges"
        if name in missing:
            found.append(not_measured(compared, f">= {goal:g}x" if goal else "", missing[name]))
        elif goal:
            found.append(at_least(compared, ratio(taken, name, "ours"), goal, "x"))
        else:
            found.append(fact(compared, ratio(taken, name, "ours"), "x"))
    return found


def _ours(act: Callable[[int], object]) -> float:
    """CPU seconds per version."""
    begin = time.process_time()
    for number in range(VERSIONS):
        act(number)
    return (time.process_time() - begin) / VERSIONS


def _encoded(picture: np.ndarray[Any, Any], suffix: str, options: list[int], number: int) -> None:
    cv2.imencode(suffix, images.version(picture, "x", number, seed=7), options)


@contextlib.contextmanager
def _peer(name: str, body: bytes) -> Iterator[Callable[[], float]]:
    """A warm process with the peer's library; what is yielded gives CPU seconds per version."""
    python = FOLDERS["bench"] / "bin" / "python"
    if not python.exists():
        raise BenchError("its environment is missing: python3 requirements/install.py bench")
    command = [str(python), str(_SCRIPT), name, json.dumps(dataclasses.asdict(Policy()))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        given, said, errors = process.stdin, process.stdout, process.stderr
        assert given  # noqa: S101  all three were asked for
        assert said  # noqa: S101
        assert errors  # noqa: S101

        def measure(versions: int = VERSIONS) -> float:
            given.write(f"{versions}\n".encode())
            given.flush()
            line = said.readline()
            if not line:
                raise BenchError(f"{name} ended: {errors.read()[-300:].decode(errors='replace')}")
            return float(line)

        try:
            with contextlib.suppress(BrokenPipeError):
                given.write(f"{len(body)}\n".encode() + body)
                given.flush()
            measure(20)
            yield measure
        finally:
            process.kill()


def _manifest(note: Note) -> list[Row]:
    note(f"manifest of {KEYS:,} keys")
    with tempfile.TemporaryDirectory() as folder, _pager() as endpoint:
        command = [sys.executable, "-m", "training.data", "manifest", "--source", "s3://bucket/photos", "--out", folder]
        begin = time.perf_counter()
        env = os.environ | _NOBODY | {"AWS_ENDPOINT_URL": endpoint}
        with subprocess.Popen(
            command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        ) as process:
            said = process.stderr.read() if process.stderr else ""
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise BenchError(f"the manifest ended with exit code {process.returncode}: {said.strip()[-300:]}")
        seconds = time.perf_counter() - begin
        lines = sum(path.read_bytes().count(b"\n") for path in Path(folder).glob("*.manifest"))
    if lines != KEYS:
        raise BenchError(f"the manifest has {lines} lines instead of {KEYS}")
    what = f"manifest of {KEYS:,} keys from their listing"
    # ru_maxrss is in KiB on Linux and in bytes on macOS.
    memory = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6
    return [
        at_most(what, seconds, 60, "s"),
        fact(f"{what}, CPU", usage.ru_utime + usage.ru_stime, "s"),
        at_most(f"{what}, memory", memory, 200, "MB"),
    ]


@contextlib.contextmanager
def _pager() -> Iterator[str]:
    command = [sys.executable, "-m", "rehearsal.bench.pager", str(KEYS)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline()) if process.stdout else 0}"
        finally:
            process.kill()
