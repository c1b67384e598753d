# What a developer types. `make` alone prints this list.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export MOLECULE_COMMAND_BORDERS ?= false

.PHONY: help
help:
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

## The lab: a whole fleet on this machine, with no AWS account

.PHONY: converge lab-up lab-down lab-status
converge: engine ## from a fresh clone to a converged Cat-Scan host; again: 0 changed
	@scripts/converge

lab-up: engine ## start the lab (AWS, images, network)
	@python -m lab up

lab-down: venv ## stop the lab and leave nothing behind
	@python -m lab down

lab-status: venv ## what runs in the lab
	@python -m lab status

## Tests

.PHONY: test lint types unit contract molecule kill sanity lockout drift deploy-test e2e bench
test: ## all of it, as CI does: lint, types, unit, contract, Molecule, end to end (about half an hour)
	@.ci/run

lint: venv ## ruff, yamllint, ansible-lint, shell syntax
	@pytest -q tests/gate/test_lint.py

types: venv ## mypy --strict
	@pytest -q tests/gate/test_types.py

unit: venv ## unit tests: seconds, no Docker
	@pytest -q tests/unit

contract: venv ## what the repository promises about itself
	@pytest -q tests/contract

molecule: engine ## Molecule scenarios, one after the other; SCENARIO=base runs one
	@pytest -v tests/molecule $(if $(SCENARIO),-k '[$(SCENARIO)-')

kill: engine ## kill a run at every event; each must be finished by one more run
	@STEADY_KILLS=all pytest -v -s tests/kill

sanity: venv ## ansible-test sanity on a copy
	@pytest -v tests/sanity

lockout: engine ## changes of the SSH server and the firewall that would lock everybody out
	@pytest -v tests/lockout

drift: engine ## random drifts, new ones each time: predicted = applied = observed; DRIFT_SEED=… repeats a run, DRIFT_COUNT=… makes it longer
	@DRIFT_SEED=$${DRIFT_SEED:-$$RANDOM} pytest -v tests/drift

deploy-test: engine ## deploys, roll-backs and bad releases under load: no request fails
	@pytest -v tests/deploy

e2e: engine ## make converge twice, then lab-down
	@pytest -v tests/e2e

bench: engine ## compare a re-run's speed with pyinfra and plain Ansible
	@python -m benchmarks.converge $(if $(ROUNDS),--rounds $(ROUNDS))

## Upkeep

.PHONY: venv engine build constraints clean
venv: ## make .venv from constraints.txt
	@scripts/bootstrap

engine: venv ## see that a Docker Engine runs
	@scripts/docker-engine

build: venv ## build the collection's artifact into dist/
	@ansible-galaxy collection build --force --output-path dist

constraints: venv ## renew constraints.txt from pyproject.toml
	@uv pip compile --quiet --universal --python-version 3.11 --upgrade --no-header --no-emit-index-url --no-emit-find-links \
		--annotation-style line --group lab --group test --group bench --output-file constraints.txt pyproject.toml

clean: ## remove caches, artifacts and .venv (make lab-down first)
	@rm -rf .venv .cache .ansible .mypy_cache .pytest_cache .ruff_cache .hypothesis dist
