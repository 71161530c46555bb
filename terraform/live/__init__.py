"""What is live, read back: AWS is asked, not Terraform's own word for it."""
