# What the pipeline may do besides where an environment has workbenches: instances come from a launch template and a
# group by name, and carry a role of the project under its boundary.

locals {
  _workbench_policies = {
    for name, statements in {
      workbench-read = [
        {
          Sid      = "ReadWorkbenches"
          Effect   = "Allow"
          Action   = ["autoscaling:Describe*", "iam:GetInstanceProfile"]
          Resource = "*"
        },
        {
          # Whoever writes a template that names an image by a parameter has to be able to read it.
          # https://docs.aws.amazon.com/autoscaling/ec2/userguide/using-systems-manager-parameters.html
          Sid      = "ReadImageParameters"
          Effect   = "Allow"
          Action   = "ssm:GetParameters"
          Resource = "${local._p}:ssm:${var.region}::parameter/aws/service/*"
        },
      ]

      workbench = [
        {
          # Templates have no name in their ARN.
          Sid    = "Templates"
          Effect = "Allow"
          Action = [
            "ec2:CreateLaunchTemplate", "ec2:CreateLaunchTemplateVersion", "ec2:DeleteLaunchTemplate",
            "ec2:DeleteLaunchTemplateVersions", "ec2:ModifyLaunchTemplate",
          ]
          Resource = "${local._p}:ec2:${var.region}:${var.account_id}:launch-template/*"
        },
        {
          # A group that is made or changed is checked by a trial run of its template: it must start only such instances.
          Sid      = "InstancesOfTemplates"
          Effect   = "Allow"
          Action   = "ec2:RunInstances"
          Resource = "*"
          Condition = {
            ArnLike      = { "ec2:LaunchTemplate" = "${local._p}:ec2:${var.region}:${var.account_id}:launch-template/*" }
            StringEquals = { "aws:RequestedRegion" = var.region }
          }
        },
        {
          Sid       = "NeverWithoutToken"
          Effect    = "Deny"
          Action    = "ec2:RunInstances"
          Resource  = "${local._p}:ec2:*:*:instance/*"
          Condition = { StringNotEquals = { "ec2:MetadataHttpTokens" = "required" } }
        },
        {
          Sid       = "NeverWithPublicAddress"
          Effect    = "Deny"
          Action    = "ec2:RunInstances"
          Resource  = "${local._p}:ec2:*:*:network-interface/*"
          Condition = { Bool = { "ec2:AssociatePublicIpAddress" = "true" } }
        },
        {
          Sid    = "Groups"
          Effect = "Allow"
          Action = [
            "autoscaling:CreateAutoScalingGroup", "autoscaling:CreateOrUpdateTags", "autoscaling:DeleteAutoScalingGroup",
            "autoscaling:DeletePolicy", "autoscaling:DeleteTags", "autoscaling:DisableMetricsCollection",
            "autoscaling:EnableMetricsCollection", "autoscaling:PutScalingPolicy", "autoscaling:UpdateAutoScalingGroup",
          ]
          Resource = "${local._p}:autoscaling:${var.region}:${var.account_id}:autoScalingGroup:*:autoScalingGroupName/${var.project}-*"
        },
        {
          Sid    = "Profiles"
          Effect = "Allow"
          Action = [
            "iam:AddRoleToInstanceProfile", "iam:CreateInstanceProfile", "iam:DeleteInstanceProfile",
            "iam:RemoveRoleFromInstanceProfile", "iam:TagInstanceProfile", "iam:UntagInstanceProfile",
          ]
          Resource = "${local._iam}:instance-profile/${var.project}-*"
        },
        {
          Sid       = "PassRolesToInstances"
          Effect    = "Allow"
          Action    = "iam:PassRole"
          Resource  = "${local._own_roles}-workbench"
          Condition = { StringEquals = { "iam:PassedToService" = "ec2.amazonaws.com" } }
        },
      ]
    } : name => statements if var.workbenches
  }
}
