# Everything sets itself up in .venv from a fresh clone; Python >= 3.11 is all that is needed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test lint types simulate fuzz bench schema clean

$(READY): pyproject.toml
	$(PYTHON) -c "import sys; sys.exit('auditkit needs Python 3.11 or newer') if sys.version_info < (3, 11) else None"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --editable '.[dev]'
	touch $(READY)

## audit the two data sets that come with auditkit; exit code 3 is a verdict (not ready), not a fault
demo: $(READY)
	$(BIN)/auditkit demo --out reports/demo-aid-targeting
	$(BIN)/auditkit run datasets/toronto_arrests/audit.toml --out reports/demo-toronto-arrests || [ $$? -eq 3 ]

## the tests, without the full simulations
test: $(READY)
	$(BIN)/python -m pytest -n 2 -m "not simulation"

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

## the full simulations of the statistics; writes what they measured into auditkit/docs/statistics.md, takes some minutes
simulate: $(READY)
	$(BIN)/python -m tests.simulation.table --write auditkit/docs/statistics.md
	$(BIN)/python -m pytest -n 2 -m simulation

## 10,000 changed plans, policies, tables, records and models: an answer or one error, never a trace
fuzz: $(READY)
	$(BIN)/python -m tests.fuzz

## time and memory at 1e5 to 1e7 rows beside other packages, into the README; ROWS="1e5 1e6 1e7 1e8" for more
ROWS ?= 1e5 1e6 1e7
bench: $(READY)
	test -x $(VENV)/peers/bin/python || $(PYTHON) -m venv $(VENV)/peers
	$(VENV)/peers/bin/pip install --quiet aequitas pyarrow
	PEERS_PYTHON=$(VENV)/peers/bin/python $(BIN)/python tests/benchmarks/scale.py --rows $(ROWS) --readme README.md

## write the schema of audit.json, and the record that is fuzzed, anew after the record has changed
schema: $(READY)
	$(BIN)/python -c "from auditkit.record import SCHEMA, schema; SCHEMA.write_text(schema())"
	$(BIN)/python -c "from tests.fuzz.fuzzer import write_record; write_record()"

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis
