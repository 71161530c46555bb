"""A service to load-test: one process's worth of capacity, a real socket, and signatures that are checked."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parents[2]
REGION, KEY, SECRET = "eu-west-1", "AKIDEXAMPLE", "an-example-secret"
GOOD = (200, "", b'{"predictions": []}')
DENIED = (400, "", b'{"__type": "AccessDeniedException", "message": "not allowed"}')

Answer = tuple[int, str, bytes]


def signature(url: str, headers: dict[str, str], body: bytes, service: str) -> str:
    """AWS's signature version 4, written from its description, as an independent judge of the signer."""
    parts = urlsplit(url)
    fields = dict(part.split("=", 1) for part in headers["Authorization"].split(" ", 1)[1].split(", "))
    given = {name.lower(): value for name, value in headers.items()} | {"host": parts.netloc}
    signed = fields["SignedHeaders"].split(";")
    lines = "".join(f"{name}:{given[name]}\n" for name in signed)
    digest = hashlib.sha256(body).hexdigest()
    canonical = "\n".join(["POST", parts.path, parts.query, lines, ";".join(signed), digest])
    date = given["x-amz-date"]
    scope = f"{date[:8]}/{REGION}/{service}/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", date, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + SECRET).encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


class Service:
    """Answers every POST when its queue has come to it, and not before.

    Parameters
    ----------
    seconds
        What one request takes; there is one server, so capacity is 1/seconds. 0 answers at once.
    answer
        Makes an answer from the number of the request, the path, the X-Amz-Target and the body.
    stall
        (number, seconds): when that request arrives, nothing is answered for so long.
    """

    def __init__(
        self,
        seconds: float = 0.0,
        answer: Callable[[int, str, str, bytes], Answer] = lambda *_: GOOD,
        stall: tuple[int, float] = (0, 0.0),
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.seconds, self.answer, self.stall = seconds, answer, stall
        self.count, self.connections, self.wrong_signatures = 0, 0, 0
        self.paths: set[str] = set()
        self._free_at = 0.0
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(
            self._loop.create_server(lambda: _Connection(self, self._loop), "127.0.0.1", 0, ssl=tls)
        )
        self._scheme = "https" if tls else "http"
        self.port: int = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._server.close()
        self._loop.close()

    def environment(self, **more: str) -> dict[str, str]:
        """The environment that sends a load test here."""
        plain = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return plain | {
            "AWS_ENDPOINT_URL": f"{self._scheme}://127.0.0.1:{self.port}",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_CONFIG_FILE": "/dev/null",
            **more,
        }

    def done_at(self, now: float) -> float:
        """When the request that arrives now is answered."""
        number, length = self.stall
        self._free_at = max(now, self._free_at) + self.seconds + (length if self.count == number else 0.0)
        return self._free_at

    def receive(self, path: str, headers: dict[str, str], body: bytes) -> Answer:
        if headers.get("x-amz-target", "").startswith("SageMaker."):
            return DENIED
        self.count += 1
        self.paths.add(path)
        scope = headers.get("authorization", "").split("Credential=")[-1].split("/")
        # botocore signs the path as it is sent, and names the service in the scope.
        url = f"{self._scheme}://{headers['host']}{path}"
        named = {"Authorization": headers["authorization"], **headers} if "authorization" in headers else headers
        if len(scope) < 4 or not named["Authorization"].endswith(signature(url, named, body, scope[3])):
            self.wrong_signatures += 1
            return 403, "", b'{"message": "The request signature does not match"}'
        return self.answer(self.count, unquote(path), headers.get("x-amz-target", ""), body)


class _Connection(asyncio.Protocol):
    def __init__(self, service: Service, loop: asyncio.AbstractEventLoop) -> None:
        self._service, self._loop, self._held = service, loop, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._service.connections += 1

    def data_received(self, data: bytes) -> None:
        self._held += data
        while (end := self._held.find(b"\r\n\r\n")) >= 0:
            first, *lines = self._held[:end].decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines)}
            size = end + 4 + int(headers.get("content-length", 0))
            if len(self._held) < size:
                return
            body, self._held = self._held[end + 4 : size], self._held[size:]
            now = self._loop.time()
            answer = self._service.receive(first.split(" ")[1], headers, body)
            if self._service.seconds or self._service.stall[0]:
                self._loop.call_at(self._service.done_at(now), self._reply, answer)
            else:
                self._reply(answer)

    def _reply(self, answer: Answer) -> None:
        status, headers, body = answer
        head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
        self._transport.write(head.encode() + body)


@contextmanager
def serving(service: Service) -> Iterator[Service]:
    service.start()
    try:
        yield service
    finally:
        service.stop()


def run(service: Service, out: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the load test's own command against a service."""
    command = [sys.executable, "-m", "loadtest.run", "--out", str(out), *arguments]
    chosen = service.environment(**environment)
    return subprocess.run(command, cwd=ROOT, env=chosen, capture_output=True, text=True, timeout=120, check=False)


def images(folder: Path, sizes: tuple[int, ...] = (100, 1_000, 10_000)) -> Path:
    """A folder of images of some sizes; nobody here looks into them."""
    folder.mkdir()
    for number, size in enumerate(sizes):
        (folder / f"{number}.png").write_bytes(b"\x89PNG" + bytes([number]) * size)
    return folder
