# The instances of one job talk to each other. They meet in a group of their own rather than in the client group,
# which all workloads of the environment share: their hosts stay apart, and no two modules add the same rule to it.

data "aws_security_group" "client" {
  id = var.network.security_group_id
}

resource "aws_security_group" "cluster" {
  name        = "${var.name}-training"
  description = "Instances of one training job of ${var.workload} among themselves"
  vpc_id      = data.aws_security_group.client.vpc_id

  tags = { Name = "${var.name}-training" }

  lifecycle {
    create_before_destroy = true
  }
}

# All protocols: encryption between instances uses UDP 500 and ESP, and collectives choose their own ports.
resource "aws_vpc_security_group_ingress_rule" "cluster" {
  security_group_id            = aws_security_group.cluster.id
  description                  = "From the job's other instances"
  ip_protocol                  = "-1"
  referenced_security_group_id = aws_security_group.cluster.id
}

resource "aws_vpc_security_group_egress_rule" "cluster" {
  security_group_id            = aws_security_group.cluster.id
  description                  = "To the job's other instances"
  ip_protocol                  = "-1"
  referenced_security_group_id = aws_security_group.cluster.id
}
