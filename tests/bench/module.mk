# Benchmarks; `make bench` runs them. BENCH_DIR lies on the disk to be measured.
BENCH_DIR ?= /var/tmp

$(TESTS)/bench-sync: $(OBJ)/tests/bench/bench-sync.o $(LIB)/libtmserver.a \
		$(LIB)/libfamutil.a
	@mkdir -p $(@D)
	$(Q_LINK)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) \
		$(filter %.a,$^) -pthread

# For libfam's copies, durable commits on the host and in nodes, and doorbells.
fam-benches := $(addprefix $(TESTS)/bench-,copy commit writers bell)
$(fam-benches): $(TESTS)/bench-%: \
		$(OBJ)/tests/bench/bench-%.o $(LIB)/libfam.a
	@mkdir -p $(@D)
	$(Q_LINK)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) \
		$(filter %.a,$^) -pthread $(PMEM_LIBS)

bench-tools := $(TESTS)/bench-sync $(fam-benches)
