"""The servers of one variant: one unpacked model, as many processes as capacity asks and this machine allows."""

from __future__ import annotations

import logging
import secrets
import shutil
import threading
import time
from typing import TYPE_CHECKING

from rehearsal.aws.iam.decide import AccessDeniedError
from rehearsal.aws.processes import ServerStoppingError
from rehearsal.aws.sagemaker import duties, images, settings
from rehearsal.aws.sagemaker.errors import FailedError
from rehearsal.aws.sagemaker.serving import model_data
from rehearsal.aws.sagemaker.serving.instance import Instance

if TYPE_CHECKING:
    from rehearsal.aws.context import Context
    from rehearsal.aws.sagemaker.serving.spec import VariantSpec

log = logging.getLogger(__name__)

_RESTART_SECONDS = 2.0  # between two attempts: a model that crashes at its start must not keep the machine busy


class VariantFleet:
    """One variant at work."""

    def __init__(self, context: Context, endpoint: str, spec: VariantSpec) -> None:
        self.spec = spec
        self._context, self._endpoint = context, endpoint
        self._acting = duties.of_endpoint(context, endpoint, spec.role_arn)
        self._log_group = f"{settings.ENDPOINT_LOG_GROUP}/{endpoint}"
        self._base = context.folder("endpoints", endpoint, f"{spec.name}-{secrets.token_hex(4)}")
        self._instances: tuple[Instance, ...] = ()
        self._next = 0
        self._next_restart = 0.0
        self._lock = threading.RLock()
        self._retired = threading.Event()

    def start(self) -> None:
        """Unpack the model and bring up the wanted number of servers.

        Raises
        ------
        FailedError
            With the reason as DescribeEndpoint shows it.
        """
        images.resolve(self.spec.image, "serving")
        try:
            duties.demand_serving(self._context, self._acting, self.spec, self._log_group)
            model_data.unpack(self._context, self._acting, self.spec, self._base)
        except AccessDeniedError as error:
            raise FailedError(f"ClientError: {error}") from error
        self.resize(self.spec.desired_count)
        self.spec.current_weight = self.spec.desired_weight

    def resize(self, count: int) -> None:
        """Change the number of instances; real processes up to ``MAX_PROCESSES_PER_VARIANT``.

        Raises
        ------
        FailedError
            When a new server does not become healthy; the old number stays.
        """
        with self._lock:
            before, self.spec.desired_count = self.spec.current_count, count
            wanted = min(count, settings.MAX_PROCESSES_PER_VARIANT)
            try:
                fresh = self._launch(wanted - len(self._instances))
            except FailedError:
                self.spec.desired_count = before
                raise
            surplus = self._instances[wanted:]
            self._instances = (*self._instances[:wanted], *fresh)
            self.spec.current_count = count
            if count > wanted:
                note = f"slipway: {count} instances are asked for; this machine runs {wanted} of them"
                self._context.put_logs(self._log_group, f"{self.spec.name}/capacity", [note])
        for instance in surplus:
            instance.retire()

    @property
    def active_count(self) -> int:
        """The instances that can answer: those of the endpoint's count without those that are gone just now."""
        return max(0, self.spec.current_count - sum(not instance.alive for instance in self._instances))

    @property
    def instances(self) -> tuple[Instance, ...]:
        """The servers that run or are about to be replaced."""
        return self._instances

    def pick(self) -> Instance | None:
        """Return the next live server in turn, or None."""
        instances = self._instances
        for _ in instances:
            self._next += 1
            instance = instances[self._next % len(instances)]
            if instance.alive:
                return instance
        return None

    def tend(self) -> None:
        """Send the servers' logs, and replace what has ended or fails its health checks, as SageMaker does."""
        for instance in self._instances:
            instance.send_log()
        whole = all(instance.alive or instance.held for instance in self._instances)
        if whole or self._retired.is_set() or time.monotonic() < self._next_restart:
            return
        self._next_restart = time.monotonic() + _RESTART_SECONDS
        threading.Thread(target=self._replace_dead, name=f"restart {self.spec.name}", daemon=True).start()

    def retire(self) -> None:
        """End all servers and remove their folder."""
        self._retired.set()
        with self._lock:
            instances, self._instances = self._instances, ()
        for instance in instances:
            instance.retire()
        shutil.rmtree(self._base, ignore_errors=True)

    def _replace_dead(self) -> None:
        with self._lock:
            kept = tuple(instance for instance in self._instances if instance.alive or instance.held)
            dead = [instance for instance in self._instances if instance not in kept]
            if not dead:
                return
            for instance in dead:
                instance.abandon()
            log.warning("endpoint %s: %d server(s) of %s ended", self._endpoint, len(dead), self.spec.name)
            try:
                self._instances = (*kept, *self._launch(len(dead)))
            except FailedError as error:
                log.warning("endpoint %s: %s", self._endpoint, error)

    def _launch(self, count: int) -> tuple[Instance, ...]:
        fresh: list[Instance] = []
        try:
            fresh += [
                Instance(self._context, self._acting, self._log_group, self.spec, self._base) for _ in range(count)
            ]
            for instance in fresh:
                instance.wait_healthy(self.spec.start_seconds, self._retired)
        except (FailedError, ServerStoppingError, AccessDeniedError) as error:
            for instance in fresh:
                instance.abandon()
            raise FailedError(
                f"The primary container for production variant {self.spec.name} did not pass the ping health check. "
                f"Please check CloudWatch logs for this endpoint."
            ) from error
        return tuple(fresh)
