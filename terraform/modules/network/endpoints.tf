resource "aws_vpc_endpoint" "s3" {
  vpc_id            = aws_vpc.this.id
  service_name      = "com.amazonaws.${local._region}.s3"
  vpc_endpoint_type = "Gateway"
  policy            = jsonencode(local._s3_policy)

  # The main table too: a subnet that somebody adds without a table of its own uses it.
  route_table_ids = [aws_route_table.private.id, aws_vpc.this.default_route_table_id]

  tags = { Name = "${var.name}-s3" }
}

# Free, as the one of S3, but a way out for data: only where a workload keeps records, and for their tables alone.
resource "aws_vpc_endpoint" "dynamodb" {
  count = length(var.table_arns) == 0 ? 0 : 1

  vpc_id            = aws_vpc.this.id
  service_name      = "com.amazonaws.${local._region}.dynamodb"
  vpc_endpoint_type = "Gateway"
  policy            = jsonencode(local._dynamodb_policy)
  route_table_ids   = [aws_route_table.private.id, aws_vpc.this.default_route_table_id]

  tags = { Name = "${var.name}-dynamodb" }
}

resource "aws_vpc_endpoint" "interface" {
  for_each = toset(var.services)

  vpc_id              = aws_vpc.this.id
  service_name        = "com.amazonaws.${local._region}.${each.value}"
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = true
  policy              = jsonencode(local._interface_policies[each.value])
  security_group_ids  = [aws_security_group.endpoints.id]

  subnet_ids = [
    for zone in slice(var.zones, 0, coalesce(var.endpoint_zones, length(var.zones))) : aws_subnet.private[zone].id
  ]

  tags = { Name = "${var.name}-${each.value}" }
}
