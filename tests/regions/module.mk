# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
# Regions and every power cut (tests/tape).
regions-own := $(patsubst %,$(TAPE)/tests/regions/%.o,entries fabric story judge \
	twice verdict)
regions-bin := $(if $(SAN),,$(TESTS)/test-regions-crash)

# Others come and go while a new region is filled with zeros.
$(regions-bin): LDFLAGS += -Wl,--wrap=fam_region_zero
$(regions-bin): $(TAPE)/tests/regions/test-regions-crash.o $(regions-own) \
		$(tape-lib)
	@mkdir -p $(@D)
	$(Q_LINK)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -pthread $(PMEM_LIBS) -lcmocka

REGIONS_RUNS ?= 50
.PHONY: check-regions
check-regions: deps-check ## regions: power cuts and deaths at every moment, at length
	$(Q)$(MAKE) --no-print-directory $(regions-bin) $(TESTS)/test-fault-region
	$(Q)REGIONS_RUNS=$(REGIONS_RUNS) $(regions-bin)
	$(Q)REGIONS_RUNS=$(REGIONS_RUNS) $(TESTS)/test-fault-region
