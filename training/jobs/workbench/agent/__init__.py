"""What runs on the instance: the standard library and boto3 alone, and a Python as old as 3.10."""
