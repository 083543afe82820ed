"""What scores give a group: their metrics, their meaning, other cuts and budgets, a place."""
