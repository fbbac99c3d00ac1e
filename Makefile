# vouch: what people type. Each target installs what it needs and lacks (Debian, as root).
SWIFT ?= swift
PREFIX ?= /usr/local
DESTDIR ?=
# Exclusive access to memory is checked in the debug build, which the tests use; here the checks would
# cost a tenth of a probe.
RELEASE_FLAGS = -Xswiftc -enforce-exclusivity=unchecked
# What nobody calls is left out, which the linker can only do with a section for each function and
# each datum, in Swift only where public symbols are not kept for a caller outside: 1.9 MB.
RELEASE_FLAGS += -Xcc -ffunction-sections -Xcc -fdata-sections
RELEASE_FLAGS += -Xswiftc -Xfrontend -Xswiftc -function-sections
RELEASE_FLAGS += -Xswiftc -Xfrontend -Xswiftc -internalize-at-link
# Small rather than inlined: 0.9 MB. A probe, which is mostly system calls, takes no longer.
RELEASE_FLAGS += -Xswiftc -Osize -Xcc -Os
# libstdc++ inside: 0.1 MB more, but 90 KiB less of private memory and half a millisecond of CPU less
# at each start than for the library and its relocations. The linker takes the .a where it comes upon
# it ahead of the .so, so a folder with nothing else in it stands in front (Package.swift does the like
# for libgcc).
STATIC = $(CURDIR)/.build/static
RELEASE_FLAGS += -Xswiftc -L$(STATIC)
# One build folder for a debug build, which the tests use, and the release build.
RELEASE = .build/release/vouch

FUZZ_SECONDS ?= 60

.PHONY: all build test test-systemd-257 fuzz demo bench lint man install uninstall clean

all: build

## A release build: Swift's and C++'s libraries inside, only glibc and libsystemd outside.
build:
	.ci/need build
	mkdir -p $(STATIC)
	ln -sf "$$(g++ -print-file-name=libstdc++.a)" $(STATIC)
	$(SWIFT) build -c release --static-swift-stdlib --product vouch $(RELEASE_FLAGS)

## Every test, those under a real systemd included.
test:
	.ci/need build test
	$(SWIFT) build --build-tests
	SWIFT="$(SWIFT)" Tests/run

## The tests under a real systemd again, with Debian 13's in place of this machine's.
test-systemd-257:
	.ci/need build test trixie
	$(SWIFT) build --build-tests
	Tests/systemd-257-tree .build/systemd-257
	VOUCH_SANDBOX_ROOT=$(CURDIR)/.build/systemd-257 $(SWIFT) test --skip-build --filter IntegrationTests

## The parsers of SPEC and of what other programs send, fuzzed: FUZZ_SECONDS for each.
fuzz:
	.ci/need build fuzz
	fuzz/run $(FUZZ_SECONDS)

## The main job, live: socket activation, readiness, a hang, restarts and reloads under load, disuse.
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

## The man page from man/vouch.1.in and the options' own words. A test tells when that was forgotten.
man:
	$(SWIFT) build --product vouch
	man/generate.py .build/debug/vouch >man/vouch.1.new
	mv man/vouch.1.new man/vouch.1

SHARE = $(DESTDIR)$(PREFIX)/share
MAN = $(SHARE)/man/man1/vouch.1
BASH_COMPLETION = $(SHARE)/bash-completion/completions/vouch
ZSH_COMPLETION = $(SHARE)/zsh/site-functions/_vouch
FISH_COMPLETION = $(SHARE)/fish/vendor_completions.d/vouch.fish

install: build
	install -D -m 755 -s $(RELEASE) $(DESTDIR)$(PREFIX)/bin/vouch
	install -D -m 644 man/vouch.1 $(MAN)
	sed -i 's|/usr/local/share|$(PREFIX)/share|' $(MAN)
	install -d $(dir $(BASH_COMPLETION) $(ZSH_COMPLETION) $(FISH_COMPLETION))
	completions/generate $(RELEASE) bash >$(BASH_COMPLETION)
	completions/generate $(RELEASE) zsh >$(ZSH_COMPLETION)
	completions/generate $(RELEASE) fish >$(FISH_COMPLETION)
	chmod 644 $(BASH_COMPLETION) $(ZSH_COMPLETION) $(FISH_COMPLETION)
	for unit in units/*; do \
	  install -D -m 644 $$unit $(DESTDIR)$(PREFIX)/share/doc/vouch/$$unit; \
	done

uninstall:
	rm -rf $(DESTDIR)$(PREFIX)/bin/vouch $(SHARE)/doc/vouch \
	  $(MAN) $(BASH_COMPLETION) $(ZSH_COMPLETION) $(FISH_COMPLETION)

clean:
	rm -rf .build
