# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
# Heaps, every power cut (tests/tape), and deaths in the middle.
heaps-own := $(patsubst %,$(TAPE)/tests/heaps/%.o,model world look fabric story chance \
	judge journals)
heaps-bin := $(if $(SAN),,$(TESTS)/test-heaps-crash)

# A restart that does not sort its records.
$(heaps-bin): LDFLAGS += -Wl,--wrap=qsort
$(heaps-bin): $(TAPE)/tests/heaps/test-heaps-crash.o $(heaps-own) $(tape-lib)
	@mkdir -p $(@D)
	$(Q_LINK)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -pthread $(PMEM_LIBS) -lcmocka

HEAPS_RUNS ?= 50
heaps-faults := $(patsubst %,$(TESTS)/test-fault-%,heap tx containers)
.PHONY: check-heaps
check-heaps: deps-check ## heaps: power cuts and deaths at every moment, at length
	$(Q)$(MAKE) --no-print-directory $(heaps-bin) $(heaps-faults)
	$(Q)HEAPS_RUNS=$(HEAPS_RUNS) $(heaps-bin)
	$(Q)for fault in $(heaps-faults); do HEAPS_RUNS=$(HEAPS_RUNS) $$fault || exit; done
