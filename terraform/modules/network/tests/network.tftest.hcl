mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name              = "slipway-dev"
  cidr              = "10.40.0.0/20"
  zones             = ["eu-west-1a", "eu-west-1b"]
  boundary_arn      = "arn:aws:iam::123456789012:policy/slipway-boundary"
  logs_key_arn      = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  bucket_arns       = ["arn:aws:s3:::slipway-dev-123456789012-models", "arn:aws:s3:::slipway-dev-123456789012-data"]
  extra_bucket_arns = ["arn:aws:s3:::aws-windows-downloads-eu-west-1/*"]

  services = [
    "sagemaker.api", "sagemaker.runtime", "ecr.api", "ecr.dkr", "sts", "logs", "monitoring", "kms", "states", "lambda",
    "sns", "sqs", "events",
  ]
}

run "subnets" {
  command = plan

  assert {
    condition     = [for subnet in aws_subnet.private : subnet.cidr_block] == ["10.40.0.0/21", "10.40.8.0/21"]
    error_message = "The zones must share the range equally."
  }

  assert {
    condition     = alltrue([for subnet in aws_subnet.private : !subnet.map_public_ip_on_launch])
    error_message = "No instance may get a public address."
  }

  assert {
    condition     = keys(aws_route_table_association.private) == ["eu-west-1a", "eu-west-1b"]
    error_message = "Every subnet must use the private route table."
  }

  assert {
    condition     = aws_vpc.this.enable_dns_hostnames && aws_vpc.this.enable_dns_support
    error_message = "Private DNS of the endpoints needs both DNS settings."
  }

  assert {
    condition     = aws_flow_log.this.traffic_type == "ALL" && aws_cloudwatch_log_group.flow.kms_key_id == var.logs_key_arn
    error_message = "All traffic must be logged, encrypted."
  }
}

run "three_zones_endpoints_in_one" {
  command = plan

  variables {
    zones          = ["eu-west-1c", "eu-west-1a", "eu-west-1b"]
    endpoint_zones = 1
  }

  assert {
    condition     = aws_subnet.private["eu-west-1c"].cidr_block == "10.40.0.0/22" && aws_subnet.private["eu-west-1b"].cidr_block == "10.40.8.0/22"
    error_message = "Addresses must follow the order of the zones."
  }
}

run "interface_endpoints" {
  command = plan

  assert {
    condition     = toset(keys(aws_vpc_endpoint.interface)) == toset(var.services)
    error_message = "There must be an endpoint for each service and for no other."
  }

  assert {
    condition     = alltrue([for endpoint in aws_vpc_endpoint.interface : endpoint.private_dns_enabled && endpoint.vpc_endpoint_type == "Interface"])
    error_message = "Without private DNS the endpoint would be bypassed."
  }

  assert {
    condition = alltrue(flatten([
      for endpoint in concat(values(aws_vpc_endpoint.interface)) : [
        for s in jsondecode(endpoint.policy).Statement : s.Condition == { StringEquals = { "aws:PrincipalAccount" = "123456789012" } }
      ]
    ]))
    error_message = "Every statement of every endpoint must be for this account's principals."
  }

  assert {
    condition = alltrue(flatten([
      for endpoint in aws_vpc_endpoint.interface : [
        for s in jsondecode(endpoint.policy).Statement : [
          for resource in s.Resource : strcontains(resource, ":123456789012:")
        ] if s.Sid == "OwnPrincipalsOwnResources"
      ]
    ]))
    error_message = "Every resource must be of this account."
  }

  assert {
    condition = length(flatten([
      for endpoint in aws_vpc_endpoint.interface : [
        for s in jsondecode(endpoint.policy).Statement : [for action in s.Action : action if can(regex("(^|:)[*]$", action))]
      ]
    ])) == 0
    error_message = "No endpoint may allow a service as a whole."
  }

  assert {
    condition     = jsondecode(aws_vpc_endpoint.interface["sagemaker.runtime"].policy).Statement[0].Resource == ["arn:aws:sagemaker:eu-west-1:123456789012:endpoint/*"]
    error_message = "Only this account's endpoints may be invoked."
  }
}

run "every_service_has_a_policy" {
  command = plan

  variables {
    services = [
      "ec2messages", "ecr.api", "ecr.dkr", "events", "kms", "lambda", "logs", "monitoring", "sagemaker.api",
      "sagemaker.runtime", "sns", "sqs", "ssm", "ssmmessages", "states", "sts",
    ]
  }

  assert {
    condition     = alltrue([for endpoint in aws_vpc_endpoint.interface : length(jsondecode(endpoint.policy).Statement) > 0])
    error_message = "A service the validation admits must have a policy."
  }
}

run "s3_endpoint" {
  command = plan

  assert {
    condition = jsondecode(aws_vpc_endpoint.s3.policy).Statement[0].Resource == [
      "arn:aws:s3:::slipway-dev-123456789012-data", "arn:aws:s3:::slipway-dev-123456789012-data/*",
      "arn:aws:s3:::slipway-dev-123456789012-models", "arn:aws:s3:::slipway-dev-123456789012-models/*",
    ]
    error_message = "The S3 endpoint must lead to the named buckets only, in an order of its own."
  }

  assert {
    condition     = jsondecode(aws_vpc_endpoint.s3.policy).Statement[0].Condition == { StringEquals = { "aws:PrincipalAccount" = "123456789012" } }
    error_message = "The buckets must be reached by this account's principals only."
  }

  assert {
    condition = jsondecode(aws_vpc_endpoint.s3.policy).Statement[1] == {
      Action    = ["s3:GetObject"]
      Effect    = "Allow"
      Principal = "*"
      Resource  = ["arn:aws:s3:::aws-windows-downloads-eu-west-1/*", "arn:aws:s3:::prod-eu-west-1-starport-layer-bucket/*"]
      Sid       = "ReadNamedBucketsOfAws"
    }
    error_message = "Buckets of AWS may be read only; the layers of images come with ecr.dkr."
  }
}

run "no_registry_no_layer_bucket" {
  command = plan

  variables {
    services          = ["logs"]
    extra_bucket_arns = []
  }

  assert {
    condition     = length(jsondecode(aws_vpc_endpoint.s3.policy).Statement) == 1
    error_message = "Without a registry no bucket of AWS need be reachable."
  }
}

run "security_groups" {
  command = plan

  assert {
    condition     = keys(aws_security_group.client) == ["endpoint", "functions", "training"]
    error_message = "Each client group must have its security group."
  }

  assert {
    condition = alltrue(flatten([
      for rule in concat(
        values(aws_vpc_security_group_egress_rule.endpoints), values(aws_vpc_security_group_egress_rule.s3),
        values(aws_vpc_security_group_ingress_rule.endpoints),
      ) : [rule.cidr_ipv4 == null, rule.cidr_ipv6 == null, rule.from_port == 443, rule.to_port == 443, rule.ip_protocol == "tcp"]
    ]))
    error_message = "Rules must name groups or the prefix list and HTTPS, never addresses."
  }

  assert {
    condition     = length(aws_default_security_group.this.ingress) == 0 && length(aws_default_security_group.this.egress) == 0
    error_message = "The default security group must be closed."
  }
}

# Where one variable's validation looks at another, a failure of the second hides the first: the range is
# checked against the zones, so that the two fail in runs of their own.

run "refuses_public_range_and_s3" {
  command = plan
  variables {
    bucket_arns       = []
    cidr              = "52.1.0.0/16"
    extra_bucket_arns = ["arn:aws:s3:::*"]
    name              = "sg-slipway"
    services          = ["s3"]
  }
  expect_failures = [var.bucket_arns, var.cidr, var.extra_bucket_arns, var.name, var.services]
}

run "refuses_small_range_and_unknown_service" {
  command = plan
  variables {
    bucket_arns   = ["arn:aws:s3:::slipway-dev-123456789012-data/*"]
    cidr          = "10.40.0.0/26"
    client_groups = ["functions", "functions"]
    services      = ["sagemaker.apis"]
  }
  expect_failures = [var.bucket_arns, var.cidr, var.client_groups, var.services]
}

run "refuses_small_range_for_three_zones" {
  command = plan
  variables {
    cidr  = "10.40.0.0/25"
    zones = ["eu-west-1a", "eu-west-1b", "eu-west-1c"]
  }
  expect_failures = [var.cidr]
}

run "refuses_crooked_range_and_half_registry" {
  command = plan
  variables {
    cidr               = "10.40.1.0/20"
    client_groups      = ["endpoints"]
    log_retention_days = 42
    logs_key_arn       = "alias/slipway-dev-logs"
    services           = ["ecr.api"]
  }
  expect_failures = [var.cidr, var.client_groups, var.log_retention_days, var.logs_key_arn, var.services]
}

run "refuses_huge_range_and_service_twice" {
  command = plan
  variables {
    cidr           = "10.0.0.0/8"
    client_groups  = []
    endpoint_zones = 3
    services       = ["logs", "logs"]
  }
  expect_failures = [var.cidr, var.client_groups, var.endpoint_zones, var.services]
}

run "refuses_nonsense_range_and_no_endpoint_zone" {
  command = plan
  variables {
    boundary_arn   = "slipway-boundary"
    cidr           = "ten dot forty"
    endpoint_zones = 0
  }
  expect_failures = [var.boundary_arn, var.cidr, var.endpoint_zones]
}

run "refuses_one_zone" {
  command = plan
  variables {
    zones = ["eu-west-1a"]
  }
  expect_failures = [var.zones]
}

run "refuses_zone_twice" {
  command = plan
  variables {
    zones = ["eu-west-1a", "eu-west-1a"]
  }
  expect_failures = [var.zones]
}

run "refuses_zone_ids" {
  command = plan
  variables {
    zones = ["euw1-az1", "euw1-az2"]
  }
  expect_failures = [var.zones]
}

run "refuses_zone_of_another_region" {
  command = plan
  variables {
    zones = ["eu-central-1a", "eu-central-1b"]
  }
  expect_failures = [aws_vpc.this]
}

run "no_table_no_way_to_dynamodb" {
  command = plan

  assert {
    condition     = length(aws_vpc_endpoint.dynamodb) == 0 && length(aws_vpc_security_group_egress_rule.dynamodb) == 0 && output.dynamodb_endpoint_id == null
    error_message = "Where nobody keeps records there must be no way to DynamoDB."
  }
}

run "functions_reach_the_named_tables" {
  command = plan

  variables {
    table_arns = ["arn:aws:dynamodb:eu-west-1:123456789012:table/slipway-dev-claims-records"]
  }

  assert {
    condition = jsondecode(aws_vpc_endpoint.dynamodb[0].policy).Statement == [{
      Sid       = "OwnPrincipalsOwnTables"
      Effect    = "Allow"
      Principal = "*"
      Action    = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"]
      Resource  = ["arn:aws:dynamodb:eu-west-1:123456789012:table/slipway-dev-claims-records"]
      Condition = { StringEquals = { "aws:PrincipalAccount" = "123456789012" } }
    }]
    error_message = "Only this account's principals, only these tables, only what functions do."
  }

  assert {
    condition     = aws_vpc_endpoint.dynamodb[0].vpc_endpoint_type == "Gateway" && length(aws_vpc_security_group_egress_rule.dynamodb) == 1
    error_message = "A gateway, for one group of clients."
  }
}

run "any_table_is_refused" {
  command = plan

  variables {
    table_arns = ["arn:aws:dynamodb:eu-west-1:123456789012:table/*"]
  }

  expect_failures = [var.table_arns]
}

run "a_table_that_nobody_reaches_is_refused" {
  command = plan

  variables {
    client_groups = ["training"]
    table_arns    = ["arn:aws:dynamodb:eu-west-1:123456789012:table/slipway-dev-claims-records"]
  }

  expect_failures = [var.table_arns]
}
