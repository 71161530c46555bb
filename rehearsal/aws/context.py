"""What every part of the embedded AWS needs to know and to do: where it is, who a role is, logs and metrics.

Everything here works inside the server's own process. Calls made on behalf of AWS itself (log delivery, service
metrics) go straight to the backends, because AWS does them without the customer's permissions; calls made on behalf
of a role travel over HTTP with that role's credentials, so that they are recorded and decided like any other.
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

REPO_ROOT = Path(__file__).resolve().parents[2]
"""Import root of the project: ``python -m training.serving`` works with this on PYTHONPATH."""

_HOST_PREFIXES = ("AWS_", "MOTO_", "BOTO_", "SAGEMAKER_", "SM_", "SM_HP_", "LAMBDA_", "_HANDLER", "TF_", "PYTHON")
_CREDENTIAL_SECONDS = 3600
_LOG_LOCK = threading.Lock()
_METRIC_LOCK = threading.Lock()


@dataclass(frozen=True)
class Context:
    """One running embedded AWS.

    Parameters
    ----------
    endpoint
        Base URL that clients and child processes use, such as ``http://127.0.0.1:41234``.
    root
        Folder for everything written to disk: logs, unpacked function code, job folders.
    account_id, region
        The account that owns everything, and the region that in-process helpers write to.
    speed
        Waits that AWS measures in minutes are divided by this (see :meth:`scaled`).
    """

    endpoint: str
    root: Path
    account_id: str = "123456789012"
    region: str = "eu-west-1"
    speed: float = 20.0
    _credentials: dict[tuple[str, str], tuple[float, dict[str, str]]] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def scaled(self, seconds: float) -> float:
        """Return how long a wait of ``seconds`` on AWS takes here, in seconds."""
        return seconds / self.speed

    def folder(self, *parts: str) -> Path:
        """Return (and make) a folder below the root."""
        path = self.root.joinpath(*parts)
        path.mkdir(parents=True, exist_ok=True)
        return path

    def role_credentials(self, role_arn: str, session: str) -> dict[str, str]:
        """Temporary credentials of a role, as a service principal gets them.

        Returns
        -------
        dict
            ``AWS_ACCESS_KEY_ID``, ``AWS_SECRET_ACCESS_KEY`` and ``AWS_SESSION_TOKEN``. The same role and session
            name share credentials until half their life is over.
        """
        key = (role_arn, session[:64])
        with self._lock:
            born, credentials = self._credentials.get(key, (0.0, {}))
            if time.monotonic() - born > _CREDENTIAL_SECONDS / 2 or not credentials:
                credentials = _assume(self, role_arn, session[:64])
                self._credentials[key] = (time.monotonic(), credentials)
            return dict(credentials)

    def forget_credentials(self) -> None:
        """Drop the cached role credentials: after a restore the token service no longer knows them."""
        with self._lock:
            self._credentials.clear()

    def process_env(self, role_arn: str, session: str, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the whole environment of a child process that acts as ``role_arn``.

        Nothing of the host's AWS settings, profiles or proxies reaches the child. PYTHONPATH is the project's import
        root unless ``extra`` says otherwise.
        """
        env = {k: v for k, v in os.environ.items() if not k.startswith(_HOST_PREFIXES)}
        env.update(self.role_credentials(role_arn, session))
        env.update(
            AWS_REGION=self.region,
            AWS_DEFAULT_REGION=self.region,
            AWS_ENDPOINT_URL=self.endpoint,
            AWS_CONFIG_FILE=os.devnull,
            AWS_SHARED_CREDENTIALS_FILE=os.devnull,
            AWS_EC2_METADATA_DISABLED="true",
            NO_PROXY="127.0.0.1,localhost",
            no_proxy="127.0.0.1,localhost",
            PYTHONPATH=str(REPO_ROOT),
            PYTHONUNBUFFERED="1",
        )
        env.update(extra or {})
        return env

    def role_client(self, service: str, role_arn: str, session: str, **config: Any) -> Any:
        """Return a boto3 client that acts as ``role_arn``; ``config`` goes to :class:`botocore.config.Config`."""
        import boto3
        from botocore.config import Config

        credentials = self.role_credentials(role_arn, session)
        settings = {"retries": {"total_max_attempts": 1}, "proxies": {}, **config}
        return boto3.client(
            service,
            region_name=self.region,
            endpoint_url=self.endpoint,
            aws_access_key_id=credentials["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=credentials["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=credentials["AWS_SESSION_TOKEN"],
            config=Config(**settings),
        )

    def put_logs(self, group: str, stream: str, lines: Iterable[str]) -> None:
        """Append lines to a log stream as AWS's own log delivery does, making group and stream when missing."""
        from moto.logs.models import logs_backends

        now = int(time.time() * 1000)
        events = [{"timestamp": now, "message": line} for line in lines if line]
        if not events:
            return
        backend = logs_backends[self.account_id][self.region]
        with _LOG_LOCK:
            backend.ensure_log_group(group)
            backend.ensure_log_stream(group, stream)
            backend.put_log_events(group, stream, events)

    def put_metric(
        self,
        namespace: str,
        name: str,
        value: float | None = None,
        dims: Mapping[str, str] | None = None,
        unit: str = "None",
        timestamp: datetime | None = None,
        *,
        values: Iterable[float] | None = None,
    ) -> None:
        """Add one value, or with ``values`` many at once, to a CloudWatch metric of this region.

        Parameters
        ----------
        timestamp
            Aware or naive-UTC time of the measurement; now when omitted.
        """
        from moto.cloudwatch.models import cloudwatch_backends

        when = timestamp or datetime.now(UTC)
        datum: dict[str, Any] = {
            "MetricName": name,
            "Dimensions": [{"Name": k, "Value": str(v)} for k, v in (dims or {}).items()],
            "Unit": unit,
            "Timestamp": when.astimezone(UTC).replace(tzinfo=None) if when.tzinfo else when,
        }
        if values is not None:
            datum["Values"] = [float(v) for v in values]
            if not datum["Values"]:
                return
        else:
            datum["Value"] = float(value or 0.0)
        with _METRIC_LOCK:
            cloudwatch_backends[self.account_id][self.region].put_metric_data(namespace, [datum])


_current: list[Context] = []


def use(context: Context) -> Context:
    """Make ``context`` the one that :func:`current` returns; a process holds one embedded AWS."""
    _current[:] = [context]
    return context


def current() -> Context:
    """Return the context of this process.

    Raises
    ------
    RuntimeError
        Before :func:`rehearsal.aws.app.make_app` has run.
    """
    if not _current:
        raise RuntimeError("no embedded AWS in this process: call rehearsal.aws.app.make_app first")
    return _current[0]


def _assume(context: Context, role_arn: str, session: str) -> dict[str, str]:
    from moto.sts.models import sts_backends

    role = sts_backends[context.account_id]["aws"].assume_role(
        region_name=context.region,
        role_session_name=session,
        role_arn=role_arn,
        policy="",
        duration=_CREDENTIAL_SECONDS,
        external_id="",
    )
    return {
        "AWS_ACCESS_KEY_ID": role.access_key_id,
        "AWS_SECRET_ACCESS_KEY": role.secret_access_key,
        "AWS_SESSION_TOKEN": role.session_token,
    }
