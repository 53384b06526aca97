# run: the main job on loopback.  test: everything that has to hold, under 15 minutes on two cores.
# conformance: Pigeonhole's Sieve test suite.
# proof: the full counts, fuzz minutes and benchmarks.  See README.md and CONTRIBUTING.md.
SHELL := /bin/bash
.PHONY: run build test conformance lint proof bench fuzz clean

GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
export SLUICE_CORPUS ?= $(HOME)/.cache/sluice/corpus
export SLUICE_PIGEONHOLE ?= $(HOME)/.cache/sluice/pigeonhole
# Stores of type rocksdb are built in where the library is (Debian: librocksdb-dev).
TAGS    ?= $(if $(wildcard /usr/include/rocksdb/c.h),-tags=rocksdb)

run:
	@examples/run

build:
	@.ci/prepare go
	$(GO) build $(TAGS) -buildvcs=false -ldflags '-X main.version=$(VERSION)' -o bin/sluice ./cmd/sluice

lint:
	@.ci/prepare go
	@test -z "$$(gofmt -l .)" || { echo "gofmt would change:"; gofmt -l .; exit 1; }
	$(GO) mod tidy -diff
	$(GO) vet ./...
	@[ -z "$(TAGS)" ] || $(GO) vet $(TAGS) ./kv/rocksdb ./cmd/sluice
	$(GO) tool -modfile=.ci/tools.mod staticcheck ./...

# The last line is "N passed, N failed".
test: lint
	@.ci/prepare tests
	@set -o pipefail; $(GO) test $(TAGS) -json -shuffle=on -timeout 14m ./... | $(GO) run ./.ci/tally

# Pigeonhole's test suite, with a table of its files; a part of test, too.
conformance:
	@.ci/prepare go
	@.ci/pigeonhole >/dev/null
	$(GO) test ./sieve/testsuite -count=1 -v -run 'Pigeonhole|ErrorScripts'

# Full counts: crash rounds, five minutes a fuzz target, the race detector, all benchmarks.
proof: lint
	@.ci/prepare tests
	@set -o pipefail; SLUICE_PROOF=1 $(GO) test $(TAGS) -json -race -shuffle=on -timeout 60m ./... | $(GO) run ./.ci/tally
	GO="$(GO)" .ci/fuzz 5m
	$(MAKE) bench

# The bars of the key-value engine are tables beside Redis and bare SQLite, that of filter beside
# sieve-filter, each in one interleaved run.
bench:
	@.ci/prepare tests
	$(GO) run $(TAGS) ./kv/bars
	$(GO) run ./mailbox/bars
	$(GO) test $(TAGS) -run '^$$' -bench . -benchmem -timeout 60m ./...

# FUZZTIME=30s make fuzz
fuzz:
	GO="$(GO)" .ci/fuzz $(or $(FUZZTIME),30s)

# What was delivered stays: ./data is the server's default data directory too.
clean:
	rm -rf bin
