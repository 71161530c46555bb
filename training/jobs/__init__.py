"""What a SageMaker job is started with."""
