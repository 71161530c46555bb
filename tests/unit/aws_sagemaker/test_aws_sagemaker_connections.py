"""Connections that invoke endpoints leave the server's loop: whatever is sent on them is answered as before."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from aws_sagemaker_server import BUCKET, REGION, Server
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from test_aws_sagemaker_endpoint import config, endpoint, model

if TYPE_CHECKING:
    from collections.abc import Iterator

Answer = tuple[int, dict[str, str], bytes]


@pytest.fixture(scope="module", name="echo")
def echo_endpoint(aws: Server) -> Iterator[str]:
    model(aws, "talkative")
    endpoint(aws, "talkative", config(aws, "talkative"))
    yield "talkative"
    aws.sagemaker.delete_endpoint(EndpointName="talkative")


class Wire:
    """One connection and what comes back on it."""

    def __init__(self, server: Server) -> None:
        place = urlsplit(server.endpoint)
        self.endpoint = server.endpoint
        self.socket = socket.create_connection((place.hostname, place.port), 20)
        self._file = self.socket.makefile("rb")

    def request(
        self, path: str, body: bytes, *, method: str = "POST", service: str = "sagemaker", **headers: str
    ) -> bytes:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        request = AWSRequest(method, self.endpoint + path, {"Content-Type": "text/plain"}, data=body)
        SigV4Auth(Credentials("test", "test"), service, REGION).add_auth(request)
        lines = {"Host": "127.0.0.1", "Content-Length": str(len(body)), **dict(request.headers.items()), **given}
        head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        return head.encode() + b"\r\n" + body

    def answer(self) -> Answer:
        status = int(self._file.readline().split()[1])
        headers = {}
        while (line := self._file.readline().strip()) != b"":
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        return status, headers, self._file.read(int(headers.get("content-length", 0)))

    def ask(self, path: str, body: bytes, **more: str) -> Answer:
        self.socket.sendall(self.request(path, body, **more))
        return self.answer()


@pytest.fixture
def wire(aws: Server, echo: str) -> Iterator[Wire]:
    made = Wire(aws)
    with contextlib.closing(made.socket):
        yield made


INVOKE = "/endpoints/talkative/invocations"


def test_one_connection_serves_many_requests_of_both_kinds(wire: Wire) -> None:
    for number in range(3):
        status, headers, body = wire.ask(INVOKE, b"hi %d" % number)
        assert (status, headers["x-amzn-invoked-production-variant"]) == (200, "talkative")
        assert b'"text": "hi %d"' % number in body
    assert wire.ask(f"/{BUCKET}/mixed", b"x", method="PUT", service="s3")[0] == 200
    assert wire.ask(INVOKE, b"again")[0] == 200
    assert wire.ask(f"/{BUCKET}/mixed", b"", method="GET", service="s3")[2] == b"x"


def test_requests_may_come_in_pieces_and_together(wire: Wire) -> None:
    one, two = wire.request(INVOKE, b"one"), wire.request(INVOKE, b"two" * 100_000)
    for piece in (one[:18], one[18:60], one[60:-1]):
        wire.socket.sendall(piece)
    wire.socket.sendall(one[-1:] + two + one)
    assert [b'"text": "one"' in wire.answer()[2], wire.answer()[0], b'"text": "one"' in wire.answer()[2]] == [
        True,
        200,
        True,
    ]


def test_a_request_in_a_single_byte_at_a_time_is_answered(wire: Wire) -> None:
    for byte in wire.request(INVOKE, b"slowly"):
        wire.socket.send(bytes([byte]))
    assert b'"text": "slowly"' in wire.answer()[2]


@pytest.mark.parametrize("size", [6_291_457, 9_000_000])
def test_a_body_that_is_too_large_is_refused_and_the_connection_goes_on(wire: Wire, size: int) -> None:
    status, headers, _ = wire.ask(INVOKE, bytes(size))
    assert (status, headers["x-amzn-errortype"]) == (400, "ValidationError")
    assert wire.ask(INVOKE, b"hi")[0] == 200


def test_a_caller_that_waits_for_leave_to_send_gets_it(wire: Wire) -> None:
    wire.ask(INVOKE, b"hi")
    whole = wire.request(INVOKE, b"body", Expect="100-continue")
    wire.socket.sendall(whole[:-4])
    assert wire._file.readline() == b"HTTP/1.1 100 Continue\r\n"
    assert wire._file.readline() == b"\r\n"
    wire.socket.sendall(b"body")
    assert b'"text": "body"' in wire.answer()[2]


def test_a_body_in_chunks_is_put_together(wire: Wire) -> None:
    head = wire.request(INVOKE, b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    wire.socket.sendall(head + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
    assert b'"text": "abcde"' in wire.answer()[2]


@pytest.mark.parametrize("length", ["x", "-1", "1, 1"])
def test_a_length_that_is_none_is_refused(wire: Wire, length: str) -> None:
    wire.socket.sendall(wire.request(INVOKE, b"", Content_Length=length))
    assert wire.answer()[0] == 400


def test_the_caller_can_ask_to_close(wire: Wire) -> None:
    status, headers, _ = wire.ask(INVOKE, b"hi", Connection="close")
    assert (status, headers["connection"]) == (200, "close")
    assert wire.socket.recv(1) == b""


def test_a_caller_that_goes_away_harms_nobody(aws: Server, wire: Wire) -> None:
    for cut in (20, 200, -3):
        gone = Wire(aws)
        gone.socket.sendall(gone.request(INVOKE, b"body")[:cut])
        gone.socket.close()
    assert wire.ask(INVOKE, b"hi")[0] == 200


def test_an_unsigned_request_is_no_invocation(wire: Wire) -> None:
    request = wire.request(INVOKE, b"hi")
    begin = request.index(b"Authorization:")
    wire.socket.sendall(request[:begin] + request[request.index(b"\r\n", begin) + 2 :])
    assert wire.answer()[0] in (400, 403, 404)
