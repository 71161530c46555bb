"""Start, reach and stop an embedded AWS from Python."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from rehearsal.aws.context import REPO_ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

_START_SECONDS = 60.0
_STOP_SECONDS = 30.0


class EmbeddedAwsStartError(RuntimeError):
    """The server ended or stayed silent instead of becoming ready; the message carries what it said."""


class EmbeddedAws:
    """A running embedded AWS; a context manager that stops what it started.

    Attributes
    ----------
    endpoint
        Base URL.
    account_id, region
        Of everything in it.
    pid
        Process id of the server, None when attached to one that somebody else started.
    """

    def __init__(
        self,
        endpoint: str,
        *,
        account_id: str = "123456789012",
        region: str = "eu-west-1",
        process: subprocess.Popen[str] | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.account_id = account_id
        self.region = region
        self._process = process
        self.pid = process.pid if process else None

    @classmethod
    def start(
        cls,
        root: Path,
        *,
        account_id: str = "123456789012",
        region: str = "eu-west-1",
        port: int = 0,
        speed: float = 20.0,
        state: Path | None = None,
        detached: bool = False,
        iam: str = "off",
    ) -> EmbeddedAws:
        """Start a server of our own and wait until it answers.

        It ends with :meth:`stop`, and also when this process ends in any way, unless it is ``detached``.

        Raises
        ------
        EmbeddedAwsStartError
            With the server's own message, such as a taken port or an unreadable state file.
        """
        root.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "rehearsal.aws", "--root", str(root), "--port", str(port)]
        command += ["--account", account_id, "--region", region, "--speed", str(speed), "--iam", iam]
        if not detached:
            command.append("--stop-with-parent")
        if state is not None:
            command += ["--state", str(state)]
        errors = root / "server.err"
        with errors.open("w") as stderr:
            process = subprocess.Popen(
                command,
                cwd=REPO_ROOT,
                env=_clean_environment() | {"PYTHONPATH": str(REPO_ROOT)},
                stdin=subprocess.DEVNULL if detached else subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                start_new_session=True,  # Ctrl-C reaches only the caller, who stops the server in order
            )
        line = _first_line(process)
        if not line:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            process.wait()
            said = errors.read_text().strip() or f"nothing within {_START_SECONDS:.0f} s; see {root / 'server.log'}"
            raise EmbeddedAwsStartError(f"the embedded AWS did not start (exit {process.returncode}): {said}")
        ready = json.loads(line)
        return cls(ready["endpoint"], account_id=ready["account"], region=ready["region"], process=process)

    def env(self) -> dict[str, str]:
        """Return a whole environment for a child such as terraform or the AWS CLI, free of the host's AWS settings."""
        return _clean_environment() | connection_env(self.endpoint, self.region)

    def client(self, service: str, **config: Any) -> Any:
        """Return a boto3 client of the account's root user; ``config`` goes to :class:`botocore.config.Config`."""
        import boto3
        from botocore.config import Config

        session = boto3.session.Session(
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106 (the embedded AWS takes any)
            region_name=self.region,
        )
        settings = {"proxies": {}, "read_timeout": 900, "retries": {"total_max_attempts": 1}, **config}
        return session.client(service, endpoint_url=self.endpoint, config=Config(**settings))

    @contextlib.contextmanager
    def fault(self, kind: str, **fields: Any) -> Iterator[dict[str, Any]]:
        """Let a fault hold for a while, at most as long as its ``seconds``; see :mod:`rehearsal.aws.faults.kinds`.

        The dictionary says what it is, and afterwards, as ``struck``, how often it struck.

        Raises
        ------
        rehearsal.aws.faults.kinds.FaultError
            For what cannot be.
        """
        from rehearsal.aws.faults.client import ask

        fault = ask(self.endpoint, self.region, "POST", document={"kind": kind, **fields})
        try:
            yield fault
        finally:
            fault.update(ask(self.endpoint, self.region, "DELETE", fault["id"]))

    def faults(self) -> list[dict[str, Any]]:
        """Return the faults that hold just now."""
        from rehearsal.aws.faults.client import ask

        return list(ask(self.endpoint, self.region, "GET")["faults"])

    def stop(self) -> None:
        """End the server in order, with everything it started. Nothing happens when it was only attached."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                pipe.close()

    def __enter__(self) -> EmbeddedAws:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def attach(endpoint: str, *, account_id: str = "123456789012", region: str = "eu-west-1") -> EmbeddedAws:
    """Return an :class:`EmbeddedAws` for a server that runs already; ``stop`` leaves it alone."""
    return EmbeddedAws(endpoint, account_id=account_id, region=region)


def connection_env(endpoint: str, region: str) -> dict[str, str]:
    """Return the variables that point any AWS client at ``endpoint``; no HCL or code differs from real AWS."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ENDPOINT_URL_STS": endpoint,  # a profile with role_arn ignores the generic variable
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_PAGER": "",
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }


def _clean_environment() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "MOTO_", "BOTO_"))}


def _first_line(process: subprocess.Popen[str]) -> str:
    """Return the ready line, or "" when the server ended or stayed silent."""
    assert process.stdout is not None  # noqa: S101 (narrowing: the pipe was asked for)
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        readable, _, _ = select.select([process.stdout], [], [], 0.5)
        if readable:
            return process.stdout.readline()
        if process.poll() is not None:
            return ""
    return ""
