"""What an op and a traced value are."""
