# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
# Locks, rings and the like in every order of their steps: the real code, built
# with a fam-words.h of its own and some calls of the C library renamed.
# They have one thread, and memory of their own: there is nothing in them for the
# sanitizers to find, which have the same code run in other tests.
MODEL := $(OBJ)/model

model-cflags = -Itests/model -Iguest-lib -Wno-unused-value -Wno-maybe-uninitialized \
	$(filter-out -D_FORTIFY_SOURCE=2,$(ALL_CFLAGS)) -ffunction-sections
model-renamed := $(foreach f,malloc calloc free memcpy clock_gettime nanosleep \
	sched_yield,-D$(f)=model_$(f))

model-own := $(patsubst %,$(MODEL)/tests/model/%.o,coroutine memory run action \
	explore trace check world queue park)
model-src := $(filter-out guest-lib/sync/park% guest-lib/sync/word-wait.c, \
	$(wildcard guest-lib/sync/*.c guest-lib/messages/*.c))
model-lib := $(TESTS)/libmodel.a
model-test-src := $(wildcard tests/model/test-model-*.c)
model-bin := $(if $(SAN),,$(model-test-src:tests/model/%.c=$(TESTS)/%))

# What is looked at, and the tests, are made of steps; the checker is not.
$(MODEL)/guest-lib/%.o: guest-lib/%.c $(build-files)
	@mkdir -p $(@D)
	$(Q_CC)$(CC) $(model-cflags) $(model-renamed) \
		-include tests/model/sites.h -MMD -MP -c -o $@ $<

$(MODEL)/tests/model/test-%.o: tests/model/test-%.c $(build-files)
	@mkdir -p $(@D)
	$(Q_CC)$(CC) $(model-cflags) $(model-renamed) \
		-include tests/model/sites.h -MMD -MP -c -o $@ $<

$(MODEL)/tests/model/%.o: tests/model/%.c $(build-files)
	@mkdir -p $(@D)
	$(Q_CC)$(CC) $(model-cflags) -MMD -MP -c -o $@ $<

$(model-lib): $(model-own) $(patsubst %.c,$(MODEL)/%.o,$(model-src))
	@mkdir -p $(@D)
	$(Q_AR)rm -f $@ && $(AR) rcs $@ $^

# Functions that a model does not call may want what is not there.
$(TESTS)/test-model-%: $(MODEL)/tests/model/test-model-%.o $(model-lib)
	@mkdir -p $(@D)
	$(Q_LINK)$(CC) $(CFLAGS) $(LDFLAGS) -Wl,--gc-sections -o $@ \
		$(filter %.o,$^) $(filter %.a,$^) -lcmocka

# What the others take for granted: the real parking, over a futex of its own.
model-parking := $(patsubst %,$(MODEL)/parking/%.o,park park-place park-wake)
$(MODEL)/parking/%.o: guest-lib/sync/%.c $(build-files)
	@mkdir -p $(@D)
	$(Q_CC)$(CC) $(model-cflags) $(model-renamed) -MMD -MP -c -o $@ $<
$(TESTS)/test-model-parking: $(model-parking) $(MODEL)/tests/model/futex.o

# Transactions, without what opens a heap and what makes it durable.
model-heap := $(patsubst guest-lib/%.c,$(MODEL)/guest-lib/%.o,\
	guest-lib/crc32c.c $(filter-out %/heap.c %/header.c %/elsewhere.c %/replay.c \
	%/alloc.c %/each.c %/stat.c,$(wildcard guest-lib/heap/*.c)))
$(model-heap): model-renamed += -Dreallocarray=model_reallocarray \
	-Daligned_alloc=model_aligned_alloc
$(TESTS)/test-model-heap: $(model-heap)

.PHONY: check-model
check-model: deps-check ## locks and rings in every order of their steps, at length
	$(Q)$(MAKE) --no-print-directory $(model-bin)
	$(Q)for t in $(model-bin); do MODEL_DEPTH=$(MODEL_DEPTH) $$t || exit 1; done

MODEL_DEPTH ?= 1
