"""``python -m rehearsal.bench.servers.noop``: our server as it is, with an answer in the place of the model."""

from __future__ import annotations

import os
import socket
import sys
from typing import TYPE_CHECKING

from training.serving import settings as options
from training.serving.app import App
from training.serving.metrics import Board
from training.serving.worker import Server, configuration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from training.serving.metrics import Row

ANSWER = b'[{"label": "class 0", "index": 0, "probability": 1.0}]'


def answer(bodies: Sequence[bytes], _row: Row) -> list[bytes]:
    return [ANSWER] * len(bodies)


def main() -> None:
    settings = options.from_environment(os.environ)
    board = Board(1)
    app = App(settings, answer, "noop", "1", board=board)
    with socket.create_server((settings.host, settings.port), backlog=1024) as listener:
        sys.stdout.write(f"{listener.getsockname()[1]}\n")
        sys.stdout.flush()
        Server(configuration(app, settings, board.rows[0]), board, 0).run(sockets=[listener])


if __name__ == "__main__":
    main()
