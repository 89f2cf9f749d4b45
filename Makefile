SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := build

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
BUILD := CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)'
MAX_BYTES := 60000000
FUZZTIME ?= 10s
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0
# Tests of allocations do not work under the race detector: they run by themselves.
ALLOCATIONS := -count=1 -trimpath -run Alloc
ALLOC = $(shell find . -name alloc_test.go -not -path './bench/peers/*' -printf '%h\n' | sort -u)

# These make cgroups by the thousand, or read all that the machine has: one after another.
ALONE := ./bench/e2e ./bench/kernels ./bench/statsd ./collector ./collector/cgroups ./collector/containers ./collector/statsd/intake ./collector/statsd/origin
# Many of the others mostly wait: three of them share two processors.
TOGETHER = $(filter-out $(patsubst ./%,github.com/daytwo/daytwo/%,$(ALONE)),$(shell go list ./...))

.PHONY: help build build-all run test bench journal-million logs-soak logpipe-million short-containers faults-soak rotation-soak sessions-soak copy-speed generate lint vulncheck fuzz clean

help: ## Show what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## Build bin/daytwo (the default)
	$(BUILD) -o bin/daytwo .

build-all: ## Build for linux/amd64 and linux/arm64, and check their size
	@for arch in amd64 arm64; do \
		GOOS=linux GOARCH=$$arch $(BUILD) -o bin/daytwo-linux-$$arch .; \
		size=$$(stat -c %s bin/daytwo-linux-$$arch); \
		echo "bin/daytwo-linux-$$arch: $$size bytes"; \
		if [ $$size -gt $(MAX_BYTES) ]; then echo "more than $(MAX_BYTES) bytes"; exit 1; fi; \
	done

run: build ## Build, then run everything in one process (ARGS="--interval 5s")
	@if [ "$$(id -u)" != 0 ] && command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then \
		exec sudo bin/daytwo up $(ARGS); \
	else \
		exec bin/daytwo up $(ARGS); \
	fi

test: ## Install what the tests need where it may, run them all, say what was skipped
	bench/rig/install.sh
	$(MAKE) --no-print-directory build-all
	go run ./bench/testrun -p 3 -race -timeout 30m $(TOGETHER) -- -p 1 -parallel 4 -race -timeout 30m $(ALONE) -- \
		$(ALLOCATIONS) $(filter-out $(ALONE),$(ALLOC)) -- -p 1 $(ALLOCATIONS) $(filter $(ALONE),$(ALLOC))

bench: build ## Run the benchmarks, then the peers side by side (as root)
	go test -run '^$$' -bench . -benchmem ./...
	cd bench/peers && CGO_ENABLED=0 go build -o ../../bin/peers .
	DAYTWO_PEERS=bench/peers bin/peers -daytwo bin/daytwo -out bench/peers/RESULTS.md

journal-million: ## Compare the reader of the journal with journalctl on 1 million entries, and on 10,000 damaged files
	DAYTWO_JOURNAL_ENTRIES=1000000 DAYTWO_JOURNAL_FLIPS=10000 go test -count=1 -timeout 3h -run 'Journalctl|FlippedBits' ./collector/journal

logs-soak: ## Ship 10 million log entries while the shipper is killed and NATS restarts
	DAYTWO_SOAK_ENTRIES=10000000 go test -count=1 -timeout 30m -v -run TestKilled ./collector/shipping

logpipe-million: ## Write a million lines through a log pipe into journald, and find each once
	LOGPIPE_LINES=1000000 go test -count=1 -timeout 30m -v -run TestJournaldMany ./collector/launcher/logpipe

short-containers: ## Follow 500 containers of each of Docker's log drivers that print ten lines and exit
	DAYTWO_SOAK_ROUNDS=1 DAYTWO_SHORT_CONTAINERS=500 go test -count=1 -timeout 2h -v -run TestFollowShortContainers ./bench/e2e

faults-soak: ## Follow and ship logs while NATS, relay, collector and journald are killed, twenty times over
	DAYTWO_SOAK_ROUNDS=20 go test -count=1 -timeout 2h -v -run TestLogsSurviveKillsOfAll ./bench/e2e

rotation-soak: ## Follow 200,000 lines while journald rotates, and have it remove files under followers, fifty times
	DAYTWO_JOURNAL_LINES=66667 DAYTWO_JOURNAL_VACUUMS=50 go test -count=1 -timeout 1h -v \
		-run 'TestFollowThroughRotation|TestVacuumUnderReaders|TestFollowersLetDeletedFilesGo' ./collector/journal ./bench/e2e

sessions-soak: ## Run 10,000 short sessions, look for what they leave, cut 1,200 at random points, open 500 at once
	DAYTWO_SOAK_ROUNDS=20 go test -count=1 -timeout 3h -v -run 'TestManyShortSessions|TestQuickCommands|TestResume|TestWindowSize|TestFirstSize|TestResizes|TestCutSessions|TestManyAtOnce' \
		./collector/sessions ./collector/sessions/keeper ./bench/sessions

copy-speed: ## Copy 1 GB and 10,000 files with 'daytwo task cp' and 'docker cp', and a million names
	DAYTWO_COPY_SPEED=1 go test -count=1 -timeout 20m -v -run TestCopySpeed ./bench/e2e
	DAYTWO_COPY_NAMES=1000000 go test -count=1 -timeout 20m -v -run TestManyNames ./api/session/archive

generate: ## Regenerate the BPF objects (needs clang, llvm, libbpf-dev)
	go generate ./...

lint: ## Check formatting, line lengths, module files, vet and staticcheck, in the modules below bench too
	@out=$$(gofmt -l .); if [ -n "$$out" ]; then echo "not gofmt'ed:"; echo "$$out"; exit 1; fi
	@out=$$(git ls-files -z '*.go' ':!*_bpfel.go' | LC_ALL=C.UTF-8 xargs -0 grep -nHE '^.{121}' | grep -v '//go:generate ' || true); \
		if [ -n "$$out" ]; then echo "longer than 120 characters:"; echo "$$out" | cut -c1-200; exit 1; fi
	go mod tidy -diff
	cd bench/peers && go mod tidy -diff
	cd bench/receivers && go mod tidy -diff
	cd bench/identity && go mod tidy -diff
	cd bench/peers/kube && go mod tidy -diff
	go vet ./...
	cd bench/peers && go vet ./...
	cd bench/receivers && go vet ./...
	cd bench/identity && go vet ./...
	cd bench/peers/kube && go vet ./...
	go run $(STATICCHECK) ./...

vulncheck: ## Look for known vulnerabilities (needs vuln.go.dev, which not every CI reaches)
	@go run $(GOVULNCHECK) ./... || { \
		echo "govulncheck found something, or its database at https://vuln.go.dev is out of reach" >&2; exit 1; }

fuzz: ## Run every fuzz target for FUZZTIME (10s)
	@find . -name '*_test.go' -not -path './bench/peers/*' -print0 | xargs -0 grep -HoE '^func Fuzz[A-Za-z0-9_]+' | \
	while IFS=: read -r file target; do \
		target=$${target#func }; \
		echo "$$(dirname $$file) $$target"; \
		go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 20x $$(dirname $$file); \
	done

clean: ## Remove what was built
	rm -rf bin
