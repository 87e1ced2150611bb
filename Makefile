PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
MANAGE := $(BIN)/python manage.py

.PHONY: setup run test check lint format bench bench-web screenshots torture clean

setup: $(VENV)/.installed

$(VENV)/.installed: requirements.txt requirements-dev.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

run: setup
	exec $(MANAGE) up

test: setup
	$(BIN)/pytest -n auto

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy --strict mixes/engine
	$(MANAGE) check
	$(MANAGE) makemigrations --check --dry-run
	$(BIN)/pytest -q mixes/engine/tests/test_architecture.py

lint: setup
	$(BIN)/ruff check .

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# make bench MUSIC=folder ARGS="--quick": speed, memory and sound beside the rivals, into benchmarks/RESULTS.md
bench: setup
	$(BIN)/python -m benchmarks $(if $(MUSIC),"$(MUSIC)") $(ARGS)

# make bench-web MUSIC=folder: the pages' speed, uploads, many readers, into the same page
bench-web: setup
	$(BIN)/python -m benchmarks.web $(if $(MUSIC),"$(MUSIC)") $(ARGS)

# The pictures of docs/screenshots, from a site of its own; needs Chromium
screenshots: setup
	$(BIN)/python -m docs.make_screenshots $(ARGS)

# kills, cuts, lies and locks, all of them: about an hour, into docs/reliability.md (make test has a part of it)
torture: setup
	$(BIN)/python -m mixes.tests.torture.report $(ARGS)

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis
