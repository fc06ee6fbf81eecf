# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
# Processes that are killed at every step of an operation: libfam built with a
# fam-words.h of its own, and what is linked with that.
FAULT := $(OBJ)/fault

fault-lib := $(TESTS)/libfam-fault.a
fault-src := $(wildcard tests/fault/test-fault-*.c)
fault-bin := $(fault-src:tests/fault/%.c=$(TESTS)/%)

$(FAULT)/%.o: %.c $(build-files)
	@mkdir -p $(@D)
	$(Q_CC)$(CC) -Itests/fault -Itests -Iguest-lib $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# Beside who includes it by its name: it cannot be stood in front of.
$(FAULT)/guest-lib/heap/%: CPPFLAGS += -include tests/fault/heap-store.h
$(FAULT)/guest-lib/containers/%: CPPFLAGS += -include tests/fault/heap-store.h

$(fault-lib): $(patsubst %,$(FAULT)/tests/fault/%.o,fault fault-heap \
		fault-heap-look fault-heap-judge) \
		$(fam-obj:$(OBJ)/%=$(FAULT)/%)
	@mkdir -p $(@D)
	$(Q_AR)rm -f $@ && $(AR) rcs $@ $^

$(TESTS)/test-fault-%: $(FAULT)/tests/fault/test-fault-%.o $(fault-lib)
	@mkdir -p $(@D)
	$(Q_LINK)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -pthread $(PMEM_LIBS) -lcmocka
$(TESTS)/test-fault-containers: LDFLAGS += -Wl,--wrap=getrandom
