mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name          = "slipway-prod-vehicles"
  workload      = "vehicles"
  boundary_arn  = "arn:aws:iam::123456789012:policy/slipway-boundary"
  production    = true
  instance_type = "ml.m5.large"
  data_bucket   = { name = "slipway-prod-123456789012-data", arn = "arn:aws:s3:::slipway-prod-123456789012-data" }
  models_bucket = { name = "slipway-prod-123456789012-models", arn = "arn:aws:s3:::slipway-prod-123456789012-models" }
  capture       = { percentage = 20, prefix = "vehicles/capture/" }
  alarms        = { topic_arn = "arn:aws:sns:eu-west-1:123456789012:slipway-prod-alerts", latency_p99_ms = 250 }
  scaling       = { min = 2, max = 6, invocations_per_instance = 1500 }

  keys = {
    data     = "arn:aws:kms:eu-west-1:123456789012:key/11111111-1111-1111-1111-111111111111"
    logs     = "arn:aws:kms:eu-west-1:123456789012:key/22222222-2222-2222-2222-222222222222"
    messages = "arn:aws:kms:eu-west-1:123456789012:key/33333333-3333-3333-3333-333333333333"
    model    = "arn:aws:kms:eu-west-1:123456789012:key/44444444-4444-4444-4444-444444444444"
  }

  network = {
    security_group_id = "sg-11111111"
    subnet_ids        = ["subnet-22222222", "subnet-11111111"]
  }

  model = {
    version        = "7"
    image          = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/slipway-prod-vehicles/serving@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
    model_data_url = "s3://slipway-prod-123456789012-models/vehicles/artifacts/job-7/output/model.tar.gz"
  }
}

run "model_is_isolated_in_the_network" {
  command = plan

  assert {
    condition     = aws_sagemaker_model.this.enable_network_isolation
    error_message = "The container must have no network of its own."
  }

  assert {
    condition     = toset(aws_sagemaker_model.this.vpc_config[0].subnets) == toset(var.network.subnet_ids)
    error_message = "The model must lie in the private subnets."
  }

  assert {
    condition     = can(regex("^slipway-prod-vehicles-7-[0-9a-f]{8}$", aws_sagemaker_model.this.name))
    error_message = "The model's name must follow from its version and its content."
  }
}

run "configuration_is_encrypted_and_redundant" {
  command = plan

  assert {
    condition     = aws_sagemaker_endpoint_configuration.this.kms_key_arn == var.keys.model
    error_message = "The volume needs its key."
  }

  assert {
    condition = (
      aws_sagemaker_endpoint_configuration.this.data_capture_config[0].kms_key_id == var.keys.data &&
      aws_sagemaker_endpoint_configuration.this.data_capture_config[0].initial_sampling_percentage == 20 &&
      aws_sagemaker_endpoint_configuration.this.data_capture_config[0].destination_s3_uri == "s3://slipway-prod-123456789012-data/vehicles/capture"
    )
    error_message = "Captured calls are data: they need the data key, and their place."
  }

  assert {
    condition     = aws_sagemaker_endpoint_configuration.this.name_prefix == "slipway-prod-vehicles-"
    error_message = "Two configurations must be able to stand side by side."
  }

  assert {
    condition     = aws_sagemaker_endpoint_configuration.this.production_variants[0].initial_instance_count == 2
    error_message = "A new fleet starts with scaling.min."
  }
}

run "a_fleet_that_was_scaled_out_is_not_shrunk_by_a_rollout" {
  command = plan

  variables {
    live_instance_count = 5
  }

  assert {
    condition     = aws_sagemaker_endpoint_configuration.this.production_variants[0].initial_instance_count == 5
    error_message = "A new fleet takes over the load of the old one, so it needs as many instances."
  }
}

run "a_rollout_begins_with_headroom_for_load_that_grows_meanwhile" {
  command = plan

  variables {
    live_instance_count = 3
    rollout             = { headroom_percent = 25 }
  }

  assert {
    condition     = aws_sagemaker_endpoint_configuration.this.production_variants[0].initial_instance_count == 4
    error_message = "A quarter more than 3 instances are 4 whole ones."
  }
}

run "live_count_below_the_floor_changes_nothing" {
  command = plan

  variables {
    live_instance_count = 1
  }

  assert {
    condition     = aws_sagemaker_endpoint_configuration.this.production_variants[0].initial_instance_count == 2
    error_message = "A new fleet starts with scaling.min at least."
  }
}

run "live_count_beyond_the_limit_is_capped" {
  command = plan

  variables {
    live_instance_count = 40
  }

  assert {
    condition     = aws_sagemaker_endpoint_configuration.this.production_variants[0].initial_instance_count == 6
    error_message = "scaling.max holds for a new fleet too."
  }
}

run "live_count_may_reach_what_a_schedule_allows" {
  command = plan

  variables {
    live_instance_count = 40
    scaling = {
      min                      = 2
      max                      = 6
      invocations_per_instance = 1500
      schedules                = { morning = { schedule = "cron(0 7 ? * MON-FRI *)", min = 4, max = 12 } }
    }
  }

  assert {
    condition     = aws_sagemaker_endpoint_configuration.this.production_variants[0].initial_instance_count == 12
    error_message = "At noon the morning's limit of 12 holds, not the target's first one."
  }
}

run "long_name_still_leaves_room_for_the_configuration" {
  command = plan

  variables {
    name = "slipway-rehearsal-a-workload-with-a-long-name"
  }

  assert {
    condition     = aws_sagemaker_endpoint_configuration.this.name_prefix == "slipway-rehearsal-a-workload-with-a-"
    error_message = "The prefix may have 37 characters, for the provider appends 26 of its own."
  }
}

run "canary_is_watched_by_alarms_that_exist" {
  command = plan

  assert {
    condition = toset([
      for alarm in aws_sagemaker_endpoint.this.deployment_config[0].auto_rollback_configuration[0].alarms : alarm.alarm_name
    ]) == toset(["slipway-prod-vehicles-5xx", "slipway-prod-vehicles-latency-p99"])
    error_message = "Errors and latency must roll a deployment back."
  }

  assert {
    condition = (
      aws_sagemaker_endpoint.this.deployment_config[0].blue_green_update_policy[0].traffic_routing_configuration[0].type == "CANARY" &&
      aws_sagemaker_endpoint.this.deployment_config[0].blue_green_update_policy[0].traffic_routing_configuration[0].canary_size[0].value == 10 &&
      length(aws_sagemaker_endpoint.this.deployment_config[0].blue_green_update_policy[0].traffic_routing_configuration[0].linear_step_size) == 0
    )
    error_message = "A canary has a size and no step."
  }

  assert {
    condition     = aws_sagemaker_endpoint.this.deployment_config[0].blue_green_update_policy[0].maximum_execution_timeout_in_seconds == 3120
    error_message = "Two bakes of 600 s, 120 s until the old fleet ends and half an hour to start instances are 3,120 s."
  }
}

run "linear_rollout_counts_its_steps" {
  command = plan

  variables {
    rollout = { type = "LINEAR", step_percent = 30, bake_s = 300 }
  }

  assert {
    condition = (
      aws_sagemaker_endpoint.this.deployment_config[0].blue_green_update_policy[0].traffic_routing_configuration[0].linear_step_size[0].value == 30 &&
      aws_sagemaker_endpoint.this.deployment_config[0].blue_green_update_policy[0].maximum_execution_timeout_in_seconds == 3120
    )
    error_message = "Four steps of 30 % bake four times."
  }
}

run "latency_is_in_microseconds" {
  command = plan

  assert {
    condition     = aws_cloudwatch_metric_alarm.latency.threshold == 250000 && aws_cloudwatch_metric_alarm.latency.extended_statistic == "p99"
    error_message = "250 ms are 250,000 microseconds in ModelLatency."
  }

  assert {
    condition = alltrue([
      for alarm in [aws_cloudwatch_metric_alarm.errors, aws_cloudwatch_metric_alarm.latency, aws_cloudwatch_metric_alarm.capacity] :
      alarm.alarm_actions == toset([var.alarms.topic_arn]) && alarm.dimensions.VariantName == output.variant_name
    ])
    error_message = "Each alarm must watch the variant and call the topic."
  }
}

run "autoscaler_tracks_calls_per_instance" {
  command = plan

  assert {
    condition = (
      aws_appautoscaling_target.fixed[0].resource_id == "endpoint/slipway-prod-vehicles/variant/primary" &&
      aws_appautoscaling_target.fixed[0].min_capacity == 2 &&
      aws_appautoscaling_target.fixed[0].max_capacity == 6 &&
      length(aws_appautoscaling_target.scheduled) == 0
    )
    error_message = "Without schedules Terraform keeps the limits."
  }

  assert {
    condition = (
      aws_appautoscaling_policy.invocations["terraform"].target_tracking_scaling_policy_configuration[0].target_value == 1500 &&
      aws_appautoscaling_policy.invocations["terraform"].target_tracking_scaling_policy_configuration[0].scale_in_cooldown == 300 &&
      aws_appautoscaling_policy.invocations["terraform"].target_tracking_scaling_policy_configuration[0].scale_out_cooldown == 120
    )
    error_message = "Growing must be quicker than shrinking, and wait for a minute that the new instances saw whole."
  }

  assert {
    condition     = length(aws_appautoscaling_policy.concurrency) == 0
    error_message = "Requests inside an instance are tracked only where somebody knows how many it bears."
  }
}

run "autoscaler_tracks_requests_inside_an_instance_too" {
  command = plan

  variables {
    scaling = { min = 2, max = 6, invocations_per_instance = 1500, concurrent_requests_per_model = 64, scale_in_cooldown_s = 600 }
  }

  assert {
    condition = (
      aws_appautoscaling_policy.concurrency["terraform"].resource_id == "endpoint/slipway-prod-vehicles/variant/primary" &&
      aws_appautoscaling_policy.concurrency["terraform"].target_tracking_scaling_policy_configuration[0].target_value == 64 &&
      aws_appautoscaling_policy.concurrency["terraform"].target_tracking_scaling_policy_configuration[0].scale_in_cooldown == 600 &&
      aws_appautoscaling_policy.concurrency["terraform"].target_tracking_scaling_policy_configuration[0].predefined_metric_specification[0].predefined_metric_type == "SageMakerVariantConcurrentRequestsPerModelHighResolution"
    )
    error_message = "The fast metric needs a policy of its own on the same variant."
  }

  assert {
    condition     = length(aws_appautoscaling_policy.invocations) == 1
    error_message = "The fast metric adds to the slow one, and does not replace it."
  }
}

run "requests_go_where_the_fewest_are" {
  command = plan

  assert {
    condition     = aws_sagemaker_endpoint_configuration.this.production_variants[0].routing_config[0].routing_strategy == "LEAST_OUTSTANDING_REQUESTS"
    error_message = "At random one instance queues while another idles."
  }
}

run "routing_can_be_left_to_chance" {
  command = plan

  variables {
    routing_strategy = "RANDOM"
  }

  assert {
    condition     = aws_sagemaker_endpoint_configuration.this.production_variants[0].routing_config[0].routing_strategy == "RANDOM"
    error_message = "The strategy must be the caller's."
  }
}

run "schedules_own_the_limits" {
  command = plan

  variables {
    scaling = {
      min                      = 2
      max                      = 6
      initial                  = 4
      invocations_per_instance = 1500
      schedules = {
        evening = { schedule = "cron(0 19 ? * MON-FRI *)", timezone = "Europe/Dublin", min = 2, max = 6 }
        morning = { schedule = "cron(0 7 ? * MON-FRI *)", timezone = "Europe/Dublin", min = 4, max = 12 }
      }
    }
  }

  assert {
    condition     = length(aws_appautoscaling_target.fixed) == 0 && length(aws_appautoscaling_target.scheduled) == 1
    error_message = "The target must be the one whose limits Terraform leaves alone."
  }

  assert {
    condition     = aws_appautoscaling_scheduled_action.this["morning"].scalable_target_action[0].min_capacity == "4"
    error_message = "The morning raises the floor."
  }

  assert {
    condition     = aws_sagemaker_endpoint_configuration.this.production_variants[0].initial_instance_count == 4
    error_message = "A new fleet starts where the caller says."
  }
}

run "role_reads_one_artefact_and_writes_one_prefix" {
  command = plan

  assert {
    condition = (
      [for s in local._statements : s.resources if s.sid == "ReadArtifact"][0] == ["arn:aws:s3:::slipway-prod-123456789012-models/vehicles/artifacts/job-7/output/model.tar.gz"] &&
      [for s in local._statements : s.resources if s.sid == "WriteCapture"][0] == ["arn:aws:s3:::slipway-prod-123456789012-data/vehicles/capture/*"]
    )
    error_message = "The role must see its own artefact and its own captures only."
  }

  assert {
    condition     = [for s in local._statements : s.resources if s.sid == "PullImage"][0] == ["arn:aws:ecr:eu-west-1:123456789012:repository/slipway-prod-vehicles/serving"]
    error_message = "The role must pull the model's image only."
  }
}

run "image_of_another_account_is_pulled_from_there" {
  command = plan

  variables {
    model = {
      version        = "7"
      image          = "763104351884.dkr.ecr.eu-west-1.amazonaws.com/pytorch-inference@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
      model_data_url = "s3://slipway-prod-123456789012-models/vehicles/artifacts/job-7/output/model.tar.gz"
    }
  }

  assert {
    condition     = [for s in local._statements : s.resources if s.sid == "PullImage"][0] == ["arn:aws:ecr:eu-west-1:763104351884:repository/pytorch-inference"]
    error_message = "AWS's own images lie in AWS's accounts."
  }
}

run "one_instance_outside_production" {
  command = plan

  variables {
    production = false
    scaling    = { min = 1, max = 1, invocations_per_instance = 600 }
    rollout    = { type = "ALL_AT_ONCE" }
  }

  assert {
    condition = (
      length(aws_sagemaker_endpoint.this.deployment_config[0].blue_green_update_policy[0].traffic_routing_configuration[0].canary_size) == 0 &&
      length(aws_sagemaker_endpoint.this.deployment_config[0].blue_green_update_policy[0].traffic_routing_configuration[0].linear_step_size) == 0
    )
    error_message = "All at once has neither canary nor steps."
  }
}

run "content_changes_the_name_even_when_the_version_does_not" {
  command = plan

  variables {
    model = {
      version        = "7"
      image          = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/slipway-prod-vehicles/serving@sha256:fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
      model_data_url = "s3://slipway-prod-123456789012-models/vehicles/artifacts/job-7/output/model.tar.gz"
    }
  }

  assert {
    condition     = aws_sagemaker_model.this.name != run.model_is_isolated_in_the_network.model_name
    error_message = "The old model still exists when the new one is made: they need different names."
  }
}

run "a_model_that_comes_back_gets_a_new_name" {
  command = plan

  variables {
    model = {
      version        = "7"
      image          = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/slipway-prod-vehicles/serving@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
      model_data_url = "s3://slipway-prod-123456789012-models/vehicles/artifacts/job-7/output/model.tar.gz"
      promoted       = "2026-11-21T15:55:00+00:00"
    }
  }

  assert {
    condition     = aws_sagemaker_model.this.name != run.model_is_isolated_in_the_network.model_name
    error_message = "After a rollback its earlier self may still stand: it needs a name of its own."
  }

  assert {
    condition     = aws_iam_role_policy.model.name == "model-${local._model_suffix}"
    error_message = "Each model's permissions stand beside the next one's: the old fleet may still have to grow."
  }

  assert {
    condition     = sort(jsondecode(aws_iam_role_policy.model.policy).Statement[*].Sid) == tolist(["FindArtifact", "PullImage", "ReadArtifact"])
    error_message = "What one model needs goes with it."
  }

  assert {
    condition     = [for s in jsondecode(aws_iam_role_policy.model.policy).Statement : s.Condition if s.Sid == "FindArtifact"][0].StringLike["s3:prefix"] == ["vehicles/artifacts/job-7/output/model.tar.gz*"]
    error_message = "The role must look for its own artefact only."
  }
}

run "a_rollout_away_from_a_ringing_alarm_is_not_turned_back_by_it" {
  command = plan

  variables {
    watched = false
  }

  assert {
    condition     = aws_sagemaker_endpoint.this.deployment_config[0].auto_rollback_configuration[0].alarms[*].alarm_name == tolist(["slipway-prod-vehicles-capacity"])
    error_message = "The alarm that rings already would turn it back at once, and without any the endpoint would be made anew."
  }

  assert {
    condition     = aws_sagemaker_endpoint.this.deployment_config[0].blue_green_update_policy[0].traffic_routing_configuration[0].type == "ALL_AT_ONCE"
    error_message = "Without alarms nobody watches the steps, and the model that fails would serve on meanwhile."
  }
}
