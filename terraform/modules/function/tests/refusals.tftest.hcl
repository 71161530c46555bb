# What the module refuses. A run breaks several variables at once, each of which must be refused by itself.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name         = "slipway-dev-vehicles-classify-image"
  boundary_arn = "arn:aws:iam::123456789012:policy/slipway-boundary"
  package      = { path = "../../../functions/dist/classify_image.zip" }
  memory_mb    = 512
  timeout_s    = 30

  keys = {
    data     = "arn:aws:kms:eu-west-1:123456789012:key/11111111-1111-1111-1111-111111111111"
    logs     = "arn:aws:kms:eu-west-1:123456789012:key/22222222-2222-2222-2222-222222222222"
    messages = "arn:aws:kms:eu-west-1:123456789012:key/33333333-3333-3333-3333-333333333333"
  }

  network = {
    security_group_id = "sg-11111111"
    subnet_ids        = ["subnet-11111111", "subnet-22222222"]
  }

  concurrency        = { reserved = 20 }
  alarms             = { topic_arn = "arn:aws:sns:eu-west-1:123456789012:slipway-dev-alerts" }
  log_retention_days = 365
}

run "more_than_lambda_allows" {
  command = plan

  variables {
    asynchronous = { maximum_age_s = 86400 }
    environment  = { LONG = join("", [for i in range(500) : "0123456789"]) }
    memory_mb    = 10241
    name         = "slipway-rehearsal-vehicles-with-a-very-long-name-classify-image-2"
    timeout_s    = 901
  }

  expect_failures = [var.asynchronous, var.environment, var.memory_mb, var.name, var.timeout_s]
}

run "less_than_lambda_allows" {
  command = plan

  variables {
    concurrency        = { reserved = 20, provisioned = { min = 0, max = 2 } }
    log_retention_days = 100
    memory_mb          = 64
    timeout_s          = 0
  }

  expect_failures = [var.concurrency, var.log_retention_days, var.memory_mb, var.timeout_s]
}

run "figures_in_another_unit" {
  command = plan

  variables {
    alarms      = { topic_arn = "arn:aws:sns:eu-west-1:123456789012:slipway-dev-alerts", duration_share = 80 }
    concurrency = { reserved = 20, provisioned = { min = 1, max = 2, target_utilisation = 70 } }
    memory_mb   = 0.5
  }

  expect_failures = [var.alarms, var.concurrency, var.memory_mb]
}

run "provisioned_beyond_reserved" {
  command = plan

  variables {
    asynchronous = { maximum_retries = 3 }
    concurrency  = { reserved = 4, provisioned = { min = 2, max = 8 } }
    environment  = { "LOG-LEVEL" = "INFO" }
  }

  expect_failures = [var.asynchronous, var.concurrency, var.environment]
}

run "schedule_beyond_reserved" {
  command = plan

  variables {
    concurrency = { reserved = 20, provisioned = { min = 1, max = 2, schedules = { morning = { schedule = "cron(0 7 ? * MON-FRI *)", min = 2, max = 30 } } } }
  }

  expect_failures = [var.concurrency]
}

run "schedule_without_a_clock" {
  command = plan

  variables {
    concurrency = { reserved = 20, provisioned = { min = 1, max = 2, schedules = { morning = { schedule = "07:00", min = 2, max = 4 } } } }
  }

  expect_failures = [var.concurrency]
}

run "provisioned_min_beyond_max" {
  command = plan

  variables {
    concurrency = { reserved = 20, provisioned = { min = 8, max = 2 } }
    name        = "slipway-dev-classify_image"
    package     = { path = "../../../functions/dist/classify_image.zip", architecture = "arm" }
  }

  expect_failures = [var.concurrency, var.name, var.package]
}

run "function_without_a_cap" {
  command = plan

  variables {
    alarms      = { topic_arn = "arn:aws:sns:eu-west-1:123456789012:slipway-dev-alerts", error_count = 0 }
    concurrency = { reserved = -1 }
    environment = { AWS_REGION = "eu-west-1" }
    invokers    = { all = { principal = "*", source_arn = "arn:aws:events:eu-west-1:123456789012:rule/nightly" } }
  }

  expect_failures = [var.alarms, var.concurrency, var.environment, var.invokers]
}

run "open_or_single_zone_function" {
  command = plan

  variables {
    invokers = { all = { principal = "events.amazonaws.com", source_arn = "arn:aws:events:eu-west-1:123456789012:rule/*" } }
    network  = { security_group_id = "sg-11111111", subnet_ids = ["subnet-11111111"] }
    package  = { path = "../../../functions/dist/classify_image.zip", runtime = "python3.8" }
  }

  expect_failures = [var.invokers, var.network, var.package]
}

run "zip_that_is_not_there" {
  command = plan

  variables {
    package = { path = "missing.zip" }
  }

  expect_failures = [var.package]
}
