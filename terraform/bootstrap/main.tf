data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

locals {
  _iam  = "arn:${data.aws_partition.current.partition}:iam::${var.account_id}"
  _root = "${local._iam}:root"

  # Composed, because the state bucket names the roles and the roles' policies name the bucket.
  _ci_roles = {
    deploy = "${local._iam}:role/${var.project}-deploy"
    plan   = "${local._iam}:role/${var.project}-plan"
  }
}

module "boundary" {
  source = "../modules/boundary"

  name           = "${var.project}-boundary"
  passable_roles = "${var.project}-"
}
