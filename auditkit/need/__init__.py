"""Impartiality by need, where need has a column of its own: who is served, and who waits."""
