output "client_security_group_ids" {
  description = "Ids of the security groups for workloads, by client group."
  value       = { for group, this in aws_security_group.client : group => this.id }
}

output "dynamodb_endpoint_id" {
  description = "Id of the DynamoDB gateway endpoint, for the tables' policies; null without table_arns."
  value       = one(aws_vpc_endpoint.dynamodb[*].id)
}

output "endpoint_ids" {
  description = "Ids of the interface endpoints, by service."
  value       = { for service, this in aws_vpc_endpoint.interface : service => this.id }
}

output "endpoint_security_group_id" {
  description = "Id of the security group of the interface endpoints."
  value       = aws_security_group.endpoints.id
}

output "s3_endpoint_id" {
  description = "Id of the S3 gateway endpoint, for the bucket policies."
  value       = aws_vpc_endpoint.s3.id
}

output "s3_prefix_list_id" {
  description = "Id of the prefix list of S3 in this region."
  value       = aws_vpc_endpoint.s3.prefix_list_id
}

output "subnet_ids" {
  description = "Ids of the private subnets, in the order of the zones."
  value       = [for zone in var.zones : aws_subnet.private[zone].id]
}

output "vpc_id" {
  description = "Id of the VPC."
  value       = aws_vpc.this.id
}
