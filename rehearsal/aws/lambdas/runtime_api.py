"""The Lambda Runtime API, as awslambdaric speaks it: one small HTTP server per execution environment.

A server each, and not one for all: the runtime's error reports go to ``host:port`` alone, so that only the port can say
which environment speaks.
"""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Invocation:
    """One event on its way to the handler; ``timeout`` in seconds."""

    request_id: str
    event: bytes
    arn: str
    timeout: float


@dataclass
class Mailbox:
    """What passes between the embedded AWS and one execution environment.

    Attributes
    ----------
    inbox
        Invocations for the runtime; None ends it.
    outbox
        Answers: the body, and whether it is an error.
    ready
        Set when the runtime asked for its first event, or failed before that.
    init_error
        Body of the failure report of the init phase.
    """

    inbox: queue.Queue[Invocation | None] = field(default_factory=queue.Queue)
    outbox: queue.Queue[tuple[bytes, bool]] = field(default_factory=queue.Queue)
    ready: threading.Event = field(default_factory=threading.Event)
    init_error: bytes | None = None


class RuntimeApi:
    """Serve one mailbox on a free loopback port."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.mailbox = mailbox
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, name=f"runtime-api-{self.address}", daemon=True).start()

    def close(self) -> None:
        """Stop listening. A runtime that waits for an event is answered with 410 and ends."""
        self._server.mailbox.inbox.put(None)
        threading.Thread(target=self._shut, daemon=True).start()

    def _shut(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    mailbox: Mailbox

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A killed runtime breaks its connection: nothing to say about it."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server

    def do_GET(self) -> None:
        """``/runtime/invocation/next``: hold the call until there is an event."""
        mailbox = self.server.mailbox
        mailbox.ready.set()
        job = mailbox.inbox.get()
        if job is None:
            self.close_connection = True
            self._reply(410)
            return
        headers = {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": job.request_id,
            "Lambda-Runtime-Deadline-Ms": str(int((time.time() + job.timeout) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": job.arn,
            "Lambda-Runtime-Trace-Id": f"Root=1-{int(time.time()):08x}-{job.request_id.replace('-', '')[:24]}",
        }
        self._reply(200, job.event, headers)

    def do_POST(self) -> None:
        """``/runtime/invocation/<id>/response`` or ``/error``, and ``/runtime/init/error``."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        mailbox = self.server.mailbox
        self._reply(202, b'{"status":"OK"}', {"Content-Type": "application/json"})
        if self.path.endswith("/init/error"):
            mailbox.init_error = body
            mailbox.ready.set()
        else:
            mailbox.outbox.put((body, self.path.endswith("/error")))

    def _reply(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class's name)
        """Stay silent: the calls log has what matters."""
