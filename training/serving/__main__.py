"""`python -m training.serving`: serve the model of SM_MODEL_DIR on SAGEMAKER_BIND_TO_PORT.

Exit codes: 0 stopped by SIGTERM or SIGINT, 1 the model cannot be served, 2 wrong settings or a taken port.
"""

from __future__ import annotations

import os
import signal
import socket
import sys

from training.serving import settings as options
from training.serving.errors import ModelError
from training.serving.log import log
from training.serving.metrics import Board
from training.serving.supervisor import supervise


def main() -> int:
    """Serve until told to stop."""
    for number in (signal.SIGTERM, signal.SIGINT):  # until somebody serves, there is nothing to wait for
        signal.signal(number, lambda *_: os._exit(0))
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
        port = listener.getsockname()[1]
        log("listening", host=settings.host, port=port, pid=os.getpid(), workers=settings.workers)
        if settings.port == 0:
            sys.stdout.write(f"{port}\n")
            sys.stdout.flush()
        return _serve(settings, listener, Board(settings.workers))


def _serve(settings: options.Settings, listener: socket.socket, board: Board) -> int:
    def one(number: int = 0, lifeline: int | None = None) -> int:
        # numpy's linear algebra, which is not used here, would keep a thread per core in every worker.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        # Here and not above: a supervisor needs none of it, and forks while no library has started a thread.
        from training.serving.worker import serve  # noqa: PLC0415

        return serve(settings, listener, board, number, lifeline)

    if settings.workers == 1:
        return one()
    return supervise(settings.workers, settings.drain_s, listener, board, one)


if __name__ == "__main__":
    sys.exit(main())
