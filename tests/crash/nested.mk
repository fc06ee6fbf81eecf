# The nested host whose power is cut: see nested.bash.
nested-tools := $(TESTS)/nested-verify $(TESTS)/nested-replay \
	$(TESTS)/tm-server-unflushed
# A guest of x86 needs a compiler for it, the recording disk nbdkit's header.
# Without them the tests that want them are skipped.
ifeq ($(shell uname -m),x86_64)
nested-tools += $(TESTS)/nested-guest
endif
ifneq ($(wildcard /usr/include/nbdkit-plugin.h),)
nested-tools += $(TESTS)/nested-disk.so
endif
crash-tools += $(nested-tools)

$(TESTS)/nested-verify: $(call objects,tests/crash,nested-verify) \
	$(call objects,guest-lib,crc32c layout)
$(TESTS)/nested-replay: $(call objects,tests/crash,nested-replay)
$(TESTS)/nested-verify $(TESTS)/nested-replay:
	@mkdir -p $(@D)
	$(Q_LINK)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^

$(TESTS)/nested-disk.so: $(OBJ)/tests/crash/nested-disk.pic.o
	$(Q_LINK)$(CC) $(CFLAGS) $(LDFLAGS) -shared -o $@ $^ -pthread

# The object comes before the library, which so does not give its own sync.
$(TESTS)/tm-server-unflushed: $(call objects,tm-server,main) \
		$(call objects,tests/crash,nested-unflushed) \
		$(LIB)/libtmserver.a $(LIB)/libfam.a $(LIB)/libfamutil.a
	@mkdir -p $(@D)
	$(Q_LINK)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -pthread $(PMEM_LIBS)

# 32 bits, no library. The mailbox's own code speaks the protocol in it.
nested-guest-src := $(addprefix tests/crash/nested-,start.S guest.c) \
	guest-lib/mailbox.c
nested-guest-flags := -m32 -march=pentium4 -O2 -std=gnu11 -ffreestanding \
	-fno-pic -fno-pie -fno-stack-protector -fno-asynchronous-unwind-tables \
	-ffunction-sections $(WARN) -Wno-psabi -nostdlib -static \
	-Wl,-Ttext-segment=0x100000,-z,noseparate-code,-z,noexecstack \
	-Wl,--build-id=none,--gc-sections
$(TESTS)/nested-guest: $(nested-guest-src) tests/crash/nested-record.h \
		guest-lib/include/fam-mailbox.h guest-lib/include/fam/layout.h
	@mkdir -p $(@D)
	$(Q_LINK)$(CC) $(nested-guest-flags) -Iguest-lib/include -o $@ \
		$(nested-guest-src)
