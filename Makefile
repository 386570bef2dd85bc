# Needs Python 3.11 or newer and make, nothing else. `make help` lists the targets.
PYTHON ?= python3
VENV   ?= .venv
ARGS   ?=

BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check -q
# The packages are installed again when the lock changes, the project when its metadata change.
LOCKED := $(VENV)/.locked
READY  := $(VENV)/.ready
FUZZ   := build/fuzz

.DEFAULT_GOAL := help
.PHONY: help run test test-long docs crash fuzz check format dist sbom audit bench bench-gateway bench-pages bench-as2 bench-sftp bench-routes bench-reconciliation lock clean bench-orders

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(READY) ## the demonstration: orders come in, are checked, translated and acknowledged (ARGS=--once ends after one cycle)
	@$(BIN)/edigw demo $(ARGS)

test: $(READY) ## all tests (ARGS="-m 'not slow'" leaves the long ones out)
	@$(BIN)/python -m pytest -q -n auto --dist worksteal -m "not long" $(ARGS)

test-long: $(READY) ## the suites that take many minutes: thousands of orders judged by pyx12 as well
	@$(BIN)/python -m pytest -q -n auto --dist worksteal -m long $(ARGS)

docs: $(READY) ## the documentation as a site, in build/docs/html
	@$(BIN)/python -m sphinx -q -W --keep-going -b html -d build/docs/trees docs build/docs/html
	@echo "Open build/docs/html/index.html"

check: $(READY) ## format, lint, types, dependency rule, security rules
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/bandit -q -c pyproject.toml -r gateway 2> /dev/null # which has remarks about each nosec; findings are on stdout

format: $(READY) ## rewrite the source in the project's format
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(READY) ## speed and memory beside other translators (ARGS=--full for the 1 GB file)
	@$(BIN)/python benchmarks/run.py $(ARGS)

bench-gateway: $(READY) ## a whole gateway at work: documents a second, memory, a million messages
	@$(BIN)/python benchmarks/end_to_end.py --write $(ARGS)

bench-pages: $(READY) ## every page and list among a million messages: time, queries, bytes
	@$(BIN)/python benchmarks/pages.py --write $(ARGS)

bench-as2: $(READY) ## AS2: messages a second beside other implementations, received and sent; memory
	@$(BIN)/python benchmarks/as2.py --write $(ARGS)

bench-sftp: $(READY) ## SFTP beside the `sftp` command and asyncssh, near and far
	@$(BIN)/python benchmarks/sftp.py --write $(ARGS)

bench-orders: $(READY) ## orders of Amazon's API a second, from the played Amazon to files of our own system
	@$(BIN)/python -m benchmarks.orders $(ARGS)

bench-routes: $(READY) ## how long it takes to decide which way a document goes
	@$(BIN)/python benchmarks/routes.py $(ARGS)

bench-reconciliation: $(READY) ## how long remittances take until every cent is explained
	@$(BIN)/python benchmarks/reconciliation.py $(ARGS)

crash: $(READY) ## gateways killed hundreds of times under traffic, on SQLite and PostgreSQL, trading over AS2 as well (an hour)
	@$(BIN)/python -m pytest -q -s -m long tests/integration $(ARGS)

fuzz: $(FUZZ)/.ready ## the AS2 readers fuzzed, guided by coverage, 10 minutes each (ARGS="--minutes 1 --target cms")
	@$(FUZZ)/bin/python -m tests.fuzz.run $(ARGS)

dist: $(READY) ## the wheel and the source distribution, the same bytes each time; installed once to see that they fit
	@rm -rf dist build/dist
	@SOURCE_DATE_EPOCH=1767225600 $(BIN)/python -m build --no-isolation > /dev/null
	@$(PYTHON) -m venv build/dist
	@build/dist/bin/python -m pip --disable-pip-version-check -q install --require-hashes -r requirements-install.lock
	@build/dist/bin/python -m pip --disable-pip-version-check -q install --no-deps dist/*.whl
	@build/dist/bin/python -m pip --disable-pip-version-check check
	@build/dist/bin/edigw --version
	@sha256sum dist/*

sbom: $(READY) ## dist/sbom.json: what an installation is made of, with licences (CycloneDX)
	@$(BIN)/python .ci/sbom.py

audit: $(READY) ## known vulnerabilities of what an installation is made of; asks a service on the internet
	@$(BIN)/pip-audit --strict --progress-spinner=off --require-hashes --disable-pip -r requirements-install.lock $(ARGS) || { \
	  echo "Either a package has a known vulnerability, or the service that knows them could not be asked (above)." >&2; \
	  echo "In that case run it from a machine that reaches the internet; nothing else of the project needs that." >&2; \
	  exit 1; }

lock: ## write requirements.lock and requirements-install.lock anew from pyproject.toml
	@rm -rf build/lock && $(PYTHON) -m venv build/lock && build/lock/bin/python -m pip install -q pip-tools
	@build/lock/bin/python .ci/lock.py
	@rm -rf build/lock

clean: ## remove what the other targets made
	@rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache benchmarks/.work
	@find gateway tests benchmarks -name __pycache__ -type d -exec rm -rf {} +

$(LOCKED): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed and $(PYTHON) is older: make PYTHON=/path/to/python3.11 ..." >&2; exit 1; }
	@echo "Making the Python environment $(VENV) from requirements.lock (once, one to three minutes) ..." >&2
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "$(PYTHON) cannot make environments: install its venv module (Debian: python3-venv)." >&2; exit 1; }
	@$(PIP) install --require-hashes -r requirements.lock
	@touch $@

# Of the packages in the lock the readers need one; atheris is for fuzzing alone.
$(FUZZ)/.ready: requirements.lock
	@echo "Making the Python environment $(FUZZ) with atheris (once) ..." >&2
	@$(PYTHON) -m venv $(FUZZ)
	@$(FUZZ)/bin/python -m pip --disable-pip-version-check -q install "atheris>=3,<4" \
	  "$$(grep -oE '^cryptography==[0-9.]+' requirements.lock)"
	@touch $@

$(READY): $(LOCKED) pyproject.toml
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@
