# Helpers of the server's tests and its benchmark.
server-tools := $(TESTS)/fam-client $(TESTS)/fam-legacy-client \
	$(TESTS)/fam-ctl $(TESTS)/fam-churn $(TESTS)/fam-crowd \
	$(TESTS)/fam-deaf $(TESTS)/fam-format $(TESTS)/fam-flush $(TESTS)/disk.so \
	$(TESTS)/fam-commit $(TESTS)/fam-sessions $(TESTS)/fam-regions-lock \
	$(TESTS)/bench-handshake $(TESTS)/server-guest.cpio

$(OBJ)/tests/server/%.o: CPPFLAGS += -Itests/server

$(TESTS)/fam-client: $(OBJ)/tests/server/client.o
$(TESTS)/fam-legacy-client: $(OBJ)/tests/server/legacy-client.o
$(TESTS)/fam-ctl: $(OBJ)/tests/server/ctl-client.o
$(TESTS)/fam-crowd: $(OBJ)/tests/server/crowd.o
$(TESTS)/fam-format: $(OBJ)/tests/server/format.o
$(TESTS)/fam-flush: $(OBJ)/tests/server/flush-client.o
$(TESTS)/fam-commit: $(OBJ)/tests/server/commit.o
$(TESTS)/fam-sessions: $(OBJ)/tests/server/session-tool.o
$(TESTS)/fam-regions-lock: $(OBJ)/tests/server/regions-lock.o
$(TESTS)/fam-deaf: $(OBJ)/tests/server/deaf.o
$(TESTS)/fam-churn: $(OBJ)/tests/server/churn.o
$(TESTS)/bench-handshake: $(OBJ)/tests/server/bench-handshake.o
$(filter-out %.cpio %.so,$(server-tools)): $(LIB)/libtmserver.a $(LIB)/libfam.a \
		$(LIB)/libfamutil.a
	@mkdir -p $(@D)
	$(Q_LINK)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) \
		$(filter %.a,$^) -pthread $(PMEM_LIBS)

# Preloaded, into instrumented programs too: not instrumented itself.
$(TESTS)/disk.so: tests/server/disk.c
	@mkdir -p $(@D)
	$(Q_LINK)$(CC) -std=gnu11 -D_GNU_SOURCE $(WARN) -O2 -fPIC -shared -o $@ $<

# Static and without instrumentation: it runs alone in a guest.
$(TESTS)/server-guest/init: tests/server/guest-init.c
	@mkdir -p $(@D)
	$(Q_LINK)$(CC) -std=gnu11 -D_GNU_SOURCE $(WARN) -O2 -static -o $@ $<

$(TESTS)/server-guest.cpio: $(TESTS)/server-guest/init
	$(Q)cd $(@D)/server-guest && printf 'init\n' | \
		busybox cpio -o -H newc > $(abspath $@) 2>/dev/null

# A disk that is slow or fails under the flush service.
test-flush-ldflags := -Wl,--wrap=sync_ranges
