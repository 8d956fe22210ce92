# Every target sets up what it needs; a second call finds it there and does nothing twice.

PYTHON ?= python3
SETUP  := $(PYTHON) -m deploy.setup
BIN    := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help demo up down test lint format bench scoreboard setup python tools system lock clean-cache

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## break a real cluster and watch Suture heal it
	@$(SETUP) python tools
	@$(BIN)/suture demo

up: ## start Suture with its own Temporal server and cluster, in the background
	@$(SETUP) python tools
	@$(BIN)/suture up --background

down: ## stop what `make up` started
	@$(SETUP) python
	@$(BIN)/suture down

test: ## lint, then run every test against real servers
	@$(SETUP)
	@$(MAKE) --no-print-directory lint
	@echo "== tests"
	@$(BIN)/pytest

lint: ## ruff, mypy, and the rules of who may import whom
	@$(SETUP) python
	@PATH="$(CURDIR)/$(BIN):$$PATH"; failed=; \
	check() { echo "== $$*"; "$$@" || failed="$$failed, $$*"; }; \
	check ruff check .; check ruff format --check .; check mypy; check lint-imports --no-logo; \
	if [ -n "$$failed" ]; then echo "lint: failed: $${failed#, }; \`make format\` mends layout and import order"; exit 1; fi; \
	echo "lint: all clean"

format: ## lay the code out as lint wants it
	@$(SETUP) python
	@$(BIN)/ruff check --fix-only --quiet . && $(BIN)/ruff format .

bench: ## measure
	@$(SETUP) python tools
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m benchmarks

scoreboard: ## break the lab in every way, and report what the engine heals
	@$(SETUP) python tools
	@$(BIN)/suture lab run --json build/scoreboard.json --markdown build/scoreboard.md

setup: ## everything that demo and test need, and nothing else
	@$(SETUP)

python: ## only .venv
	@$(SETUP) python

tools: ## only the real servers, built from source
	@$(SETUP) tools

system: ## only the Debian packages for tests
	@$(SETUP) system

lock: ## pin the newest versions that pyproject.toml allows
	@$(PYTHON) -m deploy.setup.lock

clean-cache: ## remove the built servers and uv; the next call builds them again
	@rm -rf "$${XDG_CACHE_HOME:-$$HOME/.cache}/suture"
