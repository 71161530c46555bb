"""What the rehearsal of claims needs: photos that show every branch of the rule, records read back, pictures drawn."""
