# Each target does its own set-up and says what it installs.

CARGO ?= cargo

.PHONY: help demo test bench lint fuzz plugins

help: ## what each target does
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/^([a-z]+):.*## /make \1\t/'

demo: plugins ## build everything, boot a real Linux guest and show its ports answered by plugins
	PORTUNUS_GUEST_DIR="$${PORTUNUS_GUEST_DIR:-target/guest}" $(CARGO) run --locked -q --bin portunus -- demo

test: plugins ## every test, real guests included
	$(CARGO) test --locked --workspace

bench: plugins ## the benchmarks, in release mode
	$(CARGO) bench --locked -p portunus-tests

lint: plugins ## formatting, clippy, rustdoc, shell scripts, licences: what CI refuses
	.ci/lint

fuzz: ## fuzz each parser for a minute; SECONDS=600 make fuzz for longer
	tests/fuzz/run

plugins: ## the bundled plugins alone
	plugins/build.sh
