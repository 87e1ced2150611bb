PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TOOLS := .venv-tools
PIP_INSTALL := pip install --quiet --disable-pip-version-check --require-hashes
MANAGE := $(BIN)/python manage.py

.PHONY: setup lock audit run test check lint format bench bench-web bench-youtube screenshots torture soak clean

setup: $(VENV)/.installed

$(VENV)/.installed: requirements.txt requirements-dev.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/$(PIP_INSTALL) -r requirements.txt -r requirements-dev.txt
	touch $@

$(TOOLS)/.installed: requirements-tools.txt
	$(PYTHON) -m venv $(TOOLS)
	$(TOOLS)/bin/$(PIP_INSTALL) -r requirements-tools.txt
	touch $@

# The lists of everything that is installed, with hashes, from what we choose (*.in); ARGS=--upgrade raises the rest
COMPILE := $(TOOLS)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command "make lock" $(ARGS)
lock: $(TOOLS)/.installed
	$(COMPILE) requirements.in -o requirements.txt
	$(COMPILE) requirements-dev.in -c requirements.txt -o requirements-dev.txt
	$(COMPILE) requirements-tools.in -o requirements-tools.txt

# Known vulnerabilities in what is installed; a package that could not be looked up is no pass
audit: $(TOOLS)/.installed
	@for list in requirements requirements-dev; do \
		echo "$$list.txt:"; \
		$(TOOLS)/bin/pip-audit --strict --disable-pip --require-hashes --progress-spinner off -r $$list.txt || { \
			echo "NOT PASSED: a known vulnerability is named above, or the list of them was not reached."; \
			exit 1; \
		}; \
	done

run: setup
	exec $(MANAGE) up

# one more at a time than there are cores: many tests wait, for workers, servers and a browser
test: setup
	$(BIN)/pytest -n $$($(BIN)/python -c "import os; print((os.cpu_count() or 1) + 1)")

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy --strict mixes/engine
	$(MANAGE) check
	$(MANAGE) makemigrations --check --dry-run
	$(BIN)/pytest -q mixtape_site/tests/test_architecture.py

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

# uploads to the tests' stand-in for Google: speed, memory, what is sent again, into the same page
bench-youtube: setup
	$(BIN)/python -m benchmarks.youtube

# The pictures of docs/screenshots, from a site of its own; needs Chromium
screenshots: setup
	$(BIN)/python -m docs.make_screenshots $(ARGS)

# kills, cuts, lies and locks, all of them, into docs/reliability.md: an hour or more. ARGS="test_live.py": one file of it
torture: setup
	$(BIN)/python -m mixes.tests.torture.harness.report $(ARGS)

# a site in use for hours, with a fault a minute: does anything grow? Into the same page
soak: setup
	$(BIN)/python -m mixes.tests.torture.soak.run --minutes $(or $(MINUTES),120) $(ARGS)

clean:
	rm -rf $(VENV) $(TOOLS) .mypy_cache .pytest_cache .ruff_cache .hypothesis
