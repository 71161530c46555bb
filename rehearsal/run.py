"""One rehearsal: its folder, its options, and what its stages have found so far."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import platform
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rehearsal.aws.client import EmbeddedAws, EmbeddedAwsStartError
from terraform.command import ROOT, SCRATCH
from terraform.interrupts import held
from training.workloads import spec
from training.workloads.description import Workload

DEFAULT_FOLDER = SCRATCH / "rehearsal"
REGION = "eu-west-1"
ACCOUNT = "123456789012"


class RehearsalError(Exception):
    """A stage failed; the message names the cause and, where there is one, the remedy."""


class UsageError(RehearsalError):
    """What was asked for cannot be; nothing has been touched."""


def now() -> str:
    """The time in UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True)
class Options:
    """What the person asked for.

    ``images`` counts the pictures that the workflow is given (0: as many as the workload says), ``load_seconds`` is the
    length of the load test without its warm-up, and ``speed`` divides the waits of the embedded AWS (canary bake, alarm
    period, cooldown).
    """

    workload: str = "vehicles"
    source: str = ""
    images: int = 0
    load_seconds: int = 12
    load_users: int = 8
    speed: float = 20.0
    keep: bool = False


@dataclass
class Run:
    """A rehearsal in ``folder``. Stages read what earlier ones left with ``data(name)``."""

    folder: Path
    options: Options
    started: str = field(default_factory=now)
    aws: EmbeddedAws | None = None
    sessions: dict[str, Any] = field(default_factory=dict)
    """Credentials of the roles that have been assumed, by actor; see `rehearsal.actors`."""

    @property
    def embedded(self) -> EmbeddedAws:
        if self.aws is None:
            raise RehearsalError("the embedded AWS is not running: start the rehearsal from its first stage")
        return self.aws

    def start_aws(self) -> EmbeddedAws:
        """Start the embedded AWS, on the state that was saved where there is one."""
        with held():
            self.aws = start_embedded(
                self.aws_root,
                account_id=ACCOUNT,
                region=REGION,
                speed=self.options.speed,
                state=self.aws_state,
                detached=self.options.keep,
                iam="enforce",
            )
            self.sessions.clear()  # a server that starts knows no session of the one before
            self.record_run(None)  # from now on `stop` finds it
        return self.aws

    def stop_aws(self) -> None:
        """Stop the embedded AWS and wait for it; RehearsalError when it could not save its state."""
        with held(), must_save(self.aws_state):
            self.embedded.stop()
            self.aws = None

    @property
    def aws_root(self) -> Path:
        return self.folder / "aws"

    @property
    def aws_state(self) -> Path:
        return self.folder / "aws.state"

    @property
    def workloads(self) -> list[Workload]:
        """What is rehearsed: the workload, behind the companions that it cannot do without."""
        return spec.together(spec.load(self.options.workload))

    def dataset(self, workload: str) -> Path:
        """The folder of a workload's staged data."""
        return self.path("dataset" if workload == self.options.workload else f"dataset-{workload}")

    @property
    def environment(self) -> Path:
        """The rehearsal environment with nothing but what is rehearsed, as Terraform code."""
        return self.folder / "environment"

    @property
    def terraform(self) -> Path:
        return self.folder / "terraform"

    @property
    def profiles(self) -> Path:
        """AWS profiles of the people, for the rehearsal and for a person with the AWS CLI."""
        return self.folder / "aws.config"

    @property
    def denials(self) -> Path:
        """Where the embedded AWS writes down what IAM has refused."""
        return self.aws_root / "denials.jsonl"

    @property
    def before_destroy(self) -> Path:
        """Where the last state that still had resources is kept, so that any stage can be run again later."""
        return self.folder / "before-destroy"

    def path(self, name: str) -> Path:
        """A folder of this run's own, made when first asked for."""
        folder = self.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def data(self, stage: str, workload: str = "") -> dict[str, Any]:
        """What an earlier stage recorded; RehearsalError when it has not passed in this run.

        Of a companion where one is named: stages that take several workloads keep the others' apart.
        """
        record = self._record(stage)
        if record is None or record.get("status") != "passed":
            raise RehearsalError(f"stage {stage!r} has not passed in {self.folder}: run `make rehearse STAGE={stage}`")
        data: dict[str, Any] = record["data"]
        companions: dict[str, dict[str, Any]] = data.get("companions", {})
        return companions.get(workload, data)

    def _record(self, stage: str) -> dict[str, Any] | None:
        for path in sorted((self.folder / "stages").glob(f"*-{stage}.json")):
            record: dict[str, Any] = json.loads(path.read_text())
            return record
        return None

    def record_stage(self, number: int, record: dict[str, Any]) -> None:
        write_json(self.path("stages") / f"{number:02d}-{record['name']}.json", record)

    def forget_from(self, number: int) -> None:
        """Drop the records of this stage and the later ones: they are about to be made again."""
        for path in (self.folder / "stages").glob("*.json"):
            if int(path.name.split("-")[0]) >= number:
                path.unlink()

    def record_run(self, result: str | None, **facts: Any) -> None:
        option = self.workloads[-1].data.options.get(self.options.source)
        write_json(self.folder / "run.json", {
            **asdict(self.options),
            "source_title": option.title if option else "",
            "synthetic": option.synthetic if option else None,
            "environment": "rehearsal",
            "started": self.started,
            "finished": now() if result else None,
            "result": result,
            "machine": {"system": platform.system(), "architecture": platform.machine(), "cpus": os.cpu_count()},
            "embedded_aws": {"endpoint": self.aws.endpoint, "pid": self.aws.pid} if self.aws else None,
            **facts,
        })  # fmt: skip


def start_embedded(root: Path, **settings: Any) -> EmbeddedAws:
    """Start an embedded AWS; RehearsalError with what it said when it does not come up."""
    try:
        return EmbeddedAws.start(root, **settings)
    except EmbeddedAwsStartError as error:
        raise RehearsalError(str(error)) from None


@contextlib.contextmanager
def must_save(state: Path) -> Iterator[None]:
    """RehearsalError unless the block, in which an embedded AWS ends, leaves a new file of its state."""
    before = state.stat().st_mtime_ns if state.exists() else None
    yield
    if (state.stat().st_mtime_ns if state.exists() else None) == before:
        log = relative(state.parent / "aws" / "server.log")
        raise RehearsalError(f"the embedded AWS has ended without saving its state (see {log}): run `make rehearse`")


def write_json(path: Path, content: Any) -> None:
    """Write a file whole or not at all: a run may be interrupted at any moment."""
    write_text(path, json.dumps(content, indent=1, default=str) + "\n")


def write_text(path: Path, text: str, mode: int = 0o666) -> None:
    """Write a file whole or not at all, readable to whom ``mode`` says; see `write_json`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as file:
            file.write(text)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def fresh(folder: Path) -> None:
    """Empty a run folder that this program made; anything else in its place is refused, never deleted."""
    marker = folder / "run.json"
    if folder.exists() and any(folder.iterdir()) and not marker.exists():
        raise RehearsalError(f"{folder} is not empty and holds no run.json: name another folder with --folder")
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        elif path != marker:
            path.unlink()
    marker.unlink(missing_ok=True)  # last: without it an emptying that was interrupted would never be gone on with


@contextlib.contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Hold the folder for this process; RehearsalError names the process that already does."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    path = folder.parent / f"{folder.name}.lock"
    with path.open("a+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            handle.seek(0)
            raise RehearsalError(
                f"another rehearsal (process {handle.read().strip() or 'unknown'}) is using {folder}: "
                "wait for it, end it, or name another folder with --folder"
            ) from None
        handle.seek(0)
        handle.truncate()
        handle.write(str(os.getpid()))
        handle.flush()
        yield


def relative(path: Path) -> str:
    """A path as a person in the repository's root would write it."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
