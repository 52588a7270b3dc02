# latentd: try it, build it, check it, install it. `make help` lists the goals.

SWIFT      ?= swift
PREFIX     ?= /usr
DESTDIR    ?=
sysconfdir ?= /etc
bindir      = $(PREFIX)/bin
datadir     = $(PREFIX)/share
unitdir     = $(PREFIX)/lib/systemd/system

# One configuration everywhere: what is tested is what is installed. The binaries to ship have Swift's library inside, which
# changes how every file is compiled, so they have a build folder of their own.
build   := $(SWIFT) build -c release
shipped := .build-static
release := $(build) --static-swift-stdlib --scratch-path $(shipped)
bin      = .build/release

.PHONY: help setup vocabulary build demo test check check-format check-units check-isa check-aarch64 check-avx512 check-sanitizers \
        check-systemd release install uninstall clean

help: ## list the goals
	@sed -n 's/^\([a-z0-9-]*\):.*## /  \1: /p' $(MAKEFILE_LIST)

setup: ## install the Debian packages that a build needs, where they are missing
	@scripts/setup.sh build

vocabulary: ## fetch CLIP's vocabulary, which checkpoints in one file need
	@scripts/vocabulary

build: setup ## build latentd and latentctl for this machine
	$(build)

demo: build ## make two pictures with a private daemon under demo/
	@scripts/demo.sh $(bin)

test: setup ## build and run every test
	$(build) --build-tests
	$(SWIFT) test -c release --skip-build --skip 'Daemon(Unit)?Tests'
	$(SWIFT) test -c release --skip-build --no-parallel --filter 'Daemon(Unit)?Tests'

check: check-format check-units test check-isa check-aarch64 check-sanitizers ## all of the above, and the slow checks

check-format: ## the house's format, exactly
	$(SWIFT) format lint --strict --recursive Package.swift Sources Tests Benchmarks

check-units: ## what systemd says of the unit, the user and the spool
	@scripts/setup.sh systemd
	Tests/systemd/units.sh

# What becomes of stops, damage and changed files is the same with every table of kernels.
check-isa: test ## the kernels and all that is made of them, once for each instruction set of this CPU
	Tests/each-isa.sh $(SWIFT) test -c release --skip-build --filter 'ComputeTests|ModelsTests|DiffusionTests' \
		--skip 'DiffusionTests.(ChangedModel|ComponentClass|Damage|Stopping)Tests'

check-aarch64: ## the NEON kernels, cross-compiled and run under qemu
	@scripts/setup.sh check
	Tests/KernelChecks/aarch64.sh

check-avx512: ## the kernels of AVX-512 on an emulated CPU, where this one lacks it: minutes, and not a part of check
	@scripts/setup.sh check
	Tests/KernelChecks/avx512.sh

check-sanitizers: setup ## races in what runs concurrently, bad memory in what handles pointers
	Tests/sanitizers.sh

check-systemd: release ## the installed tree under a real systemd in a container (needs root)
	@scripts/setup.sh systemd
	Tests/systemd/check.sh $(shipped)/release

release: setup ## build the binaries to ship, which need no Swift on the machine they run on
	$(release) --product latentd
	$(release) --product latentctl

install: release ## install below DESTDIR and PREFIX
	scripts/install.sh "$(DESTDIR)" "$(PREFIX)" "$(sysconfdir)" $(shipped)/release

uninstall: ## remove what install put there; settings, spool and state stay
	scripts/uninstall.sh "$(DESTDIR)" "$(PREFIX)"

clean: ## remove everything that was built, and the demo
	rm -rf .build .build-* Benchmarks/.build demo
