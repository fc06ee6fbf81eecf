# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
# What tries the kernel module. All but fam-host-ring run in guests: static,
# because these have no loader, and so without sanitizers.
ifeq ($(SAN),)
kmod-tools := $(TESTS)/fam-kmod $(TESTS)/fam-map-bench $(TESTS)/fam-poke \
	$(TESTS)/fam-host-ring
endif

$(OBJ)/tests/kmod/%.o: CPPFLAGS += -Iguest-lib
$(TESTS)/fam-kmod: $(call objects,tests/kmod,guest calls memory rings vanish)
$(TESTS)/fam-map-bench: $(call objects,tests/kmod,map-bench)
$(TESTS)/fam-poke: $(call objects,tests/kmod,poke)
$(TESTS)/fam-kmod $(TESTS)/fam-map-bench $(TESTS)/fam-poke:
	@mkdir -p $(@D)
	$(Q_LINK)$(CC) $(CFLAGS) $(LDFLAGS) -static -o $@ $(filter %.o,$^)

$(TESTS)/fam-host-ring: $(OBJ)/tests/kmod/host-ring.o $(LIB)/libfam.a
	@mkdir -p $(@D)
	$(Q_LINK)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(PMEM_LIBS) -pthread

# A module that shows the page table of who asks: the truth about mappings.
KMOD_WALK := $(TESTS)/kmod/fam_walk.ko
$(KMOD_WALK): tests/kmod/walk/fam_walk.c tests/kmod/walk/Kbuild
	@mkdir -p $(@D)
	$(Q)cp -p $^ $(@D)
	$(Q_KMOD)$(MAKE) -s -C $(KDIR) M=$(abspath $(@D)) $(KMOD_FLAGS) modules

# Where there are no kernel headers, the tests skip what needs the module.
ifeq ($(SAN),)
kmod-tools += $(if $(wildcard $(KDIR)/Makefile),$(KMOD) $(KMOD_WALK))
endif

.PHONY: kmod-tests
kmod-tests: $(kmod-tools)
