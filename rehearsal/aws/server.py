"""Serve the embedded AWS: bind, restore, answer, and on a signal save and end every child."""

from __future__ import annotations

import faulthandler
import json
import logging
import os
import signal
import socket
import sys
import threading
from typing import TYPE_CHECKING, Any

from rehearsal.aws import extensions, processes
from rehearsal.aws.context import current

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger(__name__)

_THREADS = 192  # a waiting function holds one, and the calls that it makes need others
_LARGEST_REQUEST = 6 << 30  # bytes; one S3 part may have 5 GiB


class PortTakenError(RuntimeError):
    """The port that was asked for belongs to another process."""


def bind(port: int) -> socket.socket:
    """Listen on 127.0.0.1; port 0 takes any free one.

    Raises
    ------
    PortTakenError
        When another process listens there.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen(1024)
    except (OSError, OverflowError) as error:
        listener.close()
        raise PortTakenError(
            f"port {port} of 127.0.0.1 cannot be used ({getattr(error, 'strerror', error)}): choose another, or 0"
        ) from error
    return listener


def serve(
    root: Path,
    *,
    port: int = 0,
    account_id: str = "123456789012",
    region: str = "eu-west-1",
    speed: float = 20.0,
    state: Path | None = None,
    stop_with_parent: bool = False,
    iam: str = "off",
) -> None:
    """Run until SIGTERM, SIGINT or, with ``stop_with_parent``, the end of standard input.

    Prints one JSON line with the endpoint when requests are answered.

    Raises
    ------
    PortTakenError, rehearsal.aws.state.StateFileError
        Before the ready line; nothing is left running.
    """
    listener = bind(port)
    root.mkdir(parents=True, exist_ok=True)
    root = root.resolve()
    _log_to(root / "server.log")
    endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}"

    from rehearsal.aws.app import make_app

    app = make_app(root, endpoint=endpoint, account_id=account_id, region=region, speed=speed, iam=iam)
    _restore(state)
    extensions.notify("start", current())

    import waitress

    from rehearsal.aws import hot

    _accept_empty_bodies()
    faulthandler.register(signal.SIGUSR1)  # kill -USR1 shows what every thread does
    stop = threading.Event()
    server = waitress.create_server(
        _until(stop, app),
        sockets=[listener],
        threads=_THREADS,
        max_request_body_size=_LARGEST_REQUEST,
        asyncore_use_poll=True,  # select() fails above descriptor 1023, which a load test reaches
        channel_timeout=900,
        connection_limit=1000,
        ident=None,
        clear_untrusted_proxy_headers=True,
    )
    hot.install(server, _until(stop, app))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if stop_with_parent:
        threading.Thread(target=_await_parent, args=(stop,), name="parent", daemon=True).start()
    threading.Thread(target=server.run, name="waitress", daemon=True).start()
    ready = {"endpoint": endpoint, "pid": os.getpid(), "account": account_id, "region": region}
    print(json.dumps(ready), flush=True)
    stop.wait()
    _end(state)


def _until(stop: threading.Event, app: Any) -> Any:
    """Answer 503 once ``stop`` is set: what is saved then must not change any more."""

    def gate(environ: dict[str, Any], start_response: Any) -> Any:
        if stop.is_set():
            start_response("503 Service Unavailable", [("Content-Length", "0")])
            return [b""]
        return app(environ, start_response)

    return gate


def _accept_empty_bodies() -> None:
    """Keep waitress from waiting for a body of no bytes after ``Expect: 100-continue``, as S3 clients send it."""
    from waitress.channel import HTTPChannel
    from waitress.parser import HTTPRequestParser

    class Parser(HTTPRequestParser):
        def parse_header(self, header_plus: bytes) -> None:
            super().parse_header(header_plus)
            if not self.chunked and not self.content_length:
                self.expect_continue = False

    HTTPChannel.parser_class = Parser


def _end(state: Path | None) -> None:
    log.info("stopping")
    context = current()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not cut the clean-up short
    status = 0
    try:
        if state is not None:
            from rehearsal.aws.state import save

            extensions.notify("before_save", context)
            save(state)
        extensions.notify("stop", context)
    except Exception as error:
        log.exception("the end was not clean")
        print(f"rehearsal.aws: {error}", file=sys.stderr, flush=True)
        status = 1
    finally:
        processes.stop_all()
        logging.shutdown()
        sys.stdout.flush()
        os._exit(status)  # request threads may hang in long polls; everything that matters has been ended


def _restore(state: Path | None) -> None:
    if state is None or not state.exists():
        return
    from rehearsal.aws.state import restore

    context = current()
    restore(state, lambda service: extensions.prepare(service, context))
    current().forget_credentials()
    extensions.notify("after_restore", current())


def _await_parent(stop: threading.Event) -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    stop.set()


def _log_to(path: Path) -> None:
    logging.basicConfig(
        filename=path, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True
    )
    for noisy in ("botocore", "boto3", "urllib3", "werkzeug", "waitress.queue"):
        logging.getLogger(noisy).setLevel(logging.WARNING if noisy != "waitress.queue" else logging.ERROR)
