locals {
  _https = { protocol = "tcp", port = 443 }
}

# Managed with no rules at all: whoever forgets to name a security group reaches nothing. The empty lists
# are written out, because a list left out is not compared: a rule added by hand would go unnoticed.
resource "aws_default_security_group" "this" {
  vpc_id  = aws_vpc.this.id
  egress  = []
  ingress = []

  tags = { Name = "${var.name}-default-closed" }
}

resource "aws_security_group" "endpoints" {
  name        = "${var.name}-endpoints"
  description = "Interface endpoints: HTTPS from the client groups"
  vpc_id      = aws_vpc.this.id

  tags = { Name = "${var.name}-endpoints" }
}

resource "aws_security_group" "client" {
  for_each = toset(var.client_groups)

  name        = "${var.name}-${each.value}"
  description = "Workloads of the group ${each.value}: HTTPS to the endpoints and S3 only"
  vpc_id      = aws_vpc.this.id

  tags = { Name = "${var.name}-${each.value}" }
}

# Rules stand apart from their groups: the two groups name each other, and inline rules would be a circle.
resource "aws_vpc_security_group_ingress_rule" "endpoints" {
  for_each = aws_security_group.client

  security_group_id            = aws_security_group.endpoints.id
  referenced_security_group_id = each.value.id
  description                  = "HTTPS from ${each.key}"
  ip_protocol                  = local._https.protocol
  from_port                    = local._https.port
  to_port                      = local._https.port
}

resource "aws_vpc_security_group_egress_rule" "endpoints" {
  for_each = aws_security_group.client

  security_group_id            = each.value.id
  referenced_security_group_id = aws_security_group.endpoints.id
  description                  = "HTTPS to the interface endpoints"
  ip_protocol                  = local._https.protocol
  from_port                    = local._https.port
  to_port                      = local._https.port
}

# Of the clients only functions keep records; training and serving code has no business in a table.
resource "aws_vpc_security_group_egress_rule" "dynamodb" {
  count = length(var.table_arns) == 0 ? 0 : 1

  security_group_id = aws_security_group.client["functions"].id
  prefix_list_id    = aws_vpc_endpoint.dynamodb[0].prefix_list_id
  description       = "HTTPS to DynamoDB"
  ip_protocol       = local._https.protocol
  from_port         = local._https.port
  to_port           = local._https.port
}

resource "aws_vpc_security_group_egress_rule" "s3" {
  for_each = aws_security_group.client

  security_group_id = each.value.id
  prefix_list_id    = aws_vpc_endpoint.s3.prefix_list_id
  description       = "HTTPS to S3"
  ip_protocol       = local._https.protocol
  from_port         = local._https.port
  to_port           = local._https.port
}
