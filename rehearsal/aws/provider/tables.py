"""DynamoDB: a table's policy goes with the table, so that the next one of that name begins without."""

from __future__ import annotations

from typing import Any

from moto.dynamodb.models import DynamoDBBackend


def install() -> None:
    """Change moto's operation."""
    delete = DynamoDBBackend.delete_table

    def delete_table(self: Any, name: str) -> Any:
        table = delete(self, name)
        self.resource_policies.pop(table.table_arn, None)
        return table

    DynamoDBBackend.delete_table = delete_table
