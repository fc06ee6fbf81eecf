# libfam, the fam command, and what runs in a node.
fam-obj := $(call objects,guest-lib,error atomic-check layout mailbox sessions session session-join session-keeper session-watch session-event source find pci hostfile medium writeback window \
	cachetype map cpu copy persist persist-tickets persist-group \
	persist-host persist-mark persist-mailbox persist-wait owner bell bells bells-module bells-soft bells-wait \
	module peers signal wire server server-connect server-peer doorbell)

$(LIB)/libfam.a: $(fam-obj)

$(LIB)/libfam.so.$(SOVERSION): $(fam-obj:.o=.pic.o) guest-lib/libfam.map
	$(Q_LINK)$(CC) $(LDFLAGS) -shared -Wl,-soname,libfam.so.0 \
		-Wl,--version-script=guest-lib/libfam.map -o $@ \
		$(filter %.o,$^) $(PMEM_LIBS)
	$(Q)ln -sf libfam.so.$(SOVERSION) $(LIB)/libfam.so.0
	$(Q)ln -sf libfam.so.0 $(LIB)/libfam.so

fam-tool-obj := $(call objects,guest-lib/tools,fam fam-opt fam-out fam-io \
	fam-info fam-verify fam-peer fam-ring fam-sessions fam-ping)
$(BIN)/fam: $(fam-tool-obj) $(LIB)/libfam.a
$(BIN)/fam: LIBS = $(PMEM_LIBS)

# Static: /init of a bundle must not need a loader, nor a sanitizer's library.
init-obj := $(call objects,guest-lib/tools,fam-init)
$(LIBEXEC)/fam-init: $(init-obj)
$(LIBEXEC)/fam-init: override SAN :=
$(LIBEXEC)/fam-init: LDFLAGS += -static

PROGRAMS += $(BIN)/fam $(LIBEXEC)/fam-init
LIBRARIES += $(LIB)/libfam.a $(LIB)/libfam.so.$(SOVERSION)

# Short programs to begin with; kept compiling by the tests.
examples-src := $(wildcard guest-lib/examples/*.c)
examples-bin := $(examples-src:guest-lib/examples/%.c=$(BUILD)/examples/%)
$(BUILD)/examples/%: $(OBJ)/guest-lib/examples/%.o $(LIB)/libfam.a
	@mkdir -p $(@D)
	$(Q_LINK)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(PMEM_LIBS)

##@ Parts
.PHONY: examples
examples: $(examples-bin) ## build guest-lib/examples into BUILD/examples

# The tests that look behind the public headers.
$(call objects,tests,unit/test-cachetype unit/test-atomic-check unit/test-persist \
	unit/test-persist-group unit/test-persist-mailbox fuzz/fuzz-mailbox-client fuzz/fuzz-sessions fuzz/fuzz-bells unit/test-doorbell \
	unit/test-bells unit/test-doorbell-setup unit/test-window unit/test-map-find fuzz/fuzz-host-dialect): CPPFLAGS += -Iguest-lib
