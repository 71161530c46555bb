"""Two embedded AWS serve all SageMaker tests, one with policies enforced: starting one takes seconds."""

from aws_sagemaker_server import aws_server, enforcing_server

__all__ = ["aws_server", "enforcing_server"]
