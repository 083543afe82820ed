"""How the model behaves beyond the rows: asked again, and about rows with one cell altered."""
