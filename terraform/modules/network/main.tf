data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  _account   = data.aws_caller_identity.current.account_id
  _partition = data.aws_partition.current.partition
  _region    = data.aws_region.current.id

  # The smallest power of two that holds the zones: adding a third zone to two changes the subnets.
  _subnet_bits = ceil(log(length(var.zones), 2))
}

resource "aws_vpc" "this" {
  cidr_block = var.cidr

  # Private DNS of interface endpoints needs both.
  enable_dns_hostnames = true
  enable_dns_support   = true

  tags = { Name = var.name }

  lifecycle {
    precondition {
      condition     = alltrue([for zone in var.zones : startswith(zone, local._region)])
      error_message = "zones (${join(", ", var.zones)}) must lie in the provider's region ${local._region}: correct one of the two."
    }
  }
}

resource "aws_subnet" "private" {
  for_each = toset(var.zones)

  vpc_id                  = aws_vpc.this.id
  availability_zone       = each.value
  cidr_block              = cidrsubnet(var.cidr, local._subnet_bits, index(var.zones, each.value))
  map_public_ip_on_launch = false

  tags = { Name = "${var.name}-${each.value}" }
}

# No route but the local one and, through gateway endpoints, S3 and the tables. A VPC without an internet gateway,
# a NAT gateway or a peer has nowhere else to go.
resource "aws_route_table" "private" {
  vpc_id = aws_vpc.this.id

  tags = { Name = "${var.name}-private" }
}

resource "aws_route_table_association" "private" {
  for_each = aws_subnet.private

  subnet_id      = each.value.id
  route_table_id = aws_route_table.private.id
}
