# Who counts in one fabric, in nodes and on the host; for tests/vm/atomic.bats.
atomic-tools := $(TESTS)/fam-adders

$(TESTS)/fam-adders: $(OBJ)/tests/atomic/adders.o $(LIB)/libfam.a
	@mkdir -p $(@D)
	$(Q_LINK)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) \
		$(filter %.a,$^) -pthread $(PMEM_LIBS)
