# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
# Regions under stress: tests/cli/region-stress.bats, tests/vm/region-soak.bats.
region-tools := $(TESTS)/fam-region-stress

$(TESTS)/fam-region-stress: \
		$(call objects,tests/region-stress,stress worker judge scribble pattern) \
		$(LIB)/libfam.a
	@mkdir -p $(@D)
	$(Q_LINK)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) \
		$(filter %.a,$^) -pthread $(PMEM_LIBS)
