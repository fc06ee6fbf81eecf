# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
# What waits in words of a fabric, in nodes and on the host: tests/vm/park.bats.
ifeq ($(SAN),)
park-tools := $(TESTS)/fam-parkers
endif

$(TESTS)/fam-parkers: $(OBJ)/tests/park/parkers.o $(LIB)/libfam.a
	@mkdir -p $(@D)
	$(Q_LINK)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) \
		$(filter %.a,$^) -pthread $(PMEM_LIBS)

# Who sleeps there looks at nothing by himself: only a wake-up ends it.
test-park-ldflags := -Wl,--wrap=fam_futex_wait
test-park-storm-ldflags := $(test-park-ldflags)
