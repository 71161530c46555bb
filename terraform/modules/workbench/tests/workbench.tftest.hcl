mock_provider "aws" {
  source = "../../mocks"
}

override_resource {
  target          = aws_autoscaling_policy.off
  override_during = plan
  values          = { arn = "arn:aws:autoscaling:eu-west-1:123456789012:scalingPolicy:1:autoScalingGroupName/slipway-dev-vehicles-workbench:policyName/off" }
}

override_resource {
  target          = aws_cloudwatch_log_group.this
  override_during = plan
  values          = { tags_all = { Project = "slipway" } }
}

variables {
  name               = "slipway-dev-vehicles"
  workload           = "vehicles"
  boundary_arn       = "arn:aws:iam::123456789012:policy/slipway-boundary"
  alarms             = { topic_arn = "arn:aws:sns:eu-west-1:123456789012:slipway-dev-alerts" }
  image              = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/slipway-dev-vehicles/training@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  input_prefixes     = ["vehicles/dataset/"]
  instance           = { type = "g4dn.xlarge" }
  log_retention_days = 365

  buckets = {
    data   = { name = "slipway-dev-123456789012-data", arn = "arn:aws:s3:::slipway-dev-123456789012-data" }
    models = { name = "slipway-dev-123456789012-models", arn = "arn:aws:s3:::slipway-dev-123456789012-models" }
  }

  keys = {
    data  = "arn:aws:kms:eu-west-1:123456789012:key/11111111-1111-1111-1111-111111111111"
    logs  = "arn:aws:kms:eu-west-1:123456789012:key/22222222-2222-2222-2222-222222222222"
    model = "arn:aws:kms:eu-west-1:123456789012:key/44444444-4444-4444-4444-444444444444"
  }

  network = {
    security_group_id = "sg-11111111"
    subnet_ids        = ["subnet-11111111", "subnet-22222222"]
  }
}

run "nobody_can_come_in_but_through_a_session" {
  command = plan

  assert {
    condition     = aws_launch_template.this.key_name == null
    error_message = "A key pair opens SSH to whoever holds it."
  }

  assert {
    condition = (
      aws_launch_template.this.network_interfaces[0].associate_public_ip_address == "false" &&
      tolist(aws_launch_template.this.network_interfaces[0].security_groups) == tolist(["sg-11111111"])
    )
    error_message = "No public address, and no group but the one that lets nothing in."
  }

  assert {
    condition     = toset(aws_autoscaling_group.this.vpc_zone_identifier) == toset(["subnet-11111111", "subnet-22222222"])
    error_message = "Only the private subnets."
  }
}

run "credentials_stay_on_the_host" {
  command = plan

  assert {
    condition = (
      aws_launch_template.this.metadata_options[0].http_tokens == "required" &&
      aws_launch_template.this.metadata_options[0].http_put_response_hop_limit == 1
    )
    error_message = "IMDSv2 only, and not one hop further: the container that trains gets no credentials."
  }
}

run "its_only_volume_is_encrypted_with_the_environments_key" {
  command = plan

  assert {
    condition = (
      length(aws_launch_template.this.block_device_mappings) == 1 &&
      aws_launch_template.this.block_device_mappings[0].device_name == "/dev/sda1" &&
      aws_launch_template.this.block_device_mappings[0].ebs[0].encrypted == "true" &&
      aws_launch_template.this.block_device_mappings[0].ebs[0].kms_key_id == var.keys.data &&
      aws_launch_template.this.block_device_mappings[0].ebs[0].volume_type == "gp3" &&
      aws_launch_template.this.block_device_mappings[0].ebs[0].delete_on_termination == "true"
    )
    error_message = "One gp3 volume, the root, under the key, gone with the instance."
  }
}

run "spot_requests_end_with_their_instance" {
  command = plan

  assert {
    condition = (
      aws_launch_template.this.instance_market_options[0].market_type == "spot" &&
      aws_launch_template.this.instance_market_options[0].spot_options[0].spot_instance_type == "one-time" &&
      aws_launch_template.this.instance_market_options[0].spot_options[0].instance_interruption_behavior == "terminate"
    )
    error_message = "A persistent request would start instances by itself."
  }
}

run "on_demand_when_asked_for" {
  command = plan

  variables {
    instance = { type = "g4dn.xlarge", spot = false }
    ami      = { id = "ami-0123456789abcdef0", root_device = "/dev/xvda" }
  }

  assert {
    condition     = length(aws_launch_template.this.instance_market_options) == 0
    error_message = "On demand has no market options."
  }

  assert {
    condition = (
      aws_launch_template.this.image_id == "ami-0123456789abcdef0" &&
      aws_launch_template.this.block_device_mappings[0].device_name == "/dev/xvda"
    )
    error_message = "An image chosen by its id is taken as it is."
  }
}

run "off_until_somebody_switches_it_on" {
  command = plan

  assert {
    condition = (
      aws_autoscaling_group.this.desired_capacity == 0 && aws_autoscaling_group.this.min_size == 0 &&
      aws_autoscaling_group.this.max_size == 1
    )
    error_message = "None, or one."
  }

  assert {
    condition     = startswith(aws_launch_template.this.image_id, "resolve:ssm:/aws/service/deeplearning/ami/")
    error_message = "The image is AWS's own, as of the start of the instance."
  }
}

run "switched_off_from_outside" {
  command = plan

  assert {
    condition = (
      aws_autoscaling_policy.off.adjustment_type == "ExactCapacity" && aws_autoscaling_policy.off.scaling_adjustment == 0
    )
    error_message = "Off is a capacity of exactly none."
  }

  assert {
    condition = alltrue([
      for alarm in [
        aws_cloudwatch_metric_alarm.deadline, aws_cloudwatch_metric_alarm.done, aws_cloudwatch_metric_alarm.idle,
      ] : alarm.alarm_actions == toset([aws_autoscaling_policy.off.arn, var.alarms.topic_arn])
    ])
    error_message = "Every alarm switches off, and says so."
  }

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.deadline.period * aws_cloudwatch_metric_alarm.deadline.evaluation_periods == 12 * 3600 &&
      aws_cloudwatch_metric_alarm.deadline.statistic == "Maximum"
    )
    error_message = "The deadline counts hours in which an instance ran, whatever it did."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.idle.evaluation_periods == 6
    error_message = "Thirty minutes of five each."
  }

  assert {
    condition = alltrue([
      for alarm in [
        aws_cloudwatch_metric_alarm.deadline, aws_cloudwatch_metric_alarm.done, aws_cloudwatch_metric_alarm.idle,
      ] : alarm.treat_missing_data == "notBreaching"
    ])
    error_message = "An alarm that rings while there is no instance would end the next one as soon as it starts."
  }
}

run "boots_with_the_names_it_needs" {
  command = plan

  assert {
    condition = alltrue([
      for line in [
        "#!/bin/bash\n",
        "export AWS_DEFAULT_REGION='eu-west-1'\n",
        "export WORKBENCH_JOB='s3://slipway-dev-123456789012-models/vehicles/code/workbench'\n",
        "export WORKBENCH_LOG_GROUP='/slipway/workbench/slipway-dev-vehicles-workbench'\n",
        "export WORKBENCH_NAME='slipway-dev-vehicles-workbench'\n",
        "set -euo pipefail\n",
      ] : strcontains(base64decode(aws_launch_template.this.user_data), line)
    ])
    error_message = "The script before which the names stand."
  }

  assert {
    condition     = length(base64decode(aws_launch_template.this.user_data)) <= 16384
    error_message = "EC2 takes 16 KB of user data."
  }
}

run "role_reads_its_workload_and_no_other" {
  command = plan

  assert {
    condition = alltrue([
      for s in local._statements : alltrue([
        for resource in s.resources :
        strcontains(resource, ":::slipway-dev-123456789012-data/vehicles/dataset/") ||
        strcontains(resource, ":::slipway-dev-123456789012-models/vehicles/")
      ]) if contains(["KeepCheckpoints", "ReadInput", "WriteArtifacts"], s.sid)
    ])
    error_message = "Objects of this workload alone."
  }

  assert {
    condition = alltrue([
      for s in local._statements : alltrue([
        for action in s.actions : !startswith(action, "autoscaling:") && !startswith(action, "ec2:") && !startswith(action, "iam:")
      ])
    ])
    error_message = "The instance changes nothing about instances."
  }
}
