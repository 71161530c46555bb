"""A real HTTP server on a free port that answers along a script, and misbehaves as told."""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LONGEST_STALL_S = 20.0


@dataclass
class Reply:
    """One answer.

    Attributes
    ----------
    fault
        reset: the connection is reset, nothing is answered. stall: nothing is answered. cut: half of the body, then the
        end. choke: half of the body, then nothing. trickle: byte after byte, each well within any timeout. garbage: the
        body as it is, without HTTP around it. close: all is well, but the connection is closed afterwards, unannounced.
    """

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    fault: str = ""


@dataclass
class Call:
    """A request as it arrived; names of headers in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: tuple[str, int]


def answer(content: Any, status: int = 200, **headers: str) -> Reply:
    """JSON, as an endpoint answers."""
    named = {"x-Amzn-Invoked-Production-Variant": "primary"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    return Reply(status, json.dumps(content).encode(), named)


def failure(code: str, status: int = 400, **fields: Any) -> Reply:
    """An error of the SageMaker runtime."""
    return Reply(
        status, json.dumps({"message": "as told", **fields}).encode(), {"x-amzn-ErrorType": f"{code}:http://x/"}
    )


def refusal(code: str, status: int, **headers: str) -> Reply:
    """An error of S3."""
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>as told</Message></Error>'
    return Reply(status, body.encode(), {name.replace("_", "-"): value for name, value in headers.items()})


def piece(content: bytes, start: int = 0, total: int | None = None, **more: Any) -> Reply:
    """A range of an object."""
    whole = len(content) if total is None else total
    span = f"bytes {start}-{start + len(content) - 1}/{whole}"
    return Reply(206, content, {"Content-Range": span, "ETag": '"e"', "x-amz-version-id": "v1"}, **more)


class Scripted:
    """Each request takes the next step, or asks it where it is callable; the last step stays. ``calls`` has arrived."""

    def __init__(self, *steps: Reply | Callable[[Call], Reply]) -> None:
        self.steps = list(steps)
        self.calls: list[Call] = []
        self._over = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                try:
                    super().handle_one_request()
                except OSError:  # the other side is gone, or does not trust us
                    self.close_connection = True

            def serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                named = {name.lower(): value for name, value in self.headers.items()}
                call = Call(self.command, self.path, named, body, self.client_address)
                server.calls.append(call)
                step = server.steps.pop(0) if len(server.steps) > 1 else server.steps[0]
                server._reply(self, step if isinstance(step, Reply) else step(call))

            do_GET = do_PUT = do_POST = serve  # noqa: N815 (names that http.server looks for)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (http.server's name)
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def secure(self, context: ssl.SSLContext) -> None:
        """Speak TLS from now on; handshakes are made where requests are read, so that a failed one stops nobody."""
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)

    def stop(self) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()

    def _reply(self, handler: BaseHTTPRequestHandler, step: Reply) -> None:
        handler.close_connection = bool(step.fault)
        if step.fault == "reset":
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            handler.connection.close()
            return
        if step.fault == "stall":
            self._over.wait(LONGEST_STALL_S)
            return
        if step.fault == "garbage":
            handler.wfile.write(step.body)
            return
        handler.send_response(step.status)
        for name, value in {"Content-Length": str(len(step.body)), **step.headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        if step.fault == "trickle":
            for byte in step.body:
                if self._over.wait(0.1):
                    return
                handler.wfile.write(bytes([byte]))
            return
        handler.wfile.write(step.body[: len(step.body) // 2] if step.fault in {"cut", "choke"} else step.body)
        if step.fault == "choke":
            handler.wfile.flush()
            self._over.wait(LONGEST_STALL_S)
