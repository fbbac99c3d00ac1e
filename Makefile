# vouch: what people type. Each target installs what it needs and lacks (Debian, as root).
SWIFT ?= swift
PREFIX ?= /usr/local
DESTDIR ?=
# Exclusive access to memory is checked in the debug build, which the tests use; here the checks would
# cost a tenth of a probe.
RELEASE_FLAGS = -Xswiftc -enforce-exclusivity=unchecked
# One build folder for a debug build, which the tests use, and the release build.
RELEASE = .build/release/vouch

.PHONY: all build test test-systemd-257 demo bench lint install uninstall clean

all: build

## A release build: Swift's libraries inside, only glibc, libstdc++ and libsystemd outside.
build:
	.ci/need build
	$(SWIFT) build -c release --static-swift-stdlib --product vouch $(RELEASE_FLAGS)

## Every test, those under a real systemd included.
test:
	.ci/need build test
	$(SWIFT) build --build-tests
	$(SWIFT) test --skip-build --filter ChecksTests
	$(SWIFT) test --skip-build --skip ChecksTests

## The tests under a real systemd again, with Debian 13's in place of this machine's.
test-systemd-257:
	.ci/need build test trixie
	$(SWIFT) build --build-tests
	Tests/systemd-257-tree .build/systemd-257
	VOUCH_SANDBOX_ROOT=$(CURDIR)/.build/systemd-257 $(SWIFT) test --skip-build --filter IntegrationTests

## The main job, live: socket activation, readiness, a hang, restarts under load.
demo: build
	.ci/need demo
	demo/run $(RELEASE)

## The budgets of the design beside what is measured, on demand.
bench: build
	.ci/need bench
	bench/run $(RELEASE)

## What CI checks beside the tests.
lint:
	.ci/need lint
	.ci/lint

install: build
	install -D -m 755 -s $(RELEASE) $(DESTDIR)$(PREFIX)/bin/vouch
	for unit in units/*; do \
	  install -D -m 644 $$unit $(DESTDIR)$(PREFIX)/share/doc/vouch/$$unit; \
	done

uninstall:
	rm -rf $(DESTDIR)$(PREFIX)/bin/vouch $(DESTDIR)$(PREFIX)/share/doc/vouch

clean:
	rm -rf .build
