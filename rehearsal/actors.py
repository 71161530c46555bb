"""Who acts in a rehearsal: sessions of the same roles that people and the pipeline have in a real account.

The account owner alone is the root user. The pipeline's roles are assumed with a token of the shape that GitHub issues
(its signature is the one thing the embedded AWS cannot check), the people's roles by users that stand in for identities
of IAM Identity Center.
"""

from __future__ import annotations

import base64
import io
import json
import time
from configparser import ConfigParser
from dataclasses import dataclass
from typing import Any, Literal

import boto3
from botocore.config import Config

from rehearsal.run import ACCOUNT, REGION, RehearsalError, Run, write_text

Name = Literal["owner", "deploy", "plan", "operator", "approver"]

REPOSITORY = "example/slipway"
ISSUER, AUDIENCE = "https://token.actions.githubusercontent.com", "sts.amazonaws.com"
SUBJECTS = {"deploy": "environment:rehearsal", "plan": "ref:refs/heads/main"}
"""What GitHub writes of a job into the claim sub: one that names an environment, one of a branch."""

PEOPLE = {"operator": "rehearsal-operator", "approver": "rehearsal-approver"}
"""The users that stand in for people, as the environment's settings name them."""

SESSION_S = 3600


@dataclass(frozen=True)
class Credentials:
    """Access key and, of a role's session, its token and beginning (seconds of the monotonic clock)."""

    key: str
    secret: str
    token: str | None = None
    begun: float = 0.0

    @property
    def aged(self) -> bool:
        """Whether more than half of the session is over: what begins now must not see its end."""
        return self.token is not None and time.monotonic() - self.begun > SESSION_S / 2


@dataclass(frozen=True)
class Actor:
    """One who acts, with the clients and the environment variables of their session."""

    name: str
    endpoint: str
    credentials: Credentials
    surroundings: dict[str, str]

    def client(self, service: str, config: Config | None = None) -> Any:
        """A boto3 client of this actor, for one stage's length; ``config`` goes on top of what every client has."""
        session = boto3.session.Session(
            aws_access_key_id=self.credentials.key,
            aws_secret_access_key=self.credentials.secret,
            aws_session_token=self.credentials.token,
            region_name=REGION,
        )
        settings = Config(proxies={}, read_timeout=900, retries={"total_max_attempts": 1})
        return session.client(
            service, endpoint_url=self.endpoint, config=settings.merge(config) if config else settings
        )

    def env(self) -> dict[str, str]:
        """The whole environment of a child, such as Terraform, that acts in this actor's name."""
        named = {"AWS_ACCESS_KEY_ID": self.credentials.key, "AWS_SECRET_ACCESS_KEY": self.credentials.secret}
        token = {"AWS_SESSION_TOKEN": self.credentials.token} if self.credentials.token else {}
        return self.surroundings | named | token


def actor(run: Run, name: Name) -> Actor:
    """Return the actor with credentials that last for a stage at least; RehearsalError when nobody may be it yet."""
    surroundings = run.embedded.env()
    owner = Credentials(surroundings["AWS_ACCESS_KEY_ID"], surroundings["AWS_SECRET_ACCESS_KEY"])
    if name == "owner":
        credentials = owner
    else:
        known = run.sessions.get(name)
        if known is None or known.aged:
            known = run.sessions[name] = _assumed(run, name, owner)
        credentials = known
    return Actor(name, run.embedded.endpoint, credentials, surroundings)


def _assumed(run: Run, name: Name, owner: Credentials) -> Credentials:
    begun = time.monotonic()
    if name in SUBJECTS:
        sts = Actor("owner", run.embedded.endpoint, owner, {}).client("sts")  # the call itself is not signed
        answer = sts.assume_role_with_web_identity(
            RoleArn=f"arn:aws:iam::{ACCOUNT}:role/slipway-{name}",
            RoleSessionName="GitHubActions",
            WebIdentityToken=github_token(SUBJECTS[name]),
            DurationSeconds=SESSION_S,
        )
    else:
        sts = Actor(name, run.embedded.endpoint, person(run, name), {}).client("sts")
        answer = sts.assume_role(
            RoleArn=f"arn:aws:iam::{ACCOUNT}:role/slipway-rehearsal-{name}",
            RoleSessionName=PEOPLE[name],
            DurationSeconds=SESSION_S,
        )
    found = answer["Credentials"]
    return Credentials(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"], begun)


def github_token(subject: str) -> str:
    """A JSON Web Token with the claims of a GitHub Actions job, unsigned."""
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": f"repo:{REPOSITORY}:{subject}",
        "repository": REPOSITORY,
        "iat": now,
        "nbf": now,
        "exp": now + 300,
    }
    return f"{_part({'alg': 'none', 'typ': 'JWT'})}.{_part(claims)}."


def _part(content: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def sign_up(run: Run) -> None:
    """Make the users that stand in for people, each with one key, and the profiles with which a person reaches them."""
    iam = actor(run, "owner").client("iam")
    profiles = ConfigParser(interpolation=None)
    profiles["profile owner"] = _profile(actor(run, "owner").credentials.key, actor(run, "owner").credentials.secret)
    for name, user in PEOPLE.items():
        _remove(iam, user)
        iam.create_user(UserName=user)
        key = iam.create_access_key(UserName=user)["AccessKey"]
        profiles[f"profile {user}"] = _profile(key["AccessKeyId"], key["SecretAccessKey"])
        profiles[f"profile {name}"] = {
            "region": REGION,
            "role_arn": f"arn:aws:iam::{ACCOUNT}:role/slipway-rehearsal-{name}",
            "role_session_name": user,
            "source_profile": user,
        }
    text = io.StringIO()
    profiles.write(text)
    write_text(run.profiles, text.getvalue(), mode=0o600)


def sign_off(run: Run) -> None:
    """Remove the users again."""
    iam = actor(run, "owner").client("iam")
    for user in PEOPLE.values():
        _remove(iam, user)


def person(run: Run, name: str) -> Credentials:
    """The stand-in's own key, which may do nothing but assume the one role."""
    profiles = ConfigParser(interpolation=None)
    profiles.read(run.profiles)
    section = f"profile {PEOPLE[name]}"
    if section not in profiles:
        raise RehearsalError(f"{run.profiles} names no {PEOPLE[name]}: run `make rehearse STAGE=bootstrap`")
    return Credentials(profiles[section]["aws_access_key_id"], profiles[section]["aws_secret_access_key"])


def _profile(key: str, secret: str) -> dict[str, str]:
    return {"region": REGION, "aws_access_key_id": key, "aws_secret_access_key": secret}


def _remove(iam: Any, user: str) -> None:
    try:
        keys = iam.list_access_keys(UserName=user)["AccessKeyMetadata"]
    except iam.exceptions.NoSuchEntityException:
        return
    for key in keys:
        iam.delete_access_key(UserName=user, AccessKeyId=key["AccessKeyId"])
    iam.delete_user(UserName=user)
