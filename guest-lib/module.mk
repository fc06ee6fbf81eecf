# libfam, the fam command, and what runs in a node.
fam-obj := $(call objects,guest-lib,error atomic-check crc32c layout mailbox sessions session session-join session-keeper session-watch session-event source stores find pci hostfile medium writeback window \
	cachetype map map-windows cpu copy persist persist-tickets persist-group \
	persist-host persist-mark persist-mailbox persist-wait owner bell bells bells-module bells-soft bells-wait \
	module peers signal wire server server-connect server-peer doorbell) \
	$(patsubst %.c,$(OBJ)/%.o,$(wildcard guest-lib/sync/*.c \
		guest-lib/objects/*.c guest-lib/messages/*.c \
		guest-lib/regions/*.c guest-lib/check/*.c \
		guest-lib/heap/*.c guest-lib/containers/*.c))

$(LIB)/libfam.a: $(fam-obj)

$(LIB)/libfam.so.$(SOVERSION): $(fam-obj:.o=.pic.o) guest-lib/libfam.map
	$(Q_LINK)$(CC) $(LDFLAGS) -shared -Wl,-soname,libfam.so.0 \
		-Wl,--version-script=guest-lib/libfam.map -o $@ \
		$(filter %.o,$^) $(PMEM_LIBS)
	$(Q)ln -sf libfam.so.$(SOVERSION) $(LIB)/libfam.so.0
	$(Q)ln -sf libfam.so.0 $(LIB)/libfam.so

fam-tool-obj := $(patsubst %.c,$(OBJ)/%.o,$(filter-out %/fam-init.c,\
	$(wildcard guest-lib/tools/*.c)))
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

# Its directories include what is in guest-lib itself.
$(OBJ)/guest-lib/%: CPPFLAGS += -Iguest-lib
