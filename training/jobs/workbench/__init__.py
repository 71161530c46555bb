"""A training job on an instance of EC2: the same request, container and places, without SageMaker."""
