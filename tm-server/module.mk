# Host-side helpers, shared with famctl.
util-obj := $(call objects,tm-server/util,err size fdio)

$(LIB)/libfamutil.a: $(util-obj)
