"""How sure are we: counts to intervals, to the bounds that judge, and to what they can detect."""
