variable "alarms" {
  type        = object({ topic_arn = string })
  description = "Topic that is told when the workbench was switched off, and why."
  nullable    = false
}

variable "ami" {
  type = object({
    id          = optional(string)
    parameter   = optional(string, "/aws/service/deeplearning/ami/x86_64/base-oss-nvidia-driver-gpu-ubuntu-22.04/latest/ami-id")
    root_device = optional(string, "/dev/sda1")
  })
  description = "Image of the instance, with Docker, boto3 and the agent of Systems Manager: one by its id, or the one that a public parameter of AWS names when the instance starts; and the name of its root device (Amazon Linux: /dev/xvda)."
  default     = {}
  nullable    = false

  validation {
    condition     = var.ami.id == null ? true : can(regex("^ami-[0-9a-f]{8,17}$", var.ami.id))
    error_message = "ami.id must be the id of an image (ami-0123456789abcdef0): leave it out to take the image that ami.parameter names."
  }

  validation {
    # Public parameters are AWS's own; one of this account could be made to name any image.
    condition     = can(regex("^/aws/service/[A-Za-z0-9._/-]+$", var.ami.parameter))
    error_message = "ami.parameter must be a public parameter of AWS (/aws/service/...): name another image by ami.id."
  }

  validation {
    # Under another name the encrypted volume would stand beside the image's own root volume.
    condition     = can(regex("^/dev/(sda1|xvda)$", var.ami.root_device))
    error_message = "ami.root_device must be the image's root device, /dev/sda1 (Ubuntu) or /dev/xvda (Amazon Linux)."
  }
}

variable "boundary_arn" {
  type        = string
  description = "ARN of the permissions boundary of the instance's role."
  nullable    = false
}

variable "buckets" {
  type = object({
    data = object({
      arn  = string
      name = string
    })
    models = object({
      arn  = string
      name = string
    })
  })
  description = "Bucket with the training data and bucket for code and artefacts."
  nullable    = false
}

variable "image" {
  type        = string
  description = "Training image, by its digest: the container that a training job would run."
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}\\.dkr\\.ecr\\.[a-z0-9-]+\\.[a-z.]+/[^:@]+@sha256:[0-9a-f]{64}$", var.image))
    error_message = "image must name an image in ECR by its digest (...@sha256:...): a tag can be moved."
  }
}

variable "input_prefixes" {
  type        = list(string)
  description = "Prefixes in the data bucket that jobs read."
  nullable    = false

  validation {
    condition     = length(var.input_prefixes) > 0 && alltrue([for p in var.input_prefixes : startswith(p, "${var.workload}/") && endswith(p, "/")])
    error_message = "input_prefixes needs at least one, and each must begin with ${var.workload}/ and end in a slash: other workloads' data is none of its business."
  }
}

variable "instance" {
  type = object({
    spot      = optional(bool, true)
    type      = string
    volume_gb = optional(number, 150)
  })
  description = "Instance type, whether on spot capacity, and size of its only volume in GB, which must not be below the image's own."
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]*\\.[a-z0-9-]+$", var.instance.type)) && !startswith(var.instance.type, "ml.")
    error_message = "instance.type \"${var.instance.type}\" must be a type of EC2 such as g4dn.xlarge: types that begin with ml. are SageMaker's."
  }

  validation {
    condition     = var.instance.volume_gb >= 30 && var.instance.volume_gb <= 16384
    error_message = "instance.volume_gb is ${var.instance.volume_gb} but must lie between 30 and 16384 (the limit of gp3): the image, the container and the data have to fit in."
  }
}

variable "keys" {
  type = object({
    data  = string
    logs  = string
    model = string
  })
  description = "ARNs of the keys: data (dataset, volume), logs, model (code, artefacts, checkpoints)."
  nullable    = false
}

variable "limits" {
  type = object({
    deadline_hours   = optional(number, 12)
    idle_cpu_percent = optional(number, 5)
    idle_minutes     = optional(number, 30)
  })
  description = "When the workbench is switched off from outside: after so many hours whatever it does; after so many minutes in which no job ran and its processors were less busy than that."
  default     = {}
  nullable    = false

  validation {
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
    condition     = var.limits.deadline_hours >= 1 && var.limits.deadline_hours <= 168 && floor(var.limits.deadline_hours) == var.limits.deadline_hours
    error_message = "limits.deadline_hours must be a whole number from 1 to 168: an alarm looks back seven days at most."
  }

  validation {
    condition     = var.limits.idle_minutes >= 15 && var.limits.idle_minutes <= 1440
    error_message = "limits.idle_minutes must lie between 15 (an instance takes minutes to start) and 1440 (the longest that an alarm with periods of five minutes looks back)."
  }

  validation {
    condition     = var.limits.idle_cpu_percent > 0 && var.limits.idle_cpu_percent <= 50
    error_message = "limits.idle_cpu_percent must lie above 0 and at most at 50: with 0 nothing would ever count as idle."
  }
}

variable "log_retention_days" {
  type        = number
  description = "Days to keep the jobs' logs."
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days is ${var.log_retention_days}, which CloudWatch Logs does not offer: choose 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}

variable "name" {
  type        = string
  description = "Name of the workload in its environment; everything here is called <name>-workbench."
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9](-?[a-z0-9])*$", var.name)) && length(var.name) <= 54
    error_message = "name \"${var.name}\" must have 1 to 54 lower-case letters, digits and single hyphens: IAM takes 64 characters for a role, and -workbench is added."
  }
}

variable "network" {
  type = object({
    security_group_id = string
    subnet_ids        = list(string)
  })
  description = "Private subnets, in at least two zones, and the client security group of workbenches, which lets nothing in."
  nullable    = false

  validation {
    condition     = length(var.network.subnet_ids) >= 2
    error_message = "network.subnet_ids needs subnets in at least two zones: spot capacity that is missing in one may be there in another."
  }
}

variable "workload" {
  type        = string
  description = "Name of the workload: the first part of its keys in both buckets."
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]*$", var.workload))
    error_message = "workload \"${var.workload}\" must be lower-case letters, digits and hyphens, as its folder under training/workloads."
  }
}
