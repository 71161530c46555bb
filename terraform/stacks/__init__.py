"""Settings in, environments out: the only place where the Terraform modules are wired together."""
