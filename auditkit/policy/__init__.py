"""Against what an audit is judged: policy files, and the risk level that sets their weight."""
