"""Sessions of every role, as those have them who may take it on: services, people, the pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import boto3
from botocore.config import Config

from policies.plan import conditions, listed, services
from rehearsal.actors import SUBJECTS, Actor, actor, github_token, person
from rehearsal.prove.forbidden.attempt import OWNER
from rehearsal.prove.forbidden.world import FUNCTIONS, PEOPLE, PIPELINE, World
from rehearsal.prove.roles import Role
from rehearsal.run import Run

PREFIX = "forbidden-"
"""Sessions named so try what must be refused: their refusals are expected, and what they do is no use of a role's."""

Credentials = Mapping[str, str]


def sessions(run: Run, world: World) -> dict[str, Credentials]:
    """Credentials of every role by its name, and of the account's owner."""
    owner = actor(run, "owner")
    found: dict[str, Credentials] = {OWNER: _plain(owner.credentials.key, owner.credentials.secret)}
    for name, role in world.roles.items():
        kind = world.kind(name)
        asked = {"RoleArn": role.arn, "RoleSessionName": f"{PREFIX}{kind}"[:64]}
        if kind in PEOPLE:
            answer = Actor(kind, owner.endpoint, person(run, kind), {}).client("sts").assume_role(**asked)
        elif kind in PIPELINE:
            token = github_token(SUBJECTS[kind])
            answer = owner.client("sts").assume_role_with_web_identity(**asked, WebIdentityToken=token)
        else:
            answer = _as_service(owner.client("sts"), role, world).assume_role(**asked)
        keys = answer["Credentials"]
        found[name] = _plain(keys["AccessKeyId"], keys["SecretAccessKey"]) | {"aws_session_token": keys["SessionToken"]}
    return found


class Clients:
    """boto3 clients that try once; all from one session, which reads each service's model once."""

    def __init__(self, endpoint: str, region: str, found: Mapping[str, Credentials]) -> None:
        self._session = boto3.session.Session(region_name=region)
        self._endpoint, self._found = endpoint, found

    def make(self, role: str, service: str, way: str = "") -> Any:
        """A client of a role; ``way`` makes its calls travel worse than they would."""
        settings = Config(proxies={}, retries={"total_max_attempts": 1}, max_pool_connections=20)
        made = self._session.client(service, endpoint_url=self._endpoint, config=settings, **self._found[role])
        if way:
            _with_headers(made, {"x-slipway-way": way})
        return made


def _as_service(sts: Any, role: Role, world: World) -> Any:
    """The owner's client, calling as the service that a role trusts, for a resource that it accepts."""
    statement = listed(role.trust.get("Statement"))[0]
    wanted = [value for (_, key), values in conditions(statement).items() if key == "aws:sourcearn" for value in values]
    source = wanted[0].replace("*", "forbidden") if wanted else world.arn("sagemaker", "training-job/forbidden")
    if world.kind(role.name) in FUNCTIONS:
        source = world.arn("lambda", f"function:{role.name}")
    _with_headers(sts, {"x-slipway-service": services(statement)[0], "x-slipway-source": source})
    return sts


def _with_headers(made: Any, headers: Mapping[str, str]) -> None:
    def add(request: Any, **_: Any) -> None:
        for name, value in headers.items():
            request.headers.add_header(name, value)

    made.meta.events.register("before-sign.*", add)


def _plain(key: str, secret: str) -> dict[str, str]:
    return {"aws_access_key_id": key, "aws_secret_access_key": secret}
