"""An audit, told: the record of it turned into words, figures and one page to read."""
