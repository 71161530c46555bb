"""What the embedded AWS leaves of a model server's throughput: InvokeEndpoint through it against the server itself.

Both reach the same process, with the same picture and the same number of clients, in turns. The way through is the one
of every rehearsal: IAM enforced, calls recorded, metrics counted.
"""

from __future__ import annotations

import contextlib
import io
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psutil

from rehearsal.bench.client import load, post
from rehearsal.bench.networks import folder_of
from rehearsal.bench.pictures import jpeg
from rehearsal.bench.row import BenchError, Note, Row, at_least, fact, interleaved_all, ratio, rounds
from rehearsal.faults.load import invocation
from rehearsal.faults.world import World, world

if TYPE_CHECKING:
    from collections.abc import Callable

    from rehearsal.bench.row import Measure

SIZE = 32
GOAL = 0.6
CLIENTS, SECONDS, WARM_S = 8, 1.5, 2.0
NETWORKS = {"mobilenet_v2": "MobileNetV2", "small_cnn": "the small network of vehicles"}
THROUGH, DIRECT = "through the embedded AWS", "direct"
_PORT = "SAGEMAKER_BIND_TO_PORT"


def rows(note: Note) -> list[Row]:
    with tempfile.TemporaryDirectory() as name, world(Path(name) / "aws") as made:
        return [row for network, title in NETWORKS.items() for row in _compared(note, made, Path(name), network, title)]


def _compared(note: Note, made: World, folder: Path, network: str, title: str) -> list[Row]:
    body = jpeg(250, 150)
    (folder / network).mkdir()
    archive = _packed(folder_of(network, SIZE, folder / network))
    with made.endpoint(instances=1, archive=archive) as endpoint:
        ports = {THROUGH: urlsplit(made.aws.endpoint).port or 0, DIRECT: _port(made)}
        requests = {
            THROUGH: invocation(made.aws.endpoint, endpoint, body, "image/jpeg", region=made.aws.region).wire,
            DIRECT: post("/invocations", body, "image/jpeg"),
        }

        def rate(way: str, seconds: float = SECONDS) -> float:
            done = load(ports[way], requests[way], CLIENTS, seconds)
            return done.answers / done.seconds

        note(f"InvokeEndpoint with {title}: both ways warm up, then take turns")
        for way in ports:
            rate(way, WARM_S)
        measures: dict[str, Measure] = {DIRECT: lambda: rate(DIRECT), THROUGH: lambda: rate(THROUGH)}
        taken = interleaved_all(rounds(), measures)
        cost = _cost(made, lambda: load(ports[THROUGH], requests[THROUGH], CLIENTS, SECONDS).answers)
    what = f"InvokeEndpoint, {title} ({SIZE} x {SIZE}), {CLIENTS} clients"
    return [
        at_least(f"{what}: share of the server's own throughput", ratio(taken, THROUGH, DIRECT), GOAL, "x"),
        fact("through the embedded AWS", sorted(taken[THROUGH])[len(taken[THROUGH]) // 2], "requests/s"),
        fact("the server itself", sorted(taken[DIRECT])[len(taken[DIRECT]) // 2], "requests/s"),
        fact("CPU of the embedded AWS per request, model excluded", 1000 * cost, "ms"),
    ]


def _cost(made: World, run: Callable[[], int]) -> float:
    """CPU seconds per request of the embedded AWS's own process."""
    own = psutil.Process(made.aws.pid)
    before = own.cpu_times()
    answers = run()
    after = own.cpu_times()
    return (after.user + after.system - before.user - before.system) / answers


def _port(made: World) -> int:
    """Return where the only model server listens."""
    ports = set()
    for child in psutil.Process(made.aws.pid).children(recursive=True):
        with contextlib.suppress(psutil.Error):
            ports.add(child.environ().get(_PORT))
    found = [int(port) for port in ports if port]
    if len(found) != 1:
        raise BenchError(f"{len(found)} model servers run behind the embedded AWS, expected one")
    return found[0]


def _packed(folder: Path) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for path in sorted(folder.iterdir()):
            tar.add(path, path.name)
    return buffer.getvalue()
