# The modules that scale, by themselves, with everything around them given as text.
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7"
    }
  }
}

provider "aws" {
  region = "eu-west-1"
}

variable "endpoint" {
  description = "What changes between two applies."
  type        = any
}

variable "modules" {
  description = "Folder of the modules."
  type        = string
}

variable "provisioned" {
  description = "Provisioned concurrency of the function."
  type        = any
}

variable "package" {
  description = "Path of the function's zip archive."
  type        = string
}

locals {
  alarms  = { topic_arn = "arn:aws:sns:eu-west-1:123456789012:alerts" }
  bucket  = { name = "slipway-test", arn = "arn:aws:s3:::slipway-test" }
  network = { security_group_id = "sg-11111111", subnet_ids = ["subnet-11111111", "subnet-22222222"] }
  keys = {
    for purpose in ["data", "logs", "messages", "model"] :
    purpose => "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  }
}

module "endpoint" {
  source = "./modules/endpoint"

  name                = "elastic"
  workload            = "elastic"
  boundary_arn        = "arn:aws:iam::123456789012:policy/boundary"
  production          = true
  instance_type       = var.endpoint.instance_type
  live_instance_count = var.endpoint.live
  rollout             = { type = "CANARY", step_percent = 50, bake_s = 60, termination_wait_s = 0 }
  scaling             = merge({ min = 2, max = 5, invocations_per_instance = 600, concurrent_requests_per_model = 16 }, var.endpoint.scaling)
  capture             = { percentage = 0, prefix = "elastic/capture/" }
  data_bucket         = local.bucket
  models_bucket       = local.bucket
  keys                = local.keys
  network             = local.network
  alarms              = local.alarms

  model = {
    version        = var.endpoint.version
    image          = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/slipway-test/echo@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
    model_data_url = "s3://slipway-test/elastic/model.tar.gz"
  }
}

module "function" {
  source = "./modules/function"

  name               = "elastic"
  boundary_arn       = "arn:aws:iam::123456789012:policy/boundary"
  package            = { path = var.package, handler = "handler.handle" }
  memory_mb          = 128
  timeout_s          = 3
  concurrency        = { reserved = 10, provisioned = var.provisioned }
  keys               = { data = local.keys.data, logs = local.keys.logs, messages = local.keys.messages }
  network            = local.network
  alarms             = local.alarms
  log_retention_days = 30
}
