"""Locust's plain HttpUser with the same payloads and signatures as ours: the peer of the group `locust`."""

from __future__ import annotations

import os
from pathlib import Path

from locust import HttpUser, constant, task

from loadtest.payloads import read_images
from loadtest.targets import SignedPayloads, endpoint_target

STOCK = SignedPayloads(endpoint_target("nothing"), read_images(Path(os.environ["BENCH_IMAGES"])))


class PlainUser(HttpUser):
    host = STOCK.target.url
    wait_time = constant(0)

    @task
    def invoke(self) -> None:
        body, headers = STOCK.take()
        self.client.post(STOCK.target.url, data=body, headers=headers, name="nothing")
