# Everything that one does with this repository. `make help` lists the targets.
#
# Targets install what they need of the machine when root runs them, and say in one line what is missing when not.
# NO_INSTALL=1 keeps them from installing and from the network.

NO_INSTALL ?=
export NO_INSTALL
ifeq ($(NO_INSTALL),1)
export GOPROXY := off
export GOTOOLCHAIN := local
endif

# Where test-bluez leaves the logs of bluetoothd and of the machine, and how long each fuzz target and the soak run.
ARTIFACTS ?= build
FUZZTIME ?= 30s
SOAKTIME ?= 1h

# What make bench tells the comparison, such as BENCH='-rounds 15 -scale 5', and how long make bursts takes.
BENCH ?=
BURSTTIME ?= 10m

# The systems that everything must compile for: other word sizes, another byte order, and those without BlueZ.
SYSTEMS := linux/amd64 linux/arm linux/arm64 linux/386 linux/s390x darwin/arm64 windows/amd64

need := .ci/need
corpus := $(or $(BLUEZ_CORPUS_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/bluez-for-go/corpus)
bleak := /usr/lib/python3/dist-packages/bleak/__init__.py
vm := [ "$$(uname -sm)" = "Linux x86_64" ] || { echo "the BlueZ VM needs Linux on amd64; this is $$(uname -sm)" >&2; exit 1; }

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## show the command ble at work in a simulated neighbourhood: no Bluetooth, no root, no VM
	@$(need) go dbus-daemon:dbus-daemon
	go run ./facade/demo

.PHONY: test
test: ## run all tests that need no VM, with the race detector
	@$(need) go gcc:gcc,libc6-dev dbus-daemon:dbus-daemon bluetoothctl:bluez $(bleak):python3-bleak
	go test -race ./...

.PHONY: test-bluez
test-bluez: ## run the tests against real BlueZ in a VM (Linux on amd64)
	@$(vm) && $(need) go
	@mkdir -p $(ARTIFACTS)
	go test -tags e2e -count=1 -v -timeout 60m -artifacts -outputdir $(abspath $(ARTIFACTS)) ./facade/e2e

.PHONY: corpus
corpus: ## generate, compile and vet Go for the D-Bus interfaces of many Debian packages (STATICCHECK=1: staticcheck, too; LIVE=1: run it)
	@$(need) go $(if $(LIVE),dbus-daemon:dbus-daemon)
	go run ./gen/corpus $(if $(STATICCHECK),-staticcheck)
ifdef LIVE
	go test ./gen -run '^TestGeneratedCodeWorksOnABus$$' -timeout 30m -live "$(corpus)/*/*/*.xml"
endif

.PHONY: generate
generate: ## write the generated code anew, from introspection/
	@$(need) go
	go generate .

.PHONY: assigned
assigned: ## write the tables of facade/assigned anew, from Debian's source package of BlueZ (network)
	@$(need) go
	go generate ./facade/assigned

.PHONY: check
check: check-format check-generated check-vet check-systems ## look for mistakes without running anything: format, vet, staticcheck, generated code, other systems

.PHONY: check-format check-generated check-vet check-systems
check-format:
	@$(need) go
	@unformatted=$$(gofmt -l .) && [ -z "$$unformatted" ] || { echo "not formatted (gofmt -w):" $$unformatted >&2; exit 1; }

check-generated: # fails if the committed code is not what generate would write
	@sed -n 's|^//go:generate go tool bluezgen|go tool bluezgen -check|p' tools.go | sh -ex

check-vet: # the tag adds the tests that run in the VM
	go vet -tags e2e ./...
	go tool staticcheck -tags e2e ./...

check-systems:
	@for system in $(SYSTEMS); do \
		echo "build $$system"; \
		CGO_ENABLED=0 GOOS=$${system%/*} GOARCH=$${system#*/} go build ./... || exit 1; \
	done
	@for system in linux/386 darwin/arm64 windows/amd64; do \
		echo "vet $$system"; \
		CGO_ENABLED=0 GOOS=$${system%/*} GOARCH=$${system#*/} go vet ./... || exit 1; \
	done

.PHONY: bench
bench: ## run the benchmarks, and compare with Bleak, C, godbus and TinyGo: facade/bench/RESULTS.md (about 10 minutes; BENCH=-help)
	@$(need) go dbus-daemon:dbus-daemon gcc:gcc,libc6-dev pkg-config:pkg-config bluetoothctl:bluez $(bleak):python3-bleak
	@pkg-config --exists dbus-1 || $(need) /usr/include/dbus-1.0/dbus/dbus.h:libdbus-1-dev
	go test -run '^$$' -bench . -benchmem ./gen/... ./bluezgen ./facade
	go run ./facade/bench -out facade/bench $(BENCH)

.PHONY: bursts
bursts: ## send 2,000 advertisements a second to a consumer that is ten times too slow, for BURSTTIME (default 10m)
	@$(need) go dbus-daemon:dbus-daemon
	go run ./facade/bench -bursts $(BURSTTIME)

.PHONY: soak
soak: ## let 200 things go wrong in random order, and scan for SOAKTIME (default 1h) while addresses rotate
	@$(need) go dbus-daemon:dbus-daemon
	go test ./facade -run '^TestRandomFaults$$' -race -count=1 -v -faults 200
	go test ./facade -run '^TestRotatingAddressesKeepMemoryFlat$$' -count=1 -v -timeout 0 -soak $(SOAKTIME)

.PHONY: introspect
introspect: ## record in a VM what bluetoothd says of its own D-Bus API, for the tests of introspection/
	@$(vm) && $(need) go
	go run ./facade/e2e/introspect introspection/testdata

.PHONY: fuzz
fuzz: ## run each fuzz target for FUZZTIME (default 30s)
	@$(need) go gcc:gcc,libc6-dev dbus-daemon:dbus-daemon
	@for package in $$(go list ./...); do \
		targets=$$(go test -list '^Fuzz' $$package) || exit 1; \
		for target in $$(echo "$$targets" | grep '^Fuzz'); do \
			echo "fuzz $$package $$target"; \
			go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) $$package || exit 1; \
		done; \
	done

.PHONY: clean
clean: ## remove what test-bluez left, and what the cache has of Debian: VM images and the corpus
	rm -rf $(ARTIFACTS)
	rm -rf "$(corpus)"
	rm -rf "$${BLUEZ_VM_CACHE:-$${XDG_CACHE_HOME:-$$HOME/.cache}/bluez-for-go/vm}"
