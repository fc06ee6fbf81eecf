# Programs that run in guests and on the host alike.
guest-tools := $(TESTS)/fam-region-guards

$(TESTS)/fam-region-guards: $(OBJ)/tests/guest/region-guards.o $(LIB)/libfam.a
	@mkdir -p $(@D)
	$(Q_LINK)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) \
		$(filter %.a,$^) -pthread $(PMEM_LIBS)
