"""Where modules and the repository lie, as seen from terraform/environments/<environment>, where Terraform runs."""

MODULES = "../../modules"
REPOSITORY = "${path.module}/../../.."
