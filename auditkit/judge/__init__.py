"""Evidence and policy become outcomes, findings and a disposition; no explanation enters here."""
