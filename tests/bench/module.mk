# Benchmarks; `make bench` runs them. BENCH_DIR lies on the disk to be measured.
BENCH_DIR ?= /var/tmp

$(TESTS)/bench-sync: $(OBJ)/tests/bench/bench-sync.o $(LIB)/libtmserver.a \
		$(LIB)/libfamutil.a
	@mkdir -p $(@D)
	$(Q_LINK)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) \
		$(filter %.a,$^) -pthread

# For libfam's copies, durable commits on the host and in nodes, and doorbells.
fam-benches := $(addprefix $(TESTS)/bench-,copy commit writers bell lock message stream region kv)
$(fam-benches): $(TESTS)/bench-%: \
		$(OBJ)/tests/bench/bench-%.o $(LIB)/libfam.a
	@mkdir -p $(@D)
	$(Q_LINK)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) \
		$(filter %.a,$^) -pthread $(PMEM_LIBS)

# Rings, beside those of DPDK, which only this needs.
$(OBJ)/tests/bench/bench-ring.o: CPPFLAGS += \
	$(patsubst -I%,-isystem %,$(call pkg,cflags,libdpdk))
$(TESTS)/bench-ring: $(OBJ)/tests/bench/bench-ring.o $(LIB)/libfam.a
	@mkdir -p $(@D)
	$(Q_LINK)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) \
		$(filter %.a,$^) -lrte_ring -lrte_eal -pthread $(PMEM_LIBS)

# Heaps, beside the pools of libpmemobj, which only this needs.
$(OBJ)/tests/bench/bench-heap.o: CPPFLAGS += \
	$(patsubst -I%,-isystem %,$(call pkg,cflags,libpmemobj))
$(TESTS)/bench-heap: $(OBJ)/tests/bench/bench-heap.o $(LIB)/libfam.a
	@mkdir -p $(@D)
	$(Q_LINK)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) \
		$(filter %.a,$^) $(call pkg,libs,libpmemobj) -pthread $(PMEM_LIBS)

bench-tools := $(TESTS)/bench-sync $(fam-benches)
