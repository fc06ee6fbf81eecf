# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
# A map and a log on the recorded disk: who uses them, and their replay.
crash-tools += $(TESTS)/fam-kv-user $(TESTS)/fam-kv-user-lying \
	$(TESTS)/fam-kv-replay

$(TESTS)/fam-kv-user: $(call objects,tests/crash,kv-user marks record) $(LIB)/libfam.a
# The heap asks by one of these or another.
$(TESTS)/fam-kv-user-lying: \
	$(call objects,tests/crash,kv-user marks record region-lying lying-persist) \
	$(LIB)/libfam.a
$(TESTS)/fam-kv-user-lying: LDFLAGS += \
	-Wl,--wrap=fam_persist,--wrap=fam_persist_range,--wrap=fam_persist_ranges
$(TESTS)/fam-kv-replay: $(call objects,tests/crash,kv-replay moments cut record) \
	$(LIB)/libfam.a $(LIB)/libfamutil.a
$(TESTS)/fam-kv-user $(TESTS)/fam-kv-user-lying $(TESTS)/fam-kv-replay: \
	LIBS = $(PMEM_LIBS) -pthread
