# famctl: makes and keeps fabrics and nodes.
famctl-obj := $(patsubst %,$(OBJ)/%.o,$(basename $(wildcard famctl/*.c famctl/*.S)))

$(OBJ)/famctl/domxml%: CPPFLAGS += $(XML_CFLAGS)
$(BIN)/famctl: $(famctl-obj) $(LIB)/libfam.a $(LIB)/libfamutil.a
$(BIN)/famctl: LIBS = $(LIBVIRT_LIBS) $(XML_LIBS) $(JSON_LIBS) $(PMEM_LIBS)

$(SHARE)/%: libvirt-templates/%
	@mkdir -p $(@D)
	$(Q)cp $< $@

PROGRAMS += $(BIN)/famctl
DATA += $(SHARE)/node.xml $(SHARE)/network.xml
