# Hob's front door. `make help` says what there is; meson.build does the work.
PREFIX ?= /usr/local
LIBDIR ?= lib
DESTDIR ?=
SECONDS ?= 60
SEEDS ?= 2000
WERROR ?= false
export DESTDIR ONLY HOB_BACKEND

B = scripts/build
MAIN = $(B) build -Dprefix=$(PREFIX) -Dlibdir=$(LIBDIR) -Dwerror=$(WERROR)
TESTED = -Dprograms=false -Ddefault_library=static
SAN = -Db_lundef=false
# These are compiled often and run once: -O1 halves what compiling takes.
QUICK = -Doptimization=1 $(TESTED) -- tests
# Reports need lines, and nothing else of what takes a fifth of the time to write down; warnings are
# the main build's.
ASAN = $(B) build/asan -Db_sanitize=address,undefined -Dc_args=-g1 -Dwarning_level=0 \
           -Db_staticpic=false $(SAN) $(QUICK)
# Reading debug information takes seconds under TSan, in each of the many tests that end in a report.
TSAN = CC=clang $(B) build/tsan -Db_sanitize=thread -Dlines=false $(SAN) $(QUICK)
VALGRIND = $(B) build/valgrind $(TESTED) -- tests
ARM = env -u CC $(B) build/aarch64 --cross-file=cross/aarch64-linux-gnu.ini $(QUICK)
FORMATTED = $(wildcard include/hob/*.h src/*/*.[ch] src/*/*/*.[ch] tools/*/*.[ch] examples/*.[ch] tests/*.[ch] \
                       bench/*.[ch] bench/*.cc fuzz/*.[ch])

all: ## the libraries, the command (build/hob), the examples (build/examples/)
	@scripts/setup build
	@$(MAIN)

demo: all ## a short tour: what Hob does, on this machine, now
	@scripts/demo

# What only runs is installed while the rest compiles; what went wrong there, the second call says.
test: ## all tests on both backends, simulated, with sanitizers ... (ONLY=name chooses)
	@scripts/setup compile
	@scripts/setup test 2>/dev/null & rest=$$!; \
	{ $(MAIN) -- all tests && $(ASAN); }; built=$$?; wait $$rest; exit $$built
	@scripts/setup test
	@scripts/run-tests uring epoll sim sim-files scripts asan

check: ## the quick ones: the tests on this machine's own backends
	@scripts/setup build
	@$(MAIN) -- tests
	@scripts/run-tests uring epoll

seeds: ## new seeds for the tests in simulated worlds, SECONDS=60 for each program
	@scripts/setup build
	@$(MAIN) -- all tests
	@scripts/run-seeds $(SECONDS)

asan: ## the tests under AddressSanitizer and UBSan
	@scripts/setup test
	@$(ASAN)
	@scripts/run-tests asan

sim: ## SEEDS=2000 over the simulated scenarios, each seed twice
	@scripts/setup build
	@$(MAIN) -- all tests
	@scripts/run-sim $(SEEDS)

tsan: ## the tests under ThreadSanitizer (clang)
	@scripts/setup test
	@$(TSAN)
	@scripts/run-tests tsan

aarch64: ## the tests, built for aarch64 and run under qemu
	@scripts/setup cross
	@$(ARM)
	@scripts/run-tests aarch64

valgrind: ## the tests under valgrind
	@scripts/setup test
	@$(VALGRIND)
	@scripts/run-tests valgrind

bench: ## the benchmarks beside their peers, as ratios (ONLY=name chooses)
	@scripts/setup bench
	@$(MAIN) -- all benches
	@bench/run

fuzz: ## the parsers against libFuzzer, SECONDS=60 each, on all processors (ONLY=name chooses)
	@scripts/setup test
	@CC=clang $(B) build/fuzz -Dfuzz=true -Db_sanitize=address,undefined $(SAN) $(TESTED) -Doptimization=1
	@scripts/run-fuzz $(SECONDS) $(ONLY)

soak: ## 10,000 connections, random cancels and deaths of peers, for SECONDS=60 (half per backend)
	@scripts/setup build
	@$(MAIN) -- tests/soak
	@build/tests/soak -s $(SECONDS) $(SOAK)

install: ## into PREFIX=/usr/local (libraries: LIBDIR=lib), under DESTDIR
	@scripts/setup build
	@$(MAIN)
	@case "$$DESTDIR" in '' | /*) ;; *) DESTDIR=$$PWD/$$DESTDIR ;; esac; \
	d="$$DESTDIR$(PREFIX)"; while [ ! -e "$$d" ]; do d=$$(dirname "$$d"); done; \
	[ -w "$$d" ] || { echo "make install: $$d is not yours to write to;" \
	    "sudo make install, or give another PREFIX" >&2; exit 1; }; \
	meson install -C build --no-rebuild --quiet
	@if [ -z "$(DESTDIR)" ] && [ "$$(id -u)" = 0 ]; then ldconfig; fi

format: ## clang-format on everything
	@scripts/setup format
	@clang-format -i $(FORMATTED)

check-format: ## says what clang-format would change
	@scripts/setup format
	@clang-format --dry-run --Werror $(FORMATTED)

clean: ## removes build/
	@rm -rf build

help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):.* ## /  make \1\t/p' Makefile | expand -t 22

.PHONY: all demo test check seeds sim asan tsan aarch64 valgrind bench fuzz soak install format check-format clean help
