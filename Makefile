# Every target does its own set-up: a fresh clone needs Python 3.11 and nothing else.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3.11
BIN := .venv/bin
ARGS ?=

.PHONY: help compiled setup develop demo test chaos unit lint bench soak backtest bench-lock lock clean

help: ## what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 18

.venv/runtime: requirements-bootstrap.lock requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Breakwater needs Python 3.11; set PYTHON=/path/to/python3.11" >&2; exit 1; }
	@echo "setting up .venv (locked dependencies)" >&2
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bootstrap.lock
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

.venv/develop: .venv/runtime requirements-dev.lock
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements-dev.lock
	@touch $@

# Every worker would compile all of it anew where Python may not keep bytecode (PYTHONDONTWRITEBYTECODE): seconds each.
compiled: .venv/runtime
	@$(BIN)/python -m compileall -q -j 0 schemas state streams agents ops

setup: compiled ## the virtual environment with what the program needs

develop: .venv/develop ## the same with what the tests and linters need

demo: compiled ## a storm of 100,000 alerts around a real failing service, from nothing to resolved
	@exec $(BIN)/breakwater demo $(ARGS)

# In the order of the folders: files of few and long tests go first, so that no process is left alone with one at the end. What Java's
# second compiler makes of a server's code does not pay for itself within a few minutes.
test: .venv/develop compiled lint ## linters, then every test that this machine can run, but for those of `make chaos`
	@JAVA_TOOL_OPTIONS=-XX:TieredStopAtLevel=1 $(BIN)/python -m pytest -n 3 --no-loadscope-reorder -m "not chaos" $(ARGS)

chaos: .venv/develop compiled ## programs and servers killed, frozen, cut off and restarted, targets that fail, hostile records: longer than all tests
	@exec $(BIN)/python -m pytest -m chaos $(ARGS)

unit: .venv/develop ## the tests that need no server: seconds
	@exec $(BIN)/python -m pytest -m "not kafka and not cassandra and not docker and not chaos" $(ARGS)

lint: .venv/develop ## ruff, mypy strict, import layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy --num-workers 2
	@$(BIN)/lint-imports

# The peers' Python packages are kept apart from the product's.
.venv-bench: .venv/runtime bench/requirements.lock
	@echo "setting up .venv-bench (the peers of the benchmarks)" >&2
	@$(BIN)/uv venv --quiet --clear --python $(PYTHON) $@
	@$(BIN)/uv pip install --quiet --python $@/bin/python --require-hashes -r bench/requirements.lock || rm -rf $@
	@touch -c $@

bench: .venv/develop compiled .venv-bench ## what it does a second, beside a baseline and beside peers; writes docs/benchmarks.md and detection.md
	@$(BIN)/python -m bench $(ARGS)
	@$(BIN)/python -m bench.page
	@$(BIN)/python -m bench.detection_page
	@$(BIN)/python -m bench.append_page
	@$(BIN)/python -m bench.store_page
	@$(BIN)/python -m bench.intake_page
	@$(BIN)/python -m bench.api_page

soak: .venv/develop compiled ## the edge worker's memory over twenty million alerts of a million incidents; writes docs/benchmarks.md
	@exec $(BIN)/python -m bench.soak $(ARGS)

bench-lock: .venv/runtime
	@$(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header --python-version 3.11 \
	  bench/requirements.in -o bench/requirements.lock

SCORES := .breakwater/backtest
backtest: compiled ## the figures of docs/detection.md and incidents-from-alerts.md: DATA=folder of benchmarks, SCORERS=folder of their scorers
	@test -d "$(DATA)" -a -d "$(SCORERS)" || { echo "say where: make backtest DATA=FOLDER SCORERS=FOLDER" >&2; exit 2; }
	@set -e; for set in nab cloud-monitoring; do $(BIN)/breakwater backtest detect $(DATA)/$$set $(SCORES)/$$set; done
	@set -e; for limit in "" "--threshold 0.99"; do \
	  $(BIN)/python $(SCORERS)/score_nab.py $(DATA)/nab/windows.json $(SCORES)/nab $$limit; \
	  $(BIN)/python $(SCORERS)/score_points.py $(DATA)/cloud-monitoring $(SCORES)/cloud-monitoring $$limit; done
	@set -e; for day in $(DATA)/planetlab-cpu/*.xz; do \
	  $(BIN)/breakwater backtest warn $$day --out $(SCORES)/$$(basename $$day .xz); \
	  $(BIN)/python $(SCORERS)/score_warnings.py $$day $(SCORES)/$$(basename $$day .xz); done
	@set -e; for file in $(DATA)/alerts/*.csv.xz; do told=$(SCORES)/$$(basename $$file .xz); \
	  $(BIN)/breakwater backtest alerts $$file --out $$told; $(BIN)/python $(SCORERS)/score_alerts.py $$file $$told; done

lock: .venv/runtime ## compile requirements/*.in anew into the lock files
	@for pair in bootstrap:requirements-bootstrap runtime:requirements develop:requirements-dev; do \
	  $(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header --python-version 3.11 \
	    requirements/$${pair%%:*}.in -o $${pair##*:}.lock; done

clean: ## remove the environment, the caches and the embedded servers' data
	@test ! -x $(BIN)/breakwater || $(BIN)/breakwater kafka down --quiet || true
	@test ! -x $(BIN)/breakwater || $(BIN)/breakwater cassandra down --quiet || true
	@rm -rf .venv .venv-bench bench/peers/streams/target .breakwater .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info
