"""The security baseline: checkov over the Terraform code, made so that it cannot pass by not looking."""
