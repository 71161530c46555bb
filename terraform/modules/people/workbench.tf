# Workbenches: switching one on and off, and sessions on its instance. What an instance is made of is Terraform's alone.

locals {
  _workbenches = [for workload in var.workbenches : "${var.workloads[workload]}-workbench"]

  _workbench_statements = [for statement in [
    {
      sid             = "SeeWorkbenches"
      actions         = ["autoscaling:DescribeAutoScalingGroups"]
      resources       = ["*"]
      wildcard_reason = "The Describe actions of EC2 Auto Scaling support no resource"
    },
    {
      # The group's id in the ARN is unknown beforehand; its name is not.
      sid       = "SwitchWorkbenches"
      actions   = ["autoscaling:SetDesiredCapacity"]
      resources = [for name in local._workbenches : "${local._arn.autoscaling}:autoScalingGroup:*:autoScalingGroupName/${name}"]
    },
    {
      sid             = "OpenSessions"
      actions         = ["ssm:StartSession"]
      resources       = ["${local._arn.ec2}:instance/*"]
      wildcard_reason = "Instances come and go; the condition names the workbenches"
      conditions = [{
        test     = "StringEquals"
        variable = "ssm:resourceTag/Name"
        values   = local._workbenches
      }]
    },
    {
      sid       = "OpenShells"
      actions   = ["ssm:StartSession"]
      resources = ["${local._arn.ssm}:document/SSM-SessionManagerRunShell"]
    },
    {
      # https://docs.aws.amazon.com/systems-manager/latest/userguide/getting-started-restrict-access-quickstart.html
      sid       = "EndOwnSessions"
      actions   = ["ssm:ResumeSession", "ssm:TerminateSession"]
      resources = ["${local._arn.ssm}:session/$${aws:userid}-*"]
    },
    {
      sid       = "ReadWorkbenchLogs"
      actions   = ["logs:DescribeLogStreams", "logs:GetLogEvents"]
      resources = [for name in local._workbenches : "${local._arn.logs}:log-group:/slipway/workbench/${name}:*"]
    },
  ] : statement if length(local._workbenches) > 0]
}
