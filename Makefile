.DEFAULT_GOAL := help
.PHONY: help demo test bench lint types lock example dashboards pictures clean setup
export PYTHON

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1  /p' $(MAKEFILE_LIST) | awk '{n = $$1; $$1 = ""; printf "  make %-11s%s\n", n, $$0}'

demo: setup ## run the agent against six mailboxes on a private mail server
	@.venv/bin/python -m demo

test: setup ## everything: lint, types, floors, all tests (ARGS="-k name" goes to pytest)
	@scripts/test $(ARGS)

bench: setup ## CPU, memory and round trips of a poll and of a scrape, measured here
	@.venv/bin/python -m benchmarks

lint: setup ## ruff: mend what it can, show the rest, format
	@.venv/bin/ruff check --fix . && .venv/bin/ruff format .

types: setup ## mypy and the floors
	@.venv/bin/mypy && .venv/bin/lint-imports

lock: setup ## lock the requirements anew (UPGRADE=1: to the newest versions)
	@scripts/lock

example: setup ## write config.example.toml and config.schema.json from the models
	@.venv/bin/mailbox-agent schema --example > config.example.toml.new && mv config.example.toml.new config.example.toml
	@.venv/bin/mailbox-agent schema > config.schema.json.new && mv config.schema.json.new config.schema.json

dashboards: setup ## write grafana/dashboards from grafana/*.py
	@.venv/bin/python -W ignore -m grafana

pictures: setup ## draw the dashboards for docs/ (needs Node.js, Chromium and pngquant)
	@npm ci --prefix grafana/render --ignore-scripts --silent && scripts/servers/prometheus && .venv/bin/python -m grafana.pictures

clean: ## remove everything that the other targets made
	@rm -rf grafana/render/node_modules grafana/render/out .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis build dist
	@find . -name __pycache__ -prune -exec rm -rf {} +

setup: # make .venv and install the servers of the tests, where needed
	@scripts/setup
