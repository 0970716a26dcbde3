SHELL := /bin/bash
.DEFAULT_GOAL := help

CHECKS := format-check lint typecheck knip
TEST_ARGS ?=

PARTS ?=

SECONDS ?= 60
SEED ?=
COPY ?=

BENCH_ARGS ?=
VERSION ?=

SHOTS ?= docs/screenshots

.PHONY: help demo demo-fleet screenshots test test-containers man deb fuzz chaos fleet-chaos bench bench-console bench-failover bench-latency bench-scale bench-sites bench-plot check list-checks $(CHECKS) format unit coverage release clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## Run the whole flow on this machine: SFTP, tars, Redis, S3, the dashboard
	@infra/install.sh demo
	@npm run -s demo

demo-fleet: ## Run three sites on one ledger on this machine, and fail over Redis and PostgreSQL under them (root)
	@infra/install.sh fleet
	@npm run -s demo-fleet

test: ## Run every test, on real services (TEST_ARGS are vitest's own options)
	@infra/install.sh test
	@npm test -s -- $(TEST_ARGS)

screenshots: ## Take the pictures of the console that the documents show (SHOTS="DIRECTORY all": every screen)
	@infra/install.sh test
	@npm run -s screenshots -- $(SHOTS)

test-containers: ## Run what ships in containers: compose, docs/production.md under systemd, testcontainers (PARTS="compose")
	@infra/containers/test.sh $(PARTS)

man: | node_modules/.package-lock.json ## Write the man page as build/wavspool.1, out of what --help prints
	@mkdir -p build
	@node_modules/.bin/node infra/man-page.ts >build/wavspool.1

deb: ## Build the Debian package, with its Node, as build/wavspool_VERSION_ARCH.deb
	@infra/deb/build.sh

fuzz: | node_modules/.package-lock.json ## Fuzz the extraction of tars for SECONDS (60), from SEED if given
	@npm run -s fuzz -- --seconds $(SECONDS) $(if $(SEED),--seed $(SEED))

chaos: ## Run everything under faults for SECONDS (60), from SEED if given, COPY=true or false (by the seed), then check every promise
	@infra/install.sh test
	@npm run -s chaos -- --seconds $(SECONDS) $(if $(SEED),--seed $(SEED)) $(if $(COPY),--copy $(COPY))

fleet-chaos: ## Run four hosts on one ledger under faults for SECONDS (60), from SEED, COPY as for chaos, then check every promise (root)
	@infra/install.sh test
	@npm run -s fleet-chaos -- --seconds $(SECONDS) $(if $(SEED),--seed $(SEED)) $(if $(COPY),--copy $(COPY))

bench: ## Compare wavspool with rclone and aws, where they are installed (BENCH_ARGS="--rounds 3 --place sink --ledger postgres")
	@infra/install.sh test
	@npm run -s bench -- $(BENCH_ARGS)

bench-latency: ## Measure how soon after the quiet period a small tar is stored (BENCH_ARGS="--tars 50")
	@infra/install.sh test
	@npm run -s bench:latency -- $(BENCH_ARGS)

bench-sites: ## Carry the same tars on one site, two, three with one ledger on PostgreSQL (BENCH_ARGS="--rounds 3 --standbys 2")
	@infra/install.sh fleet
	@npm run -s bench:sites -- $(BENCH_ARGS)

bench-failover: ## Kill the Redis master and the PostgreSQL primary ten times each under load, and measure the gaps (BENCH_ARGS="--times 10")
	@infra/install.sh fleet
	@npm run -s bench:failover -- $(BENCH_ARGS)

bench-scale: ## Carry a million recordings, then measure what is asked of them (BENCH_ARGS="--recordings 1000000")
	@infra/install.sh test
	@npm run -s bench:scale -- $(BENCH_ARGS)

bench-console: ## Measure what the console asks at a million recordings, its page and its memory (BENCH_ARGS="--ledger postgres": ten sites)
	@infra/install.sh test
	@npm run -s bench:console -- $(BENCH_ARGS)

bench-plot: | node_modules/.package-lock.json ## Draw the newest comparison as docs/performance.svg (BENCH_ARGS=FILE draws another)
	@npm run -s bench:plot -- $(BENCH_ARGS)

check: $(CHECKS) unit ## Run everything that needs no service: format, lint, types, dead code, unit tests

list-checks:
	@echo $(CHECKS)

node_modules/.package-lock.json: package-lock.json
	@infra/install.sh check

$(CHECKS) format unit: | node_modules/.package-lock.json

format-check: ## Fail on a file that "make format" would change
	@npm run -s format:check

format: ## Format every file
	@npm run -s format

lint: ## Run oxlint, with type information; a warning fails
	@npm run -s lint

typecheck: ## Check the types
	@npm run -s typecheck

knip: ## Find exports, files and dependencies that nothing uses
	@npm run -s knip

unit: ## Run the unit tests
	@npm run -s test:unit

coverage: | node_modules/.package-lock.json ## Measure which lines the unit and property tests run (TEST_ARGS="--project service" measures others)
	@npm run -s coverage -- $(if $(TEST_ARGS),$(TEST_ARGS),--project unit --project property)

release: ## Give the unreleased changes their VERSION, commit and tag; refuses without changes or with a red test
	@infra/release.sh "$(VERSION)"

clean: ## Remove what the demo and the tests leave, never the data directory
	@rm -rf .demo coverage build
