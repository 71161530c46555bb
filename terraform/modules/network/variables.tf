variable "boundary_arn" {
  type        = string
  description = "ARN of the permissions boundary of the role that writes the flow logs."
  nullable    = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:iam::[0-9]{12}:policy/.+$", var.boundary_arn))
    error_message = "boundary_arn must be the ARN of a managed policy (arn:aws:iam::<account>:policy/<name>): pass the arn output of the boundary module."
  }
}

variable "bucket_arns" {
  type        = list(string)
  description = "ARNs of the buckets that may be used through the S3 endpoint; nothing else in S3 can be reached."
  nullable    = false

  validation {
    condition     = length(var.bucket_arns) > 0
    error_message = "bucket_arns is empty: name the environment's buckets, or no workload can read or write anything."
  }

  validation {
    condition     = alltrue([for arn in var.bucket_arns : can(regex("^arn:[a-z-]+:s3:::[a-z0-9.-]+$", arn))])
    error_message = "bucket_arns must be ARNs of buckets (arn:aws:s3:::<name>), without wildcards and without a trailing /*: the objects are added here."
  }
}

variable "cidr" {
  type        = string
  description = "Address range of the VPC, private (RFC 1918). Each zone gets an equal share as its subnet."
  nullable    = false

  validation {
    condition     = can(cidrnetmask(var.cidr)) && can(regex("/(1[6-9]|2[0-6])$", var.cidr))
    error_message = "cidr must be an IPv4 range of a size between /16 and /26, such as 10.40.0.0/20."
  }

  validation {
    condition     = can(regex("^(10\\.|172\\.(1[6-9]|2[0-9]|3[01])\\.|192\\.168\\.)", var.cidr))
    error_message = "cidr must lie in a private range: 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16."
  }

  validation {
    condition     = can(cidrsubnet(var.cidr, 0, 0)) ? cidrsubnet(var.cidr, 0, 0) == var.cidr : true
    error_message = "cidr has bits set beyond its mask: write the first address of the range, such as 10.40.0.0/20."
  }

  # Functions, training instances and endpoint instances each take an address, and updates twice as many.
  validation {
    condition = !can(cidrnetmask(var.cidr)) ? true : (
      tonumber(split("/", var.cidr)[1]) + ceil(log(max(length(var.zones), 2), 2)) <= 26
    )
    error_message = "cidr is too small: shared among the zones it leaves less than a /26 (59 usable addresses) per subnet. Take a larger range or fewer zones."
  }
}

variable "client_groups" {
  type        = list(string)
  description = "Kinds of workload, each with a security group of its own that reaches the endpoints and S3 and nothing else."
  default     = ["functions", "training", "endpoint"]
  nullable    = false

  validation {
    condition     = length(var.client_groups) > 0 && alltrue([for group in var.client_groups : can(regex("^[a-z][a-z0-9-]{0,30}$", group))])
    error_message = "client_groups must be short names out of a-z 0-9 -, at least one."
  }

  validation {
    condition     = length(distinct(var.client_groups)) == length(var.client_groups)
    error_message = "client_groups holds a name twice: remove one."
  }

  validation {
    condition     = !contains(var.client_groups, "endpoints")
    error_message = "client_groups must not hold \"endpoints\": that is the security group of the interface endpoints themselves."
  }
}

variable "endpoint_zones" {
  type        = number
  description = "Number of zones that get a network interface per endpoint; null for all. Fewer cost less, and make the others depend on them."
  default     = null

  validation {
    condition = var.endpoint_zones == null ? true : (
      var.endpoint_zones >= 1 && var.endpoint_zones <= length(var.zones) && floor(var.endpoint_zones) == var.endpoint_zones
    )
    error_message = "endpoint_zones must be null or a whole number from 1 to the number of zones."
  }
}

variable "extra_bucket_arns" {
  type        = list(string)
  description = "ARNs of objects in buckets of AWS that must be readable, such as arn:aws:s3:::<bucket>/*. The layers of ECR images are added here already where services holds ecr.dkr."
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.extra_bucket_arns : can(regex("^arn:[a-z-]+:s3:::[a-z0-9.-]+/.+$", arn))])
    error_message = "extra_bucket_arns must be ARNs of objects (arn:aws:s3:::<bucket>/*) in a named bucket: a wildcard for the bucket would let data out to any account."
  }
}

variable "log_retention_days" {
  type        = number
  description = "Days for which flow logs are kept."
  default     = 365
  nullable    = false

  validation {
    condition = contains(
      [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653],
      var.log_retention_days
    )
    error_message = "log_retention_days must be one of the periods CloudWatch Logs knows (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)."
  }
}

variable "logs_key_arn" {
  type        = string
  description = "ARN of the key that encrypts the flow logs."
  nullable    = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.logs_key_arn))
    error_message = "logs_key_arn must be the ARN of a KMS key: pass arns[\"logs\"] of the keys module."
  }
}

variable "name" {
  type        = string
  description = "Prefix of the names of everything in the VPC."
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,49}$", var.name)) && !startswith(var.name, "sg-")
    error_message = "name must have 2 to 50 characters out of a-z 0-9 -, begin with a letter and not with sg- (reserved by EC2): the role of the flow logs adds its own ending to it."
  }
}

variable "services" {
  type        = list(string)
  description = "AWS services the environment calls, by the last part of the endpoint's service name, such as sagemaker.api. Each is an interface endpoint with private DNS; whatever is missing here cannot be reached. S3 is always there, as a gateway."
  nullable    = false

  validation {
    condition     = length(distinct(var.services)) == length(var.services)
    error_message = "services holds a name twice: remove one."
  }

  validation {
    condition     = !contains(var.services, "s3")
    error_message = "services must not hold s3: the module always makes the gateway endpoint of S3, which is free."
  }

  # The list is that of endpoint_policies.tf: a service without a policy of its own is not offered.
  validation {
    condition = length(setsubtract(var.services, [
      "ec2messages", "ecr.api", "ecr.dkr", "events", "kms", "lambda", "logs", "monitoring", "sagemaker.api",
      "sagemaker.runtime", "sns", "sqs", "ssm", "ssmmessages", "states", "sts", "s3",
    ])) == 0
    error_message = "services holds a name the module does not know (${join(", ", setsubtract(var.services, [
      "ec2messages", "ecr.api", "ecr.dkr", "events", "kms", "lambda", "logs", "monitoring", "sagemaker.api",
      "sagemaker.runtime", "sns", "sqs", "ssm", "ssmmessages", "states", "sts", "s3",
    ]))}): correct it, or give the service a policy in endpoint_policies.tf first."
  }

  validation {
    condition     = contains(var.services, "ecr.api") == contains(var.services, "ecr.dkr")
    error_message = "services must hold both ecr.api and ecr.dkr, or neither: pulling an image takes the two of them."
  }
}

variable "table_arns" {
  type        = list(string)
  description = "ARNs of the DynamoDB tables that functions may use, through a gateway endpoint made for them; none, no endpoint."
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.table_arns : can(regex("^arn:[a-z-]+:dynamodb:[a-z0-9-]+:[0-9]{12}:table/[A-Za-z0-9_.-]{3,255}$", arn))])
    error_message = "table_arns must be ARNs of tables (arn:aws:dynamodb:<region>:<account>:table/<name>), without wildcards: a wider one would let data out to any table."
  }

  validation {
    condition     = length(var.table_arns) == 0 || contains(var.client_groups, "functions")
    error_message = "table_arns needs \"functions\" in client_groups: it is the one group that reaches the tables."
  }
}

variable "zones" {
  type        = list(string)
  description = "Availability zones, two or more, such as eu-west-1a. The order decides which subnet has which addresses: add at the end only."
  nullable    = false

  validation {
    condition     = length(var.zones) >= 2 && length(var.zones) <= 6
    error_message = "zones must name 2 to 6 zones: SageMaker endpoints and functions need two to survive the loss of one."
  }

  validation {
    condition     = length(distinct(var.zones)) == length(var.zones)
    error_message = "zones holds a zone twice: name different ones."
  }

  validation {
    condition     = alltrue([for zone in var.zones : can(regex("^[a-z]{2}(-[a-z]+)+-[0-9][a-z]$", zone))])
    error_message = "zones must be names such as eu-west-1a: no zone ids (euw1-az1), no local zones."
  }
}
