# What the module refuses. A run breaks several variables at once, each of which must be refused by itself.

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

run "production_on_one_instance" {
  command = plan

  variables {
    alarms        = { topic_arn = "arn:aws:sns:eu-west-1:123456789012:slipway-prod-alerts", error_count = 0 }
    instance_type = "m5.large"
    rollout       = { type = "ALL_AT_ONCE" }
    scaling       = { invocations_per_instance = 1500, min = 1, max = 6 }
    workload      = "Claims"
  }

  expect_failures = [var.alarms, var.instance_type, var.rollout, var.scaling, var.workload]
}

run "production_that_cannot_grow" {
  command = plan

  variables {
    alarms        = { topic_arn = "arn:aws:sns:eu-west-1:123456789012:slipway-prod-alerts", latency_p99_ms = 0.25 }
    instance_type = "ml.g5.xlarge"
    rollout       = { type = "ROLLING" }
    scaling       = { invocations_per_instance = 1500, min = 3, max = 3 }
  }

  expect_failures = [var.alarms, var.instance_type, var.rollout, var.scaling]
}

run "schedule_that_leaves_one_instance" {
  command = plan

  variables {
    instance_type = "ml.m5d.large"
    model         = { version = "7", image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/slipway-prod-vehicles/serving:latest", model_data_url = "s3://slipway-prod-123456789012-models/vehicles/artifacts/job-7/output/model.tar.gz" }
    rollout       = { type = "CANARY", step_percent = 60 }
    scaling       = { invocations_per_instance = 1500, min = 2, max = 6, schedules = { night = { schedule = "cron(0 22 * * ? *)", min = 1, max = 2 } } }
  }

  expect_failures = [var.instance_type, var.model, var.rollout, var.scaling]
}

run "min_beyond_max" {
  command = plan

  variables {
    instance_type = "ml.m6id.large"
    model         = { version = "v 7", image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/slipway-prod-vehicles/serving@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", model_data_url = "s3://slipway-prod-123456789012-models/vehicles/artifacts/job-7/output/model.tar.gz" }
    rollout       = { type = "LINEAR", step_percent = 5 }
    scaling       = { invocations_per_instance = 1500, min = 6, max = 2 }
  }

  expect_failures = [var.instance_type, var.model, var.rollout, var.scaling]
}

run "start_outside_the_limits" {
  command = plan

  variables {
    instance_type = "ml.p4d.24xlarge"
    model         = { version = "7", image = "docker.io/library/serving:1", model_data_url = "s3://slipway-prod-123456789012-models/vehicles/artifacts/job-7/output/model.tar.gz" }
    rollout       = { bake_s = 7200 }
    scaling       = { invocations_per_instance = 1500, min = 2, max = 6, initial = 7 }
  }

  expect_failures = [var.instance_type, var.model, var.rollout, var.scaling]
}

run "requests_inside_an_instance_that_can_hold_none" {
  command = plan

  variables {
    rollout          = { headroom_percent = 150 }
    routing_strategy = "ROUND_ROBIN"
    scaling          = { invocations_per_instance = 1500, min = 2, max = 6, concurrent_requests_per_model = 0.5 }
  }

  expect_failures = [var.rollout, var.routing_strategy, var.scaling]
}

run "cooldown_in_milliseconds" {
  command = plan

  variables {
    scaling = { invocations_per_instance = 1500, min = 2, max = 6, scale_out_cooldown_s = 120000 }
  }

  expect_failures = [var.scaling]
}

run "schedule_without_a_clock" {
  command = plan

  variables {
    capture = { percentage = 120, prefix = "vehicles/capture" }
    model   = { version = "7", image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/slipway-prod-vehicles/serving@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", model_data_url = "s3://somebody-elses-bucket/vehicles/model.tar.gz" }
    name    = "slipway-rehearsal-a-workload-whose-name-is-too-long-12345"
    scaling = { invocations_per_instance = 1500, min = 2, max = 6, schedules = { night = { schedule = "22:00", min = 2, max = 2 } } }
  }

  expect_failures = [var.capture, var.model, var.name, var.scaling]
}

run "another_workloads_artefact" {
  command = plan

  variables {
    capture             = { percentage = 20, prefix = "/vehicles/capture" }
    live_instance_count = 2.5
    log_retention_days  = 100
    model               = { version = "7", image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/slipway-prod-vehicles/serving@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", model_data_url = "s3://slipway-prod-123456789012-models/claims/artifacts/job-7/output/model.tar.gz" }
    name                = "slipway_prod"
    network             = { security_group_id = "sg-11111111", subnet_ids = ["subnet-11111111"] }
  }

  expect_failures = [var.capture, var.live_instance_count, var.log_retention_days, var.model, var.name, var.network]
}

run "canary_of_one_instance" {
  command = plan

  variables {
    production = false
    scaling    = { min = 1, max = 2, invocations_per_instance = 600 }
  }

  expect_failures = [aws_sagemaker_endpoint.this]
}

run "rollout_that_takes_all_day" {
  command = plan

  variables {
    rollout = { type = "LINEAR", step_percent = 10, bake_s = 3600 }
  }

  expect_failures = [aws_sagemaker_endpoint.this]
}

run "model_name_beyond_63_characters" {
  command = plan

  variables {
    name  = "slipway-rehearsal-a-workload-with-a-rather-long-name"
    model = { version = "2026.11.21", image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/slipway-prod-vehicles/serving@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", model_data_url = "s3://slipway-prod-123456789012-models/vehicles/artifacts/job-7/output/model.tar.gz" }
  }

  expect_failures = [aws_sagemaker_model.this]
}
