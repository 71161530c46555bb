variable "approvers" {
  type        = list(string)
  description = "ARNs of the identities that approve models, as IAM knows them: roles of IAM Identity Center or others. None: no role."
  nullable    = false

  validation {
    condition     = length(distinct(var.approvers)) == length(var.approvers)
    error_message = "approvers holds an ARN twice: remove one."
  }
}

variable "boundary_arn" {
  type        = string
  description = "ARN of the permissions boundary that caps both roles."
  nullable    = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:iam::[0-9]{12}:policy/.+$", var.boundary_arn))
    error_message = "boundary_arn must be the ARN of a managed policy of this account: pass the boundary of the environment."
  }
}

variable "bucket_arns" {
  type        = object({ data = string, models = string })
  description = "ARNs of the buckets of data and of models."
  nullable    = false

  validation {
    condition     = alltrue([for arn in values(var.bucket_arns) : can(regex("^arn:[a-z-]+:s3:::[a-z0-9.-]+$", arn))])
    error_message = "bucket_arns must be ARNs of buckets, without keys: pass the arn outputs of the bucket module."
  }
}

variable "jobs" {
  type = object({
    instance_types     = list(string)
    max_runtime_s      = number
    security_group_ids = map(list(string))
    subnet_ids         = list(string)
    tuning_names       = optional(map(string), {})
  })
  description = "What a job must stand on before an operator may send it: instance types, the longest run (seconds), subnets and, by workload, its security groups and, where it has tuning jobs, the beginning of their names."
  nullable    = false

  validation {
    condition     = toset(keys(var.jobs.security_group_ids)) == toset(keys(var.workloads))
    error_message = "jobs.security_group_ids must have an entry for every one of workloads, and no other."
  }

  validation {
    condition     = length(setsubtract(keys(var.jobs.tuning_names), keys(var.workloads))) == 0
    error_message = "jobs.tuning_names names a workload that is none of workloads: add it there, or take it out here."
  }

  validation {
    condition     = length(var.jobs.instance_types) > 0 && length(var.jobs.subnet_ids) > 0
    error_message = "jobs.instance_types and jobs.subnet_ids must not be empty: without one, no job could be sent."
  }

  validation {
    condition     = var.jobs.max_runtime_s >= 60 && var.jobs.max_runtime_s <= 2419200
    error_message = "jobs.max_runtime_s is ${var.jobs.max_runtime_s} but must lie between 60 and 2419200 (28 days, the limit of SageMaker)."
  }
}

variable "key_arns" {
  type        = object({ data = string, model = string })
  description = "ARNs of the keys of the two buckets; that of data also encrypts the executions of state machines."
  nullable    = false

  validation {
    condition     = alltrue([for arn in values(var.key_arns) : can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", arn))])
    error_message = "key_arns must be ARNs of keys, not aliases: pass entries of the keys module's arns."
  }
}

variable "name" {
  type        = string
  description = "Beginning of both names: <name>-operator and <name>-approver."
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,54}$", var.name))
    error_message = "name must have 3 to 55 characters out of a-z 0-9 -: nine more follow, and IAM ends at 64."
  }
}

variable "operators" {
  type        = list(string)
  description = "ARNs of the identities that train, classify and read results, as IAM knows them. None: no role."
  nullable    = false

  validation {
    condition     = length(distinct(var.operators)) == length(var.operators)
    error_message = "operators holds an ARN twice: remove one."
  }
}

variable "production" {
  type        = bool
  description = "Whether nobody may be both operator and approver."
  nullable    = false

  validation {
    condition     = !var.production || length(setintersection(var.operators, var.approvers)) == 0
    error_message = "In production nobody approves what they trained: an ARN stands in operators and in approvers. Take it out of one."
  }
}

variable "table_arns" {
  type        = list(string)
  description = "ARNs of the DynamoDB tables whose records operators may read."
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.table_arns : can(regex("^arn:[a-z-]+:dynamodb:[a-z0-9-]+:[0-9]{12}:table/[A-Za-z0-9_.-]{3,255}$", arn))])
    error_message = "table_arns must be ARNs of tables, without wildcards: pass the arn outputs of the table module."
  }
}

variable "workbenches" {
  type        = list(string)
  description = "Workloads with a workbench, which operators may switch on and come in to."
  default     = []
  nullable    = false

  validation {
    condition     = length(setsubtract(var.workbenches, keys(var.workloads))) == 0
    error_message = "workbenches must name workloads of var.workloads: add them there, or take them out here."
  }
}

variable "workflows" {
  type        = map(string)
  description = "State machines that put models to use, by workload; workloads whose callers ask the endpoint have none."
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.workflows), keys(var.workloads))) == 0
    error_message = "workflows must name workloads of var.workloads: add them there, or take them out here."
  }
}

variable "workloads" {
  type        = map(string)
  description = "Workloads: to each, the name that its endpoint, model package group and state machines begin with."
  nullable    = false

  validation {
    condition     = length(var.workloads) > 0 && alltrue([for name in values(var.workloads) : can(regex("^[a-z][a-z0-9-]+$", name))])
    error_message = "workloads must name at least one workload, each with a name out of a-z 0-9 -, because the names become parts of ARNs."
  }
}
