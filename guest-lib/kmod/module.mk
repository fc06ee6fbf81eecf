# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
# The nodes' kernel module, built out of the source tree: Kbuild leaves its
# objects beside the sources, so it gets copies of these.

# The kernel that famctl puts into bundles, if its headers are there.
kernels := $(shell for where in $(SHARE)/kernel/boot/vmlinuz- /boot/vmlinuz-*-cloud- /boot/vmlinuz-; \
	do ls -rvd $$where* 2>/dev/null; done)
KDIR ?= $(firstword $(wildcard $(patsubst vmlinuz-%,/usr/src/linux-headers-%,$(notdir $(kernels))) \
	/lib/modules/$(shell uname -r)/build))
KMOD := $(BUILD)/kmod/fam_ivshmem.ko
KMOD_SRC := $(wildcard guest-lib/kmod/*.[ch]) guest-lib/kmod/Kbuild
Q_KMOD = $(if $(filter 0,$(V)),@echo "  KMOD    $@";)

$(KMOD): $(KMOD_SRC)
	@test -e "$(KDIR)/Makefile" || { \
		echo "no kernel headers in '$(KDIR)': make kmod KDIR=..." >&2; exit 1; }
	@mkdir -p $(@D)
	$(Q)cp -p $(KMOD_SRC) $(@D)
	$(Q_KMOD)$(MAKE) -s -C $(KDIR) M=$(abspath $(@D)) $(KMOD_FLAGS) modules

# Where famctl finds it when it makes a bundle with that kernel.
KMOD_DATA = $(SHARE)/kmod/$(shell \
	sed -n 's/.*UTS_RELEASE "\(.*\)"/\1/p' $(KDIR)/include/generated/utsrelease.h)
.PHONY: kmod check-kmod
kmod: $(KMOD) ## the nodes' kernel module, for the kernel headers in KDIR
	$(Q)mkdir -p $(KMOD_DATA) && strip -g -o $(KMOD_DATA)/fam_ivshmem.ko $(KMOD)

check-kmod: ## the kernel module for three Debian kernels, sparse, checkpatch (as root)
	$(Q)tests/kmod/build-matrix $(KMOD_MATRIX)
