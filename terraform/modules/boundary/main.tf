data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

resource "aws_iam_policy" "this" {
  name        = var.name
  description = "What a Slipway workload role may ever do, whatever its own policy says"
  policy      = local._policy

  lifecycle {
    precondition {
      condition     = length(local._policy) <= 6144
      error_message = "The boundary ${var.name} exceeds 6,144 characters, the limit of IAM for managed policies: shorten its name or passable_roles."
    }
  }
}
