"""What a drill works on: an embedded AWS with a role, a bucket, a topic that somebody listens to, and endpoints."""

from __future__ import annotations

import contextlib
import itertools
import json
import time
from typing import TYPE_CHECKING, Any

from rehearsal.aws.client import EmbeddedAws
from rehearsal.faults import alarms, model
from rehearsal.faults.errors import DrillError
from rehearsal.faults.load import Call, invocation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SPEED = 20.0
BUCKET = "slipway-drills"
ENDPOINT_ALARMS = ("errors", "latency", "capacity")
_SERVICES = ["sagemaker.amazonaws.com", "lambda.amazonaws.com"]


class World:
    """An embedded AWS that enforces policies, furnished.

    Attributes
    ----------
    aws
        The embedded AWS.
    role
        ARN of a role that SageMaker and Lambda may assume, and that may do everything.
    topic
        ARN of the topic that alarms tell.
    """

    def __init__(self, aws: EmbeddedAws) -> None:
        self.aws = aws
        self._clients: dict[str, Any] = {}
        self._numbers = itertools.count(1)
        self._notices: list[dict[str, Any]] = []
        self.role = self._make_role()
        self.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": aws.region})
        self.client("s3").put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        self.topic, self._queue = self._make_topic()

    def client(self, service: str) -> Any:
        """Return a client of the root user."""
        if service not in self._clients:
            self._clients[service] = self.aws.client(service)
        return self._clients[service]

    def fresh(self, word: str) -> str:
        """Return a name that nothing has yet."""
        return f"{word}-{next(self._numbers)}"

    def model(self, *, version: str = "1", passes: int = 0, archive: bytes | None = None, **environment: str) -> str:
        """Create a model and return its name; ``environment`` goes to its server.

        Parameters
        ----------
        archive
            A model.tar.gz; one that names colours when None, with ``version`` and ``passes``.
        """
        name = self.fresh("model")
        self.client("s3").put_object(
            Bucket=BUCKET,
            Key=f"models/{name}.tar.gz",
            Body=archive or model.archive(version=version, passes=passes),
        )
        image = f"{self.aws.account_id}.dkr.ecr.{self.aws.region}.amazonaws.com/drills/serving:1"
        self.client("sagemaker").create_model(
            ModelName=name,
            ExecutionRoleArn=self.role,
            PrimaryContainer={
                "Image": image,
                "ModelDataUrl": f"s3://{BUCKET}/models/{name}.tar.gz",
                "Environment": environment,
            },
        )
        return name

    def config(self, model_name: str, instances: int, **more: Any) -> str:
        """Create an endpoint configuration with the variant of the endpoint module; return its name."""
        name = self.fresh("config")
        one = {
            "VariantName": alarms.variant(),
            "ModelName": model_name,
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": instances,
        }
        self.client("sagemaker").create_endpoint_config(EndpointConfigName=name, ProductionVariants=[one], **more)
        return name

    @contextlib.contextmanager
    def endpoint(
        self,
        *,
        instances: int = 2,
        passes: int = 0,
        archive: bytes | None = None,
        capture: dict[str, Any] | None = None,
        **environment: str,
    ) -> Iterator[str]:
        """Keep an endpoint with the module's alarms for a while; its name is given."""
        name, more = self.fresh("drill"), {"DataCaptureConfig": capture} if capture else {}
        sagemaker, cloudwatch = self.client("sagemaker"), self.client("cloudwatch")
        config = self.config(self.model(passes=passes, archive=archive, **environment), instances, **more)
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
        made = [self.alarm("endpoint", alarm, "vehicles_endpoint", name) for alarm in ENDPOINT_ALARMS]
        try:
            self.settled(name)
            yield name
        finally:
            cloudwatch.delete_alarms(AlarmNames=made)
            sagemaker.delete_endpoint(EndpointName=name)

    def settled(self, endpoint: str) -> None:
        """Wait until an endpoint is in service."""
        describe = self.client("sagemaker").describe_endpoint
        found = awaited(
            f"endpoint {endpoint} comes to rest",
            lambda: (now := describe(EndpointName=endpoint))["EndpointStatus"] in ("InService", "Failed") and now,
            60.0,
        )
        if found["EndpointStatus"] == "Failed":
            raise DrillError(f"endpoint {endpoint}: {found.get('FailureReason')}")

    def alarm(self, module: str, alarm: str, instance: str, name: str) -> str:
        """Make an alarm of a module for a resource; return its name."""
        asked = alarms.request(module, alarm, instance=instance, name=name, topic=self.topic)
        self.client("cloudwatch").put_metric_alarm(**asked)
        return str(asked["AlarmName"])

    def state(self, alarm: str) -> str:
        """Return the state of an alarm."""
        found = self.client("cloudwatch").describe_alarms(AlarmNames=[alarm])["MetricAlarms"]
        return str(found[0]["StateValue"]) if found else ""

    def notices(self, alarm: str) -> list[str]:
        """Return the states that the topic has been told of an alarm, oldest first."""
        sqs = self.client("sqs")
        while messages := sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                self._notices.append(json.loads(json.loads(message["Body"])["Message"]))
                sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
        mine = [notice for notice in self._notices if notice["AlarmName"] == alarm]
        return [notice["NewStateValue"] for notice in sorted(mine, key=lambda notice: notice["StateChangeTime"])]

    def total(self, endpoint: str, metric: str) -> float:
        """Return the sum of one of an endpoint's metrics since it was made."""
        now = time.time()
        points = self.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/SageMaker",
            MetricName=metric,
            Dimensions=[
                {"Name": "EndpointName", "Value": endpoint},
                {"Name": "VariantName", "Value": alarms.variant()},
            ],
            StartTime=now - 3600,
            EndTime=now + 60,
            Period=86_400,
            Statistics=["Sum"],
        )["Datapoints"]
        return float(sum(point["Sum"] for point in points))

    def calls(self, endpoint: str) -> list[Call]:
        """Return good requests to an endpoint: an image of each colour, as PNG and as JPEG."""
        images = [
            (model.picture(c, s), f"image/{kind}")
            for c in model.CLASSES
            for s, kind in ((".png", "png"), (".jpg", "jpeg"))
        ]
        return [invocation(self.aws.endpoint, endpoint, body, kind, region=self.aws.region) for body, kind in images]

    def _make_role(self) -> str:
        iam = self.client("iam")
        trust = {"Effect": "Allow", "Principal": {"Service": _SERVICES}, "Action": "sts:AssumeRole"}
        role = iam.create_role(RoleName="drills", AssumeRolePolicyDocument=_policy(trust))["Role"]["Arn"]
        everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
        iam.put_role_policy(RoleName="drills", PolicyName="all", PolicyDocument=_policy(everything))
        return str(role)

    def _make_topic(self) -> tuple[str, str]:
        sns, sqs = self.client("sns"), self.client("sqs")
        topic = sns.create_topic(Name="drills")["TopicArn"]
        url = sqs.create_queue(QueueName="drills")["QueueUrl"]
        queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        may = {"Effect": "Allow", "Resource": "*"}
        told = {**may, "Principal": {"Service": "cloudwatch.amazonaws.com"}, "Action": "sns:Publish"}
        sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=_policy(told))
        passed = {**may, "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": _policy(passed)})
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
        return topic, url


@contextlib.contextmanager
def world(folder: Path, speed: float = SPEED) -> Iterator[World]:
    """Start an embedded AWS for drills; it ends with everything in it."""
    with EmbeddedAws.start(folder, speed=speed, iam="enforce") as aws:
        yield World(aws)


def awaited(fact: str, look: Callable[[], Any], seconds: float) -> Any:
    """Return the first true value of ``look``.

    Raises
    ------
    DrillError
        When none comes within ``seconds``.
    """
    deadline = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > deadline:
            raise DrillError(f"not within {seconds:g} s: {fact} (last seen: {found!r})")
        time.sleep(0.05)
    return found


def _policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
