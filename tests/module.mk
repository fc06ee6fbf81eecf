# Tests; tests/README.md explains the tiers and how to add one.
TESTS := $(BUILD)/tests

# Every tests/unit/test-NAME.c is a program; it may need extra link flags.
unit-src := $(wildcard tests/unit/test-*.c)
unit-bin := $(unit-src:tests/unit/%.c=$(TESTS)/%)
fuzz-src := $(wildcard tests/fuzz/fuzz-*.c)
fuzz-bin := $(fuzz-src:tests/fuzz/%.c=$(TESTS)/%)
# All of famctl but its main(), so that any module can be tested.
famctl-lib := $(filter-out %/main.o,$(famctl-obj))
test-libs  := $(LIB)/libtmserver.a $(LIB)/libfam.a $(LIB)/libfamutil.a
TEST_LIBS   = -pthread $(LIBVIRT_LIBS) $(XML_LIBS) $(JSON_LIBS) $(PMEM_LIBS)

# Some look behind the public headers.
$(OBJ)/tests/%.o: CPPFLAGS += -Ifamctl -Iguest-lib -Itests $(XML_CFLAGS) \
	-DTESTS_DATA='"tests/data"'

$(TESTS)/test-%: $(OBJ)/tests/unit/test-%.o $(famctl-lib) $(test-libs)
	@mkdir -p $(@D)
	$(Q_LINK)$(CC) $(CFLAGS) $(LDFLAGS) $(test-$*-ldflags) -o $@ \
		$(filter %.o,$^) $(test-libs) $(TEST_LIBS) -lcmocka

# With libFuzzer (SAN=fuzz) or with a driver that mutates by a seed.
fuzz-driver := $(if $(filter fuzz,$(SAN)),,$(OBJ)/tests/fuzz/driver.o)
$(TESTS)/fuzz-%: $(OBJ)/tests/fuzz/fuzz-%.o $(fuzz-driver) $(famctl-lib) \
		$(test-libs)
	@mkdir -p $(@D)
	$(Q_LINK)$(CC) $(CFLAGS) $(LDFLAGS) $(if $(fuzz-driver),,-fsanitize=fuzzer) \
		-o $@ $(filter %.o,$^) $(test-libs) $(TEST_LIBS)

include tests/server/module.mk
include tests/bench/module.mk
include tests/crash/module.mk
include tests/atomic/module.mk
include tests/kmod/module.mk
include tests/sync/module.mk
include tests/park/module.mk
include tests/model/module.mk
include tests/fault/module.mk
include tests/tape/module.mk
include tests/regions/module.mk
include tests/region-stress/module.mk
-include tests/heaps/module.mk
-include tests/heap-stress/module.mk
include tests/guest/module.mk

# Failing msync(2) under libfam, which a healthy disk does not do.
test-persist-ldflags := -Wl,--wrap=msync -Wl,--wrap=fdatasync -Wl,--wrap=mmap64
test-persist-group-ldflags := $(test-persist-ldflags) -Wl,--wrap=flock
test-copy-ldflags := -Wl,--wrap=msync
# A file on persistent memory, which few machines have.
test-window-ldflags := -Wl,--wrap=mmap64
# What is on the disk, as the test sees it.
test-ring-durable-ldflags := -Wl,--wrap=fam_persist
# What happens while a file's blocks are given back, and before they are free.
test-trim-ldflags := -Wl,--wrap=fallocate64,--wrap=fam_persist_range
test-trim-crash-ldflags := $(test-trim-ldflags) -Wl,--wrap=fdatasync
# What is looked at is summed up: so it is counted.
test-regions-entry-ldflags := -Wl,--wrap=fam_crc32c
test-region-open-ldflags := -Wl,--wrap=fam_crc32c
# A disk that fails under a commit.
test-tx-fail-ldflags := -Wl,--wrap=fam_persist_range
# Sessions and recoveries that a test of space makes up.
test-heap-blocks-ldflags := -Wl,--wrap=fam_heap_may,--wrap=fam_heap_recover
test-heap-chunks-ldflags := $(test-heap-blocks-ldflags)
# Where somebody dies in the middle of a change, and who flushes it then.
test-heap-finish-ldflags := \
	-Wl,--wrap=fam_hint_given,--wrap=fam_blocks_give,--wrap=fam_flush
# A disk that fails, or a node that stands still, in the middle of a restart.
test-heap-restart-ldflags := -Wl,--wrap=fam_persist_range,--wrap=fam_persist_ranges
test-heap-paused-ldflags := \
	-Wl,--wrap=fam_heap_write_all,--wrap=fam_hints_renew,--wrap=fam_blocks_take
# Recoveries are counted, and cut short.
test-session-death-ldflags := \
	-Wl,--wrap=fam_sessions_take,--wrap=fam_sessions_free
# Somebody scribbles between a commit and its application.
test-heap-hostile-ldflags := -Wl,--wrap=fam_persist_range
# Between the steps of a change, where somebody dies or stops.
test-region-death-ldflags := -Wl,--wrap=fam_region_zero,--wrap=fam_region_retake
# A disk that is slow or fails, and a machine full of dirty pages.
test-sync-ldflags := \
	-Wl,--wrap=msync,--wrap=fdatasync,--wrap=sync_file_range \
	-Wl,--wrap=clock_gettime,--wrap=pread64,--wrap=mmap64,--wrap=madvise

.PHONY: tests
tools := $(server-tools) $(bench-tools) $(crash-tools) $(atomic-tools) $(kmod-tools) \
	$(sync-tools) $(park-tools) $(region-tools) $(heap-tools) $(guest-tools)
tests: all examples $(unit-bin) $(model-bin) $(regions-bin) $(heaps-bin) $(fault-bin) $(fuzz-bin) $(tools) ## build everything and the test programs

##@ Checking
.PHONY: check check-apparmor check-vm check-san fuzz lint deps-check
deps-check:
	$(Q)tests/lib/install-deps check

export FAM_BUILD := $(abspath $(BUILD))
submake = $(MAKE) --no-print-directory -j$(shell nproc)

check: deps-check ## everything: unit, fuzz, cli, sanitizers, lint, real guests
	$(Q)$(submake) tests
	$(Q)$(submake) SAN=address BUILD=$(BUILD)/address tests
	$(Q)$(submake) SAN=thread BUILD=$(BUILD)/thread tests
	$(Q)tests/run unit fuzz unit-address lint fuzz-address unit-thread -- \
		cli server vm crash

check-vm: deps-check ## only the tests with real guests and libvirt
	$(Q)$(submake) tests
	$(Q)tests/run vm

check-apparmor: deps-check ## nodes where AppArmor enforces, in a nested Debian 12
	$(Q)$(submake) all
	$(Q)tests/soak/apparmor-host

check-san: deps-check ## units, fuzzers and commands under address, undefined, thread
	$(Q)$(submake) SAN=address BUILD=$(BUILD)/address tests
	$(Q)$(submake) SAN=thread BUILD=$(BUILD)/thread tests
	$(Q)tests/run unit-address fuzz-address cli-address server-address \
		unit-thread server-thread

FUZZ_SECONDS ?= 60
fuzz: deps-check ## libFuzzer on every parser, FUZZ_SECONDS each (clang)
	$(Q)$(submake) CC=clang SAN=fuzz BUILD=$(BUILD)/fuzz tests
	$(Q)FUZZ_SECONDS=$(FUZZ_SECONDS) tests/run fuzz-fuzz

lint: deps-check ## style, includes, function sizes, manuals, spelling, XML, documents
	$(Q)$(submake) tests
	$(Q)tests/run lint

.PHONY: check-soak
check-soak: deps-check ## 10,000 hostile peers, under address and thread sanitizers
	$(Q)$(submake) SAN=address BUILD=$(BUILD)/address tests
	$(Q)$(submake) SAN=thread BUILD=$(BUILD)/thread tests
	$(Q)CHURN_CYCLES=10000 tests/run server-address server-thread

.PHONY: check-soak-heap
check-soak-heap: deps-check ## four nodes and two programs change one heap for minutes, some are killed
	$(Q)$(submake) tests
	$(Q)tests/soak/heap

# Moments of each recording, hosts killed in each nested test, commits of each
# writer, deaths among writers; a tape that loses anything is kept for fam-replay.
CRASH_CUTS   ?= 100
NESTED_CUTS  ?= 25
CRASH_COUNT  ?= 1500
CRASH_ROUNDS ?= 140
CRASH_FS     ?= ext4 xfs
.PHONY: check-crash
check-crash: deps-check ## power cuts by the hundred: recorded disks, nested hosts
	$(Q)$(submake) tests
	$(Q)CRASH_CUTS=$(CRASH_CUTS) NESTED_CUTS=$(NESTED_CUTS) \
		CRASH_COUNT=$(CRASH_COUNT) CRASH_ROUNDS=$(CRASH_ROUNDS) \
		CRASH_FS='$(CRASH_FS)' tests/run crash

.PHONY: bench
bench: ## figures, side by side with others (needs an idle machine)
	$(Q)tests/lib/install-deps bench
	$(Q)$(submake) tests $(TESTS)/bench-ring $(TESTS)/bench-heap
	$(Q)$(TESTS)/bench-handshake $(BIN)/tm-server
	$(Q)$(TESTS)/bench-sync $(BENCH_DIR)
	$(Q)$(TESTS)/bench-copy
	$(Q)$(TESTS)/bench-lock
	$(Q)$(TESTS)/bench-ring
	$(Q)$(TESTS)/bench-message
	$(Q)$(TESTS)/bench-stream
	$(Q)$(TESTS)/bench-region $(BENCH_DIR)
	$(Q)$(TESTS)/bench-writers $(BENCH_DIR)
	$(Q)$(TESTS)/bench-heap $(BENCH_DIR)
	$(Q)$(TESTS)/bench-kv $(BENCH_DIR)
	$(Q)tests/bench/guest-commit $(BENCH_DIR)
	$(Q)tests/bench/guest-map $(BENCH_DIR)
	$(Q)tests/bench/guest-bell
	$(Q)tests/bench/guest-messages
