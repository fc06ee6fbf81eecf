# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
# Durable rings on the recorded disk: who uses one, and its replay.
crash-tools += $(TESTS)/fam-ringer $(TESTS)/fam-ringer-lying \
	$(TESTS)/fam-ring-replay

$(TESTS)/fam-ringer: $(call objects,tests/crash,ringer marks record) $(LIB)/libfam.a
$(TESTS)/fam-ringer-lying: $(call objects,tests/crash,ringer marks record lying-persist) \
	$(LIB)/libfam.a
$(TESTS)/fam-ringer-lying: LDFLAGS += -Wl,--wrap=fam_persist
$(TESTS)/fam-ring-replay: $(call objects,tests/crash,ring-replay moments cut record) \
	$(LIB)/libfam.a $(LIB)/libfamutil.a
$(TESTS)/fam-ringer $(TESTS)/fam-ringer-lying $(TESTS)/fam-ring-replay: \
	LIBS = $(PMEM_LIBS) -pthread
