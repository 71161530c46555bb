"""The processes of one training job: started together, watched together, ended together."""

from __future__ import annotations

import signal
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from rehearsal.aws import processes
from rehearsal.aws.iam.acting import write_logs
from rehearsal.aws.sagemaker import container, duties, ports, settings
from rehearsal.aws.sagemaker.training import environment, metrics, script, torchrun

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rehearsal.aws.context import Acting, Context
    from rehearsal.aws.sagemaker.training.job import TrainingJob
    from rehearsal.aws.sagemaker.training.layout import Layout

_LAST_LINES = 12
_READERS_SECONDS = 5.0


@dataclass
class Host:
    """One running host: its process, the thread that reads its output, and the end of that output."""

    name: str
    layout: Layout
    process: processes.Process
    command: list[str]
    reader: threading.Thread
    tail: deque[str]


class Log(NamedTuple):
    """Where the lines of one host go, as whom, and who else looks at them."""

    context: Context
    who: Acting
    group: str
    stream: str
    observe: Callable[[str], None] | None = None


def launch(context: Context, job: TrainingJob, layouts: dict[str, Layout]) -> list[Host]:
    """Start the program on every host.

    Raises
    ------
    FailedError
        When the program cannot be started.
    """
    port = ports.free()
    hosts: list[Host] = []
    try:
        for name, layout in layouts.items():
            hosts.append(_launch_one(context, job, name, layout, port))
    except BaseException:
        end(hosts, 0.0)
        raise
    return hosts


def wait(hosts: list[Host], until: Callable[[], bool]) -> None:
    """Wait until every program has ended, one has failed, or ``until`` says so."""
    while not until():
        codes = [host.process.poll() for host in hosts]
        if all(code is not None for code in codes) or any(code for code in codes):
            return
        time.sleep(0.05)


def end(hosts: list[Host], grace: float) -> list[int]:
    """End what still runs, SIGTERM first and SIGKILL after ``grace`` seconds; return the exit codes as a shell's."""
    for host in hosts:
        if host.process.poll() is None:
            host.process.signal(signal.SIGTERM)
    deadline = time.monotonic() + grace
    codes = []
    for host in hosts:
        code = host.process.stop(grace=max(0.0, deadline - time.monotonic()))
        host.reader.join(_READERS_SECONDS)
        codes.append(code if code >= 0 else 128 - code)
    return codes


def _launch_one(context: Context, job: TrainingJob, name: str, layout: Layout, port: int) -> Host:
    decoded = environment.hyperparameters(job, layout)
    command = script.command(job, layout, name, port, decoded)
    extra = {
        **environment.distributed(job, name, port, decoded),
        **(job.request.get("Environment") or {}),
        **environment.variables(job, layout, name, script.program(job, decoded), decoded),
    }
    who = duties.of_job(job)
    env = container.environment(context, who, layout.base, isolated=job.isolated, extra=extra)
    stream = f"{job.training_job_name}/{name}-{int(time.time())}"
    log = Log(context, who, settings.TRAINING_LOG_GROUP, stream, metrics.observer(context, job))
    return begin(name, layout, command, env, cwd=layout.code, log=log)


def begin(name: str, layout: Layout, command: list[str], env: dict[str, str], *, cwd: Path, log: Log) -> Host:
    """Start the program of one host and read what it prints."""
    process = processes.spawn(command, env=env, cwd=cwd)
    tail: deque[str] = deque(maxlen=_LAST_LINES)
    reader = threading.Thread(target=_read, args=(log, process, tail), name=log.stream, daemon=True)
    reader.start()
    return Host(name, layout, process, command, reader, tail)


def _read(log: Log, process: processes.Process, tail: deque[str]) -> None:
    said = False
    for line in process.lines():
        write_logs(log.context, "container log stream", log.who, log.group, log.stream, [line])
        said = said or torchrun.explains(line)
        if not said:
            tail.append(line)
        if log.observe is not None:
            log.observe(line)
