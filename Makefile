# A few words in front of Meson and Ninja.
#
#   make                 build it: build/pare
#   make try [IMAGE=…]   build it and print the report of an image (default: a Debian image made here, without a registry)
#   make test            unit tests, whole-command tests and fuzz corpora, these under ASan and UBSan too
#   make bench           speed and memory: reading images against the floor, linting beside other linters, scans, slimming, building
#   make fuzz [SECONDS=] every fuzzer, SECONDS each (default 60)
#   make install         into PREFIX (default /usr/local), below DESTDIR
#   make deb             a Debian package, beside this directory
#   make clean
#
# tools/install-deps installs what these need.

BUILD ?= build
PREFIX ?= /usr/local
IMAGE ?= $(BUILD)/try/debian.tar
SECONDS ?= 60
MESON_FLAGS ?=

.PHONY: all try test bench fuzz install deb clean

all: $(BUILD)/build.ninja
	ninja -C $(BUILD)

$(BUILD)/build.ninja:
	meson setup $(BUILD) --prefix=$(PREFIX) $(MESON_FLAGS)

try: all
	@if [ "$(IMAGE)" = "$(BUILD)/try/debian.tar" ]; then tools/make-image "$(IMAGE)"; fi
	@$(BUILD)/pare report "$(IMAGE)"

test:
	tools/run-tests --build $(BUILD)

bench: all
	bench/inspect --pare $(BUILD)/pare
	bench/lint --pare $(BUILD)/pare
	bench/scan --pare $(BUILD)/pare
	bench/slim --pare $(BUILD)/pare
	bench/build --pare $(BUILD)/pare

fuzz:
	fuzz/run --seconds $(SECONDS)

install: all
	meson install -C $(BUILD) --no-rebuild

deb:
	dpkg-buildpackage -us -uc -b

clean:
	rm -rf $(BUILD) build-asan build-fuzz bench/out bench/out-slim fuzz/out
