# What the module refuses. A run breaks several variables at once, each of which must be refused by itself.

mock_provider "aws" {
  source = "../../mocks"
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

run "wrong_shapes" {
  command = plan

  variables {
    ami                = { id = "ubuntu" }
    image              = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/slipway-dev-vehicles/training:latest"
    instance           = { type = "ml.g4dn.xlarge" }
    limits             = { deadline_hours = 169 }
    log_retention_days = 100
    name               = "Slipway"
    network            = { security_group_id = "sg-11111111", subnet_ids = ["subnet-11111111"] }
    workload           = "Vehicles"
  }

  expect_failures = [
    var.ami, var.image, var.instance, var.limits, var.log_retention_days, var.name, var.network, var.workload,
  ]
}

run "anybodys_parameter" {
  command = plan

  variables {
    ami            = { parameter = "/my/image" }
    input_prefixes = []
    instance       = { type = "g4dn.xlarge", volume_gb = 20 }
    limits         = { idle_minutes = 5 }
  }

  expect_failures = [var.ami, var.input_prefixes, var.instance, var.limits]
}

run "another_workloads_data" {
  command = plan

  variables {
    ami            = { root_device = "/dev/sdf" }
    input_prefixes = ["dogs/dataset/", "vehicles/dataset"]
    limits         = { idle_cpu_percent = 0 }
  }

  expect_failures = [var.ami, var.input_prefixes, var.limits]
}
