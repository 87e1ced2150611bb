PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TOOLS := .venv-tools
PIP_INSTALL := pip install --quiet --disable-pip-version-check --require-hashes
MANAGE := $(BIN)/python manage.py

.DEFAULT_GOAL := setup
.PHONY: help setup lock audit run test check lint format bench bench-web bench-youtube screenshots torture soak clean

# print every target with its comment: the line above it in this file
help:
	@awk '/^# / {words = substr($$0, 3); next} \
		/^[a-z][a-z-]*:/ && words {sub(":", "", $$1); printf "  %-14s %s\n", $$1, words} {words = ""}' Makefile

# install everything into .venv, pinned by hash
setup: $(VENV)/.installed

$(VENV)/.installed: requirements.txt requirements-dev.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/$(PIP_INSTALL) -r requirements.txt -r requirements-dev.txt
	touch $@

$(TOOLS)/.installed: requirements-tools.txt
	$(PYTHON) -m venv $(TOOLS)
	$(TOOLS)/bin/$(PIP_INSTALL) -r requirements-tools.txt
	touch $@

COMPILE := $(TOOLS)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command "make lock" $(ARGS)
# write requirements*.txt, with hashes, from requirements*.in; ARGS=--upgrade raises indirect ones too
lock: $(TOOLS)/.installed
	$(COMPILE) requirements.in -o requirements.txt
	$(COMPILE) requirements-dev.in -c requirements.txt -o requirements-dev.txt
	$(COMPILE) requirements-tools.in -o requirements-tools.txt

# check the locked packages for known vulnerabilities; fails when a package cannot be looked up
audit: $(TOOLS)/.installed
	@for list in requirements requirements-dev; do \
		echo "$$list.txt:"; \
		$(TOOLS)/bin/pip-audit --strict --disable-pip --require-hashes --progress-spinner off -r $$list.txt || { \
			echo "NOT PASSED: a known vulnerability is named above, or the database was not reached."; \
			exit 1; \
		}; \
	done

# start the site on http://127.0.0.1:8000, with a demo account
run: setup
	exec $(MANAGE) up

# One process more than cores: many tests wait for workers, servers and a browser

# run all tests; ARGS="mixes/tests -k title" runs some, ARGS=--cov measures coverage
test: setup
	$(BIN)/pytest -n $$($(BIN)/python -c "import os; print((os.cpu_count() or 1) + 1)") $(ARGS)

# check format, lint, types, settings, migrations and import rules
check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(MANAGE) check
	$(MANAGE) makemigrations --check --dry-run
	$(BIN)/djlint templates --check
	$(BIN)/pytest -q mixtape_site/tests/test_architecture.py
	$(BIN)/pytest -q mixtape_site/tests/test_line_lengths.py

# run ruff's lint rules alone
lint: setup
	$(BIN)/ruff check .

# format the code and fix what ruff can fix
format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/djlint templates --reformat --quiet --warn

# measure speed, memory and sound against other tools, into benchmarks/RESULTS.md; MUSIC=folder ARGS=--quick
bench: setup
	$(BIN)/python -m benchmarks $(if $(MUSIC),"$(MUSIC)") $(ARGS)

# measure pages, uploads and many clients, into the same page; MUSIC=folder
bench-web: setup
	$(BIN)/python -m benchmarks.web $(if $(MUSIC),"$(MUSIC)") $(ARGS)

# measure uploads to the tests' stand-in for Google, into the same page
bench-youtube: setup
	$(BIN)/python -m benchmarks.youtube

# take the pictures of docs/screenshots from a temporary site; needs Chromium
screenshots: setup
	$(BIN)/python -m docs.make_screenshots $(ARGS)

# inject every fault, into docs/reliability.md: an hour or more; ARGS="test_live.py" runs one file
torture: setup
	$(BIN)/python -m mixes.tests.torture.harness.report $(ARGS)

# use a site for hours with one fault per minute, into the same page; MINUTES=120
soak: setup
	$(BIN)/python -m mixes.tests.torture.soak.run --minutes $(or $(MINUTES),120) $(ARGS)

# remove the virtual environments and all caches
clean:
	rm -rf $(VENV) $(TOOLS) .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage
