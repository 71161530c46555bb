"""Where requests go: names resolved to URLs the way every AWS client does it, and signatures for them.

botocore resolves the address, so partitions, FIPS settings and `AWS_ENDPOINT_URL` all work; the requests themselves
then bypass it, because a boto3 call costs the generator more processor time than many an endpoint needs to answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.session import Session

from loadtest.errors import LoadUsageError
from loadtest.payloads import Payload

# AWS accepts a signature for five minutes. Reusing one for a fraction of that takes signing out of the measured path.
SIGNATURE_LIFETIME_S = 60.0


@dataclass(frozen=True)
class Target:
    """One address that can be invoked, and the names its signatures carry."""

    label: str
    url: str
    service: str
    region: str


def endpoint_target(name: str, session: Session | None = None) -> Target:
    """The `InvokeEndpoint` address of a SageMaker endpoint."""
    base, service, region = _resolve("sagemaker-runtime", session or Session())
    return Target(name, f"{base}/endpoints/{quote(name, safe='')}/invocations", service, region)


def function_target(name: str, alias: str = "live", session: Session | None = None) -> Target:
    """The `Invoke` address of a Lambda alias."""
    base, service, region = _resolve("lambda", session or Session())
    path = f"/2015-03-31/functions/{quote(name, safe='')}/invocations?Qualifier={quote(alias, safe='')}"
    return Target(f"{name}:{alias}", base + path, service, region)


def workflow_target(session: Session | None = None) -> Target:
    """The address of Step Functions; which state machine is meant stands in each request."""
    base, service, region = _resolve("stepfunctions", session or Session())
    return Target("workflow", base + "/", service, region)


def state_machine(name: str, session: Session | None = None) -> str:
    """Return the ARN of a state machine in the caller's account, given its name or its ARN."""
    if name.startswith("arn:"):
        return name
    session = session or Session()
    region = _region(session)
    caller = session.create_client("sts", region_name=region).get_caller_identity()["Arn"]
    _, partition, _, _, account, _ = caller.split(":", 5)
    return f"arn:{partition}:states:{region}:{account}:stateMachine:{name}"


def require(session: Session) -> None:
    """Raise LoadUsageError where a region or credentials are missing."""
    _region(session)
    _credentials(session)


class Signer:
    """Signs requests to one target with credentials that are asked for each time, so rotated ones are picked up."""

    def __init__(self, target: Target, session: Session | None = None) -> None:
        self._target = target
        self._credentials = _credentials(session or Session())

    def sign(self, body: bytes, headers: dict[str, str]) -> dict[str, str]:
        """Return the headers together with those of the signature."""
        request = AWSRequest(method="POST", url=self._target.url, headers=headers, data=body)
        frozen = self._credentials.get_frozen_credentials()
        SigV4Auth(frozen, self._target.service, self._target.region).add_auth(request)
        return dict(request.headers.items())


class SignedPayloads:
    """Hands out payloads in turn, each with headers signed recently enough to be accepted.

    Parameters
    ----------
    target, payloads
        Where to and what. The payloads are handed out round robin.
    session
        Source of credentials.
    clock
        Seconds, monotonic. A parameter so that tests can move it.
    """

    def __init__(
        self,
        target: Target,
        payloads: list[Payload],
        session: Session | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.target = target
        self._payloads = payloads
        self._signer = Signer(target, session)
        self._clock = clock
        self._signed: list[tuple[float, dict[str, str]] | None] = [None] * len(payloads)
        self._next = 0

    def take(self) -> tuple[bytes, dict[str, str]]:
        """Return the next body and its signed headers."""
        index = self._next
        self._next = (index + 1) % len(self._payloads)
        payload, cached, now = self._payloads[index], self._signed[index], self._clock()
        if cached is None or now - cached[0] > SIGNATURE_LIFETIME_S:
            cached = (now, self._sign(payload))
            self._signed[index] = cached
        return payload.body, cached[1]

    def _sign(self, payload: Payload) -> dict[str, str]:
        return self._signer.sign(payload.body, {"Content-Type": payload.content_type, "Accept": "application/json"})


def _resolve(service: str, session: Session) -> tuple[str, str, str]:
    region = _region(session)
    client = session.create_client(service, region_name=region)
    return client.meta.endpoint_url.rstrip("/"), client.meta.service_model.signing_name, region


def _region(session: Session) -> str:
    region: str | None = session.get_config_variable("region")
    if not region:
        raise LoadUsageError("region", region, "set AWS_REGION or AWS_DEFAULT_REGION")
    return region


def _credentials(session: Session) -> Credentials:
    credentials: Credentials | None = session.get_credentials()
    if credentials is None:
        raise LoadUsageError("credentials", None, "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    return credentials
