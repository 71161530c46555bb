"""Clients with any credentials, and identity tokens, for the tests in front of an enforcing gate."""

from __future__ import annotations

import base64
import json
import time
from typing import TYPE_CHECKING, Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config

if TYPE_CHECKING:
    from pathlib import Path

    from rehearsal.aws.client import EmbeddedAws

ACCOUNT = "123456789012"
ROLES = f"arn:aws:iam::{ACCOUNT}:role"
ISSUER = "token.actions.githubusercontent.com"


def client_of(aws: EmbeddedAws, service: str, key: str, secret: str, token: str | None = None) -> Any:
    return boto3.client(
        service,
        region_name="eu-west-1",
        endpoint_url=aws.endpoint,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=token,
        config=Config(retries={"total_max_attempts": 1}, proxies={}),
    )


def with_session(aws: EmbeddedAws, service: str, answer: dict[str, Any]) -> Any:
    got = answer["Credentials"]
    return client_of(aws, service, got["AccessKeyId"], got["SecretAccessKey"], got["SessionToken"])


def unsigned(aws: EmbeddedAws, service: str) -> Any:
    settings = Config(retries={"total_max_attempts": 1}, proxies={}, signature_version=UNSIGNED)
    return boto3.client(service, region_name="eu-west-1", endpoint_url=aws.endpoint, config=settings)


def with_headers(client: Any, headers: dict[str, str]) -> Any:
    """Add headers to everything that the client sends."""

    def add(request: Any, **_: Any) -> None:
        for name, value in headers.items():
            request.headers[name] = value

    client.meta.events.register("before-sign.*", add)
    return client


def token(**claims: Any) -> str:
    """Return an identity token as GitHub Actions makes it; its signature is nonsense."""
    now = int(time.time())
    body = {"iss": f"https://{ISSUER}", "aud": "sts.amazonaws.com", "exp": now + 300, "nbf": now - 5, **claims}
    parts = [json.dumps(part).encode() for part in ({"alg": "RS256", "typ": "JWT"}, body)]
    return ".".join([*(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts), "c2ln"])


def trust(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **s} for s in statements]})


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def add_role(aws: EmbeddedAws, name: str, trusted: str, *statements: dict[str, Any], **settings: Any) -> str:
    iam = aws.client("iam")
    arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trusted, **settings)["Role"]["Arn"]
    if statements:
        document = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **s} for s in statements]})
        iam.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=document)
    return arn
