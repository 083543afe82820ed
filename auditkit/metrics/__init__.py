"""What can be measured: a registry, and a file for each family of metrics."""
