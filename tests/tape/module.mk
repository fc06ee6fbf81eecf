# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
# Every power cut: libfam built with headers of its own in front of those by which
# it stores, and what records that and builds what a cut may leave.
TAPE := $(OBJ)/tape

tape-lib := $(TESTS)/libfam-tape.a

$(TAPE)/guest-lib/%: TAPE_FLAGS = -include tests/tape/heap-store.h
$(TAPE)/%.o: %.c $(build-files)
	@mkdir -p $(@D)
	$(Q_CC)$(CC) -Itests/tape -Itests -Iguest-lib $(TAPE_FLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(tape-lib): $(fam-obj:$(OBJ)/%=$(TAPE)/%) $(TAPE)/tests/tape/tape.o \
		$(TAPE)/tests/tape/cut.o
	@mkdir -p $(@D)
	$(Q_AR)rm -f $@ && $(AR) rcs $@ $^
