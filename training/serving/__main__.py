"""`python -m training.serving`: serve the model of SM_MODEL_DIR on SAGEMAKER_BIND_TO_PORT.

Exit codes: 0 stopped by SIGTERM or SIGINT, 1 the model cannot be served, 2 wrong settings or a taken port.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys

import uvicorn

from training.serving import settings as options
from training.serving.app import App
from training.serving.errors import ModelError
from training.serving.log import log


def main() -> int:
    """Serve until told to stop."""
    # SageMaker starts a container with the word "serve"; there is nothing else to say.
    if sys.argv[1:] not in ([], ["serve"]):
        sys.stderr.write(f"error: arguments {sys.argv[1:]}: there are none but `serve`; use environment variables\n")
        return 2
    try:
        settings = options.from_environment(os.environ)
    except ModelError as error:
        log("failed", reason=str(error))
        return 2
    try:
        listener = socket.create_server((settings.host, settings.port), backlog=1024)
    except OSError as error:
        where = f"{settings.host}:{settings.port}"
        log("failed", reason=f"cannot listen on {where} ({error.strerror}): set SAGEMAKER_BIND_TO_PORT to a free port")
        return 2
    with listener:
        return _serve(settings, listener)


def _serve(settings: options.Settings, listener: socket.socket) -> int:
    # uvicorn raises the signal that stopped it once more when it is done; a drained server has succeeded.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    failed = False

    def give_up() -> None:
        nonlocal failed
        failed = True
        server.should_exit = True

    app = App(settings, give_up)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            http="httptools",
            lifespan="on",
            interface="asgi3",
            access_log=False,
            log_config=None,
            server_header=False,
            date_header=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=settings.drain_s,
        )
    )
    logging.getLogger("uvicorn").setLevel(logging.ERROR)
    port = listener.getsockname()[1]
    log("listening", host=settings.host, port=port, pid=os.getpid())
    if settings.port == 0:
        sys.stdout.write(f"{port}\n")
        sys.stdout.flush()
    server.run(sockets=[listener])
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
