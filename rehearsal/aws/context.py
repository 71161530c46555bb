"""What every part of the embedded AWS needs to know and to do: where it is, who a role is, logs and metrics.

Everything here works inside the server's own process. Calls made on behalf of AWS itself (log delivery, service
metrics) go straight to the backends; where AWS needs the customer's permission for them, the caller asks for it first
(:mod:`rehearsal.aws.iam.acting`). Calls made on behalf of a role travel over HTTP with that role's credentials, so that
they are recorded and decided like any other.
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

REPO_ROOT = Path(__file__).resolve().parents[2]
"""Import root of the project: ``python -m training.serving`` works with this on PYTHONPATH."""

_HOST_PREFIXES = ("AWS_", "MOTO_", "BOTO_", "SAGEMAKER_", "SM_", "SM_HP_", "LAMBDA_", "_HANDLER", "TF_", "PYTHON")
_CREDENTIAL_SECONDS = 3600
_LOG_LOCK = threading.Lock()
_METRIC_LOCK = threading.Lock()


class Acting(NamedTuple):
    """A role as a service assumes it.

    Parameters
    ----------
    role
        ARN.
    session
        The name that the service gives its session.
    service
        Its principal, such as ``lambda.amazonaws.com``.
    source
        ARN of the resource for which it acts.
    """

    role: str
    session: str
    service: str
    source: str


class Summary(NamedTuple):
    """Many measurements in one: CloudWatch's statistic set. Percentiles cannot be had from it."""

    total: float
    samples: float
    low: float
    high: float


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
    _credentials: dict[Acting, tuple[float, dict[str, str]]] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def scaled(self, seconds: float) -> float:
        """Return how long a wait of ``seconds`` on AWS takes here, in seconds."""
        return seconds / self.speed

    def folder(self, *parts: str) -> Path:
        """Return (and make) a folder below the root."""
        path = self.root.joinpath(*parts)
        path.mkdir(parents=True, exist_ok=True)
        return path

    def role_credentials(self, acting: Acting) -> dict[str, str]:
        """Temporary credentials of a role, as a service principal gets them. Its trust policy is asked each time.

        Returns
        -------
        dict
            ``AWS_ACCESS_KEY_ID``, ``AWS_SECRET_ACCESS_KEY`` and ``AWS_SESSION_TOKEN``. The same role, session name and
            resource share credentials until half their life is over.

        Raises
        ------
        rehearsal.aws.iam.decide.AccessDeniedError
            When the trust policy does not let the service in.
        """
        from rehearsal.aws.iam import decide

        acting = acting._replace(session=acting.session[:64])
        decide.assume(acting.service, acting.role, acting.source)
        with self._lock:
            born, credentials = self._credentials.get(acting, (0.0, {}))
            if time.monotonic() - born > _CREDENTIAL_SECONDS / 2 or not credentials:
                credentials = _assume(self, acting)
                self._credentials[acting] = (time.monotonic(), credentials)
            return dict(credentials)

    def forget_credentials(self) -> None:
        """Drop the cached role credentials: after a restore the token service no longer knows them."""
        with self._lock:
            self._credentials.clear()

    def process_env(self, acting: Acting, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the whole environment of a child process that acts as a role.

        Nothing of the host's AWS settings, profiles or proxies reaches the child. PYTHONPATH is the project's import
        root unless ``extra`` says otherwise.
        """
        env = {k: v for k, v in os.environ.items() if not k.startswith(_HOST_PREFIXES)}
        env.update(self.role_credentials(acting))
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

    def role_client(self, service: str, acting: Acting, **config: Any) -> Any:
        """Return a boto3 client that acts as a role; ``config`` goes to :class:`botocore.config.Config`."""
        import boto3
        from botocore.config import Config

        credentials = self.role_credentials(acting)
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
        summary: Summary | None = None,
    ) -> None:
        """Add one value, or with ``values`` or ``summary`` many at once, to a CloudWatch metric of this region.

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
        elif summary is not None:
            datum["StatisticValues"] = {
                "Sum": summary.total,
                "SampleCount": summary.samples,
                "Minimum": summary.low,
                "Maximum": summary.high,
            }
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


def _assume(context: Context, acting: Acting) -> dict[str, str]:
    from moto.sts.models import sts_backends

    from rehearsal.aws.iam import sessions

    role = sts_backends[context.account_id]["aws"].assume_role(
        region_name=context.region,
        role_session_name=acting.session,
        role_arn=acting.role,
        policy="",
        duration=_CREDENTIAL_SECONDS,
        external_id="",
    )
    issued = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    sessions.note(role, sessions.Facts(issued=issued, service=acting.service, source=acting.source))
    return {
        "AWS_ACCESS_KEY_ID": role.access_key_id,
        "AWS_SECRET_ACCESS_KEY": role.secret_access_key,
        "AWS_SESSION_TOKEN": role.session_token,
    }
