# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
# Regions on the recorded disk: who uses them, and their replay.
crash-tools += $(TESTS)/fam-region-user $(TESTS)/fam-region-user-lying \
	$(TESTS)/fam-region-replay

$(OBJ)/tests/crash/region-%.o: CPPFLAGS += -Iguest-lib
$(TESTS)/fam-region-user: $(call objects,tests/crash,region-user marks record) \
	$(LIB)/libfam.a
$(TESTS)/fam-region-user-lying: \
	$(call objects,tests/crash,region-user marks record region-lying) $(LIB)/libfam.a
$(TESTS)/fam-region-user-lying: LDFLAGS += \
	-Wl,--wrap=fam_persist_range,--wrap=fam_persist_ranges
$(TESTS)/fam-region-replay: $(call objects,tests/crash,region-replay moments cut record) \
	$(LIB)/libfam.a $(LIB)/libfamutil.a
$(TESTS)/fam-region-user $(TESTS)/fam-region-user-lying \
	$(TESTS)/fam-region-replay: LIBS = $(PMEM_LIBS) -pthread
