"""What is audited, made countable: the only door to narwhals, DuckDB and model formats."""
