# Host-side helpers, shared with famctl.
util-obj := $(call objects,tm-server/util,err size fdio log)

$(LIB)/libfamutil.a: $(util-obj)

# All of the server but its main(), so that any module can be tested.
server-obj := $(call objects,tm-server,loop ivshmem ivshmem-client ident \
	ident-pool slot state peer peer-flow peer-send \
	region region-size listen server notify sync \
	flush flush-thread flush-beat flush-count mailbox guard server-flush \
	roster server-sessions trim server-trim \
	ctl ctl-answer resume resume-text takeover options \
	options-complete)

$(LIB)/libtmserver.a: $(server-obj) $(call objects,guest-lib,crc32c layout mailbox sessions medium \
	writeback objects/boot)

$(BIN)/tm-server: $(call objects,tm-server,main) $(LIB)/libtmserver.a \
	$(LIB)/libfam.a $(LIB)/libfamutil.a
$(BIN)/tm-server: LIBS = -pthread $(PMEM_LIBS)

PROGRAMS += $(BIN)/tm-server
