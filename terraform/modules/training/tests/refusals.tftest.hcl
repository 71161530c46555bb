# What the module refuses. A run breaks several variables at once, each of which must be refused by itself.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name               = "slipway-dev-vehicles"
  workload           = "vehicles"
  boundary_arn       = "arn:aws:iam::123456789012:policy/slipway-boundary"
  alarms             = { topic_arn = "arn:aws:sns:eu-west-1:123456789012:slipway-dev-alerts" }
  gate               = { metric = "test:accuracy", minimum = 0.9 }
  log_retention_days = 365

  buckets = {
    data   = { name = "slipway-dev-123456789012-data", arn = "arn:aws:s3:::slipway-dev-123456789012-data" }
    models = { name = "slipway-dev-123456789012-models", arn = "arn:aws:s3:::slipway-dev-123456789012-models" }
  }

  inference = {
    content_types  = ["image/png", "image/jpeg"]
    image          = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/slipway-dev-vehicles/serving@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
    instance_types = ["ml.m5.large"]
    response_types = ["application/json"]
  }

  job = {
    channels = {
      train   = { prefix = "vehicles/dataset/train/", content_type = "application/x-image" }
      weights = { prefix = "vehicles/weights/" }
    }
    hyperparameters = { epochs = "12" }
    image           = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/slipway-dev-vehicles/training@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
    instance_count  = 2
    instance_type   = "ml.m5.xlarge"
    max_runtime_s   = 3600
    metrics         = [{ name = "test:accuracy", regex = "test:accuracy=([0-9.]+);" }]
    volume_gb       = 30
  }

  keys = {
    data     = "arn:aws:kms:eu-west-1:123456789012:key/11111111-1111-1111-1111-111111111111"
    logs     = "arn:aws:kms:eu-west-1:123456789012:key/22222222-2222-2222-2222-222222222222"
    messages = "arn:aws:kms:eu-west-1:123456789012:key/33333333-3333-3333-3333-333333333333"
    model    = "arn:aws:kms:eu-west-1:123456789012:key/44444444-4444-4444-4444-444444444444"
  }

  network = {
    security_group_id = "sg-11111111"
    subnet_ids        = ["subnet-11111111", "subnet-22222222"]
  }
}

run "image_that_moves" {
  command = plan

  variables {
    inference = { content_types = ["image/png"], image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/slipway-dev-vehicles/serving:latest", instance_types = ["ml.m5.large"], response_types = ["application/json"] }
    job = {
      channels       = { train = { prefix = "vehicles/dataset/train/" } }
      image          = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/slipway-dev-vehicles/training:latest"
      instance_count = 1
      instance_type  = "ml.m5.xlarge"
      max_runtime_s  = 3600
      metrics        = [{ name = "test:accuracy", regex = "test:accuracy=([0-9.]+);" }]
      volume_gb      = 30
    }
    log_retention_days = 100
    name               = "slipway-rehearsal-a-workload-with-a-long-name"
  }

  expect_failures = [var.inference, var.job, var.log_retention_days, var.name]
}

run "image_from_elsewhere" {
  command = plan

  variables {
    inference = { content_types = [], image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/slipway-dev-vehicles/serving@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", instance_types = ["ml.m5.large"], response_types = ["application/json"] }
    job = {
      channels       = { train = { prefix = "vehicles/dataset/train/" } }
      image          = "docker.io/library/training:1"
      instance_count = 1
      instance_type  = "ml.m5.xlarge"
      max_runtime_s  = 3600
      metrics        = [{ name = "test:accuracy", regex = "test:accuracy=([0-9.]+);" }]
      volume_gb      = 30
    }
    name    = "Slipway_Dev"
    network = { security_group_id = "sg-11111111", subnet_ids = ["subnet-11111111"] }
  }

  expect_failures = [var.inference, var.job, var.name, var.network]
}

run "local_nvme_volume" {
  command = plan

  variables {
    job = {
      channels       = { train = { prefix = "vehicles/dataset/train/" } }
      image          = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/slipway-dev-vehicles/training@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
      instance_count = 1
      instance_type  = "ml.g4dn.xlarge"
      max_runtime_s  = 3600
      metrics        = [{ name = "test:accuracy", regex = "test:accuracy=([0-9.]+);" }]
      volume_gb      = 30
    }
  }

  expect_failures = [var.job]
}

run "newer_gpu_with_nvme" {
  command = plan

  variables {
    job = {
      channels       = { train = { prefix = "vehicles/dataset/train/" } }
      image          = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/slipway-dev-vehicles/training@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
      instance_count = 1
      instance_type  = "ml.p5.48xlarge"
      max_runtime_s  = 3600
      metrics        = [{ name = "test:accuracy", regex = "test:accuracy=([0-9.]+);" }]
      volume_gb      = 30
    }
  }

  expect_failures = [var.job]
}

run "no_instance_type" {
  command = plan

  variables {
    job = {
      channels       = { train = { prefix = "vehicles/dataset/train/" } }
      image          = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/slipway-dev-vehicles/training@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
      instance_count = 1
      instance_type  = "m5.xlarge"
      max_runtime_s  = 3600
      metrics        = [{ name = "test:accuracy", regex = "test:accuracy=([0-9.]+);" }]
      volume_gb      = 30
    }
  }

  expect_failures = [var.job]
}

run "too_many_instances" {
  command = plan

  variables {
    job = {
      channels       = { train = { prefix = "vehicles/dataset/train/" } }
      image          = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/slipway-dev-vehicles/training@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
      instance_count = 21
      instance_type  = "ml.m5.xlarge"
      max_runtime_s  = 3600
      metrics        = [{ name = "test:accuracy", regex = "test:accuracy=([0-9.]+);" }]
      volume_gb      = 30
    }
  }

  expect_failures = [var.job]
}

run "no_volume" {
  command = plan

  variables {
    job = {
      channels       = { train = { prefix = "vehicles/dataset/train/" } }
      image          = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/slipway-dev-vehicles/training@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
      instance_count = 1
      instance_type  = "ml.m5.xlarge"
      max_runtime_s  = 3600
      metrics        = [{ name = "test:accuracy", regex = "test:accuracy=([0-9.]+);" }]
      volume_gb      = 0
    }
  }

  expect_failures = [var.job]
}

run "job_without_end" {
  command = plan

  variables {
    job = {
      channels       = { train = { prefix = "vehicles/dataset/train/" } }
      image          = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/slipway-dev-vehicles/training@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
      instance_count = 1
      instance_type  = "ml.m5.xlarge"
      max_runtime_s  = 0
      metrics        = [{ name = "test:accuracy", regex = "test:accuracy=([0-9.]+);" }]
      volume_gb      = 30
    }
  }

  expect_failures = [var.job]
}

run "wait_without_spot" {
  command = plan

  variables {
    job = {
      channels       = { train = { prefix = "vehicles/dataset/train/" } }
      image          = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/slipway-dev-vehicles/training@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
      instance_count = 1
      instance_type  = "ml.m5.xlarge"
      max_runtime_s  = 3600
      max_wait_s     = 7200
      metrics        = [{ name = "test:accuracy", regex = "test:accuracy=([0-9.]+);" }]
      volume_gb      = 30
    }
  }

  expect_failures = [var.job]
}

run "wait_shorter_than_the_run" {
  command = plan

  variables {
    job = {
      channels       = { train = { prefix = "vehicles/dataset/train/" } }
      image          = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/slipway-dev-vehicles/training@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
      instance_count = 1
      instance_type  = "ml.m5.xlarge"
      max_runtime_s  = 3600
      max_wait_s     = 60
      metrics        = [{ name = "test:accuracy", regex = "test:accuracy=([0-9.]+);" }]
      spot           = true
      volume_gb      = 30
    }
  }

  expect_failures = [var.job]
}

run "channel_called_code" {
  command = plan

  variables {
    job = {
      channels       = { code = { prefix = "vehicles/code/" } }
      image          = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/slipway-dev-vehicles/training@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
      instance_count = 1
      instance_type  = "ml.m5.xlarge"
      max_runtime_s  = 3600
      metrics        = [{ name = "test:accuracy", regex = "test:accuracy=([0-9.]+);" }]
      volume_gb      = 30
    }
  }

  expect_failures = [var.job]
}

run "channel_of_another_workload" {
  command = plan

  variables {
    job = {
      channels       = { train = { prefix = "claims/dataset/train/" } }
      image          = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/slipway-dev-vehicles/training@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
      instance_count = 1
      instance_type  = "ml.m5.xlarge"
      max_runtime_s  = 3600
      metrics        = [{ name = "test:accuracy", regex = "test:accuracy=([0-9.]+);" }]
      volume_gb      = 30
    }
  }

  expect_failures = [var.job]
}

run "unknown_input_mode" {
  command = plan

  variables {
    job = {
      channels       = { train = { prefix = "vehicles/dataset/train/", input_mode = "Stream" } }
      image          = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/slipway-dev-vehicles/training@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
      instance_count = 1
      instance_type  = "ml.m5.xlarge"
      max_runtime_s  = 3600
      metrics        = [{ name = "test:accuracy", regex = "test:accuracy=([0-9.]+);" }]
      volume_gb      = 30
    }
  }

  expect_failures = [var.job]
}

run "hyperparameter_of_script_mode" {
  command = plan

  variables {
    job = {
      channels        = { train = { prefix = "vehicles/dataset/train/" } }
      hyperparameters = { sagemaker_program = "other.py" }
      image           = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/slipway-dev-vehicles/training@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
      instance_count  = 1
      instance_type   = "ml.m5.xlarge"
      max_runtime_s   = 3600
      metrics         = [{ name = "test:accuracy", regex = "test:accuracy=([0-9.]+);" }]
      volume_gb       = 30
    }
  }

  expect_failures = [var.job]
}

run "unknown_data_type" {
  command = plan

  variables {
    job = {
      channels       = { train = { prefix = "vehicles/dataset/train/", data_type = "Folder" } }
      image          = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/slipway-dev-vehicles/training@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
      instance_count = 1
      instance_type  = "ml.m5.xlarge"
      max_runtime_s  = 3600
      metrics        = [{ name = "test:accuracy", regex = "test:accuracy=([0-9.]+);" }]
      volume_gb      = 30
    }
  }

  expect_failures = [var.job]
}

run "unknown_distribution" {
  command = plan

  variables {
    job = {
      channels       = { train = { prefix = "vehicles/dataset/train/", distribution = "Some" } }
      image          = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/slipway-dev-vehicles/training@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
      instance_count = 1
      instance_type  = "ml.m5.xlarge"
      max_runtime_s  = 3600
      metrics        = [{ name = "test:accuracy", regex = "test:accuracy=([0-9.]+);" }]
      volume_gb      = 30
    }
  }

  expect_failures = [var.job]
}

run "augmented_manifest_as_files" {
  command = plan

  variables {
    job = {
      channels       = { train = { prefix = "vehicles/train.manifest", data_type = "AugmentedManifestFile", attributes = ["source-ref"] } }
      image          = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/slipway-dev-vehicles/training@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
      instance_count = 1
      instance_type  = "ml.m5.xlarge"
      max_runtime_s  = 3600
      metrics        = [{ name = "test:accuracy", regex = "test:accuracy=([0-9.]+);" }]
      volume_gb      = 30
    }
  }

  expect_failures = [var.job]
}

run "attributes_of_a_folder" {
  command = plan

  variables {
    job = {
      channels       = { train = { prefix = "vehicles/dataset/train/", attributes = ["source-ref"] } }
      image          = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/slipway-dev-vehicles/training@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
      instance_count = 1
      instance_type  = "ml.m5.xlarge"
      max_runtime_s  = 3600
      metrics        = [{ name = "test:accuracy", regex = "test:accuracy=([0-9.]+);" }]
      volume_gb      = 30
    }
  }

  expect_failures = [var.job]
}

run "records_of_files" {
  command = plan

  variables {
    job = {
      channels       = { train = { prefix = "vehicles/dataset/train/", record_wrapper = "RecordIO" } }
      image          = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/slipway-dev-vehicles/training@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
      instance_count = 1
      instance_type  = "ml.m5.xlarge"
      max_runtime_s  = 3600
      metrics        = [{ name = "test:accuracy", regex = "test:accuracy=([0-9.]+);" }]
      volume_gb      = 30
    }
  }

  expect_failures = [var.job]
}

run "too_many_processes" {
  command = plan

  variables {
    job = {
      channels               = { train = { prefix = "vehicles/dataset/train/" } }
      image                  = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/slipway-dev-vehicles/training@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
      instance_count         = 1
      instance_type          = "ml.m5.xlarge"
      max_runtime_s          = 3600
      metrics                = [{ name = "test:accuracy", regex = "test:accuracy=([0-9.]+);" }]
      processes_per_instance = 17
      volume_gb              = 30
    }
  }

  expect_failures = [var.job]
}

run "warm_spot_capacity" {
  command = plan

  variables {
    job = {
      channels       = { train = { prefix = "vehicles/dataset/train/" } }
      image          = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/slipway-dev-vehicles/training@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
      instance_count = 1
      instance_type  = "ml.m5.xlarge"
      max_runtime_s  = 3600
      metrics        = [{ name = "test:accuracy", regex = "test:accuracy=([0-9.]+);" }]
      spot           = true
      volume_gb      = 30
      warm_s         = 600
    }
  }

  expect_failures = [var.job]
}

run "name_of_tuning_jobs_that_leaves_no_room" {
  command = plan

  variables {
    tuning_name = "vehicles-development-europe"
  }

  expect_failures = [var.tuning_name]
}

run "gate_on_a_metric_nobody_reports" {
  command = plan

  variables {
    gate = { metric = "test:f1", minimum = 0.9 }
  }

  expect_failures = [var.gate]
}

run "gate_that_breaks_out_of_its_quotes" {
  command = plan

  variables {
    gate = { metric = "x')]", minimum = 0.9 }
  }

  expect_failures = [var.gate]
}

run "workload_that_is_no_folder" {
  command = plan

  variables {
    workload = "Vehicles"
  }

  expect_failures = [var.workload]
}
