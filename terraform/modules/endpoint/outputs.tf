output "alarm_names" {
  description = "Names of the endpoint's alarms by what they watch; errors and latency also roll a deployment back."
  value = {
    capacity = aws_cloudwatch_metric_alarm.capacity.alarm_name
    errors   = aws_cloudwatch_metric_alarm.errors.alarm_name
    latency  = aws_cloudwatch_metric_alarm.latency.alarm_name
  }
}

output "endpoint_arn" {
  description = "ARN of the endpoint."
  value       = aws_sagemaker_endpoint.this.arn
}

output "endpoint_config_name" {
  description = "Name of the configuration that the endpoint should run: what is live is read back after an apply, because a rolled-back update reports success."
  value       = aws_sagemaker_endpoint_configuration.this.name
}

output "endpoint_name" {
  description = "Name of the endpoint."
  value       = aws_sagemaker_endpoint.this.name
}

output "log_group_name" {
  description = "Name of the containers' log group."
  value       = aws_cloudwatch_log_group.this.name
}

output "model_name" {
  description = "Name of the model."
  value       = aws_sagemaker_model.this.name
}

output "role_arn" {
  description = "ARN of the execution role."
  value       = module.role.arn
}

output "variant_name" {
  description = "Name of the only production variant."
  value       = local._variant
}
