# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
# A heap under stress: tests/cli/heap-stress.bats, tests/vm/heap-soak.bats.
heap-tools := $(TESTS)/fam-heap-stress

$(TESTS)/fam-heap-stress: \
		$(call objects,tests/heap-stress,stress crew worker model deeds common look blob judge) \
		$(LIB)/libfam.a
	@mkdir -p $(@D)
	$(Q_LINK)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) \
		$(filter %.a,$^) -pthread $(PMEM_LIBS)

# Between the steps of a commit, where somebody dies or stands still.
test-heap-death-ldflags := \
	-Wl,--wrap=fam_heap_apply,--wrap=fam_heap_write_back,--wrap=fam_hints_renew
