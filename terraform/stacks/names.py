"""Every name and ARN that one part needs of another before Terraform has made it.

The modules derive the same names. Computing them here, too, breaks the circles that references would make: a bucket
policy names the role that is granted the bucket, the network's S3 endpoint names the buckets behind it.
"""

from __future__ import annotations

from dataclasses import dataclass

PROJECT = "slipway"

# Longest names AWS accepts, each from the API reference of the Create call. A training job's name (63) begins with the
# workload's and leaves 23 characters to tell the runs apart.
LIMITS = {
    "endpoint": 63,
    "function": 64,
    "role": 64,
    "state machine": 80,
    "training job's prefix": 40,
}


@dataclass(frozen=True)
class Names:
    """Names in one environment of one account."""

    environment: str
    account_id: str
    region: str

    @property
    def prefix(self) -> str:
        """Common beginning of every name: `slipway-<environment>`."""
        return f"{PROJECT}-{self.environment}"

    @property
    def partition(self) -> str:
        """ARN partition of the region."""
        if self.region.startswith("cn-"):
            return "aws-cn"
        return "aws-us-gov" if self.region.startswith("us-gov-") else "aws"

    def bucket(self, purpose: str) -> str:
        """Name a bucket; account ids make it unique among all buckets of the world."""
        return f"{self.prefix}-{self.account_id}-{purpose}"

    def bucket_arn(self, purpose: str) -> str:
        """ARN of a bucket."""
        return f"arn:{self.partition}:s3:::{self.bucket(purpose)}"

    def workload(self, workload: str) -> str:
        """Name of everything of one workload: endpoint, beginning of roles, functions and state machines."""
        return f"{self.prefix}-{workload}"

    def tuning(self, workload: str) -> str:
        """Beginning of the names of tuning jobs, which end at 32 characters: of the environment, four remain."""
        return f"{workload}-{self.environment[:4]}"

    def function(self, workload: str, function: str) -> str:
        """Name a Lambda function after its folder."""
        return f"{self.workload(workload)}-{function.replace('_', '-')}"

    def workflow(self, workload: str, definition: str) -> str:
        """Name the state machine that puts a workload's model to use, and its role: after what it does first."""
        return f"{self.workload(workload)}-{definition.partition('_')[0]}"

    def table(self, workload: str) -> str:
        """Name the table of a workload's records."""
        return f"{self.workload(workload)}-records"

    def table_arn(self, workload: str) -> str:
        """ARN of a workload's table."""
        return f"arn:{self.partition}:dynamodb:{self.region}:{self.account_id}:table/{self.table(workload)}"

    def role(self, purpose: str) -> str:
        """Name a role of the whole environment."""
        return f"{self.prefix}-{purpose}"

    def role_arn(self, role: str) -> str:
        """ARN of a role by name."""
        return f"arn:{self.partition}:iam::{self.account_id}:role/{role}"

    def endpoint_arn(self, workload: str) -> str:
        """ARN of a workload's endpoint."""
        return f"arn:{self.partition}:sagemaker:{self.region}:{self.account_id}:endpoint/{self.workload(workload)}"

    def image(self, workload: str, kind: str, digest: str) -> str:
        """Image URI in a workload's own repository."""
        domain = "amazonaws.com.cn" if self.partition == "aws-cn" else "amazonaws.com"
        return f"{self.account_id}.dkr.ecr.{self.region}.{domain}/{self.workload(workload)}/{kind}@{digest}"


def incoming(workload: str) -> str:
    """Key prefix below which a workload's images come in."""
    return f"{workload}/incoming/"


def results(workload: str) -> str:
    """Key prefix, without its slash, below which a workload's results lie."""
    return f"{workload}/results"
