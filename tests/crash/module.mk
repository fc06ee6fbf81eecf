# The power-cut harness: a recorded disk, who writes to it, and its replay.
crash-tools := $(TESTS)/fam-disk $(TESTS)/fam-writer $(TESTS)/fam-replay \
	$(TESTS)/tm-server-lying

FUSE_LIBS = $(call pkg,libs,fuse3)

$(OBJ)/tests/crash/%.o: CPPFLAGS += -Itests/crash

$(TESTS)/fam-disk: $(call objects,tests/crash,disk disk-fuse disk-talk pulse store) \
	$(LIB)/libfamutil.a
$(TESTS)/fam-disk: LIBS = $(FUSE_LIBS)
$(TESTS)/fam-writer: $(call objects,tests/crash,writer marks record) $(LIB)/libfam.a
$(TESTS)/fam-replay: $(call objects,tests/crash,replay cut record) \
	$(LIB)/libfam.a $(LIB)/libfamutil.a
$(TESTS)/fam-writer $(TESTS)/fam-replay: LIBS = $(PMEM_LIBS) -pthread
# The object comes before the library, which so does not give its own sync.
$(TESTS)/tm-server-lying: $(call objects,tm-server,main) \
	$(call objects,tests/crash,lying-sync) $(LIB)/libtmserver.a \
	$(LIB)/libfam.a $(LIB)/libfamutil.a
$(TESTS)/tm-server-lying: LIBS = -pthread $(PMEM_LIBS)

include tests/crash/ring.mk
include tests/crash/region.mk
include tests/crash/kv.mk

$(crash-tools):
	@mkdir -p $(@D)
	$(Q_LINK)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) \
		$(filter %.a,$^) $(LIBS)

include tests/crash/nested.mk
