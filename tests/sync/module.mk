# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
# Locks and rings under stress, on the host and in nodes: tests/vm/locks.bats,
# messages.bats.
sync-tools := $(TESTS)/fam-lock-stress $(TESTS)/fam-ring-stress

$(OBJ)/tests/unit/test-lock%: CPPFLAGS += -Itests/sync

$(TESTS)/fam-lock-stress: $(call objects,tests/sync,stress arena)
$(TESTS)/fam-ring-stress: $(OBJ)/tests/sync/ring-stress.o
$(sync-tools): $(LIB)/libfam.a
	@mkdir -p $(@D)
	$(Q_LINK)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) \
		$(filter %.a,$^) -pthread $(PMEM_LIBS)

$(TESTS)/test-lock-stress: $(OBJ)/tests/sync/arena.o
