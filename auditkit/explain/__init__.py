"""Why: what the model relies on, row by row, by group, and in the gap between groups."""
