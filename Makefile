# SPDX-License-Identifier: BSD-3-Clause
# The FAM emulator. `make help` lists the targets.

VERSION   := 0.1.0
SOVERSION := 0.1.0

PREFIX     ?= /usr/local
BINDIR     ?= $(PREFIX)/bin
SBINDIR    ?= $(PREFIX)/sbin
LIBDIR     ?= $(PREFIX)/lib
LIBEXECDIR ?= $(PREFIX)/libexec
INCLUDEDIR ?= $(PREFIX)/include
DATADIR    ?= $(PREFIX)/share
MANDIR     ?= $(DATADIR)/man
COMPDIR    ?= $(DATADIR)/bash-completion/completions
UNITDIR    ?= $(PREFIX)/lib/systemd/system
UDEVDIR    ?= $(PREFIX)/lib/udev/rules.d
KSRCDIR    ?= $(PREFIX)/src/fam-$(VERSION)

# The build tree has the shape of the installed one: programs find their data
# beside themselves, so what is tested is what is installed.
BUILD   ?= build
OBJ     := $(BUILD)/obj
BIN     := $(BUILD)/bin
LIB     := $(BUILD)/lib
LIBEXEC := $(BUILD)/libexec/fam
SHARE   := $(BUILD)/share/fam

CC      ?= cc
AR      ?= ar
INSTALL ?= install
CFLAGS  ?= -O2 -g
CFLAGS  += $(SANFLAGS)
LDFLAGS += $(SANFLAGS)

# make SAN=address|thread|fuzz BUILD=...: an instrumented tree.
SAN_address := -fsanitize=address,undefined -fno-sanitize-recover=all
# It does not know fences, which the compiler says each time.
SAN_thread  := -fsanitize=thread $(if $(findstring clang,$(CC)),,-Wno-tsan)
SAN_fuzz    := -fsanitize=fuzzer-no-link,address,undefined \
	-fno-sanitize-recover=all
SANFLAGS     = $(SAN_$(SAN))

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
HARDEN = -fstack-protector-strong $(if $(SAN),,-D_FORTIFY_SOURCE=2)
ALL_CFLAGS = -std=gnu11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 $(WARN) $(HARDEN) \
	-DFAM_RELEASE='"$(VERSION)"' -DFAM_DATADIR='"$(DATADIR)/fam"' \
	-DFAM_LIBEXECDIR='"$(LIBEXECDIR)/fam"' \
	-Iguest-lib/include $(CPPFLAGS) -Itm-server $(CFLAGS)

# $(call library,NAME...) checks with pkg-config and says what to install.
pkg = $(or $(shell pkg-config --$(1) $(2) 2>/dev/null),\
	$(if $(filter ok,$(shell pkg-config --exists $(2) && echo ok)),,\
	$(error $(2) not found by pkg-config; 'make deps' installs what is missing)))
# No library is looked for when the goal does not build anything.
nobuild := help deps deps-check clean dist format demo uninstall fuzz lint bench \
	kmod check-kmod check check-vm check-san check-soak check-soak-heap check-heaps check-crash check-apparmor check-model check-regions
ifneq ($(filter-out $(nobuild),$(or $(MAKECMDGOALS),all)),)
PMEM_LIBS    := $(call pkg,libs,libpmem)
LIBVIRT_LIBS := $(call pkg,libs,libvirt)
XML_LIBS     := $(call pkg,libs,libxml-2.0)
XML_CFLAGS   := $(call pkg,cflags,libxml-2.0)
JSON_LIBS    := $(call pkg,libs,jansson)
endif

V ?= 0
ifeq ($(V),0)
Q       := @
Q_CC     = @echo "  CC      $@";
Q_AR     = @echo "  AR      $@";
Q_LINK   = @echo "  LINK    $@";
endif

# $(call objects,DIRECTORY,NAME...) are the object files of DIRECTORY/NAME.c.
objects = $(patsubst %,$(OBJ)/$(1)/%.o,$(2))

PROGRAMS :=
LIBRARIES :=
DATA :=
.DEFAULT_GOAL := all
.SECONDARY:
.DELETE_ON_ERROR:

include tm-server/module.mk
include guest-lib/module.mk
include guest-lib/kmod/module.mk
include famctl/module.mk
include tests/module.mk

.PHONY: all
all: $(PROGRAMS) $(LIBRARIES) $(DATA) ## build everything

# A changed flag or list of objects makes everything anew.
build-files := $(filter-out %.d,$(MAKEFILE_LIST))

$(OBJ)/%.pic.o: %.c $(build-files)
	@mkdir -p $(@D)
	$(Q_CC)$(CC) $(ALL_CFLAGS) -fPIC -fvisibility=hidden -MMD -MP -c -o $@ $<

$(OBJ)/%.o: %.c $(build-files)
	@mkdir -p $(@D)
	$(Q_CC)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(OBJ)/%.o: %.S $(build-files)
	@mkdir -p $(@D)
	$(Q_CC)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(LIB)/%.a:
	@mkdir -p $(@D)
	$(Q_AR)rm -f $@ && $(AR) rcs $@ $(filter %.o,$^)

$(PROGRAMS):
	@mkdir -p $(@D)
	$(Q_LINK)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LIBS)

-include $(shell find $(OBJ) -name '*.d' 2>/dev/null)

##@ Set-up and main jobs
.PHONY: deps demo
deps: ## install what building and running nodes need (apt, as root)
	$(Q)tests/lib/install-deps build

demo: ## a fabric, two nodes, data that survives: shown, then removed
	$(Q)tests/lib/install-deps demo
	$(Q)$(MAKE) --no-print-directory all
	$(Q)tests/demo

##@ Installing
.PHONY: install uninstall
# FILE:DIRECTORY pairs; the same list serves install and uninstall.
INSTALL_BIN  = $(filter $(BIN)/%,$(PROGRAMS))
INSTALL_LIBEXEC = $(filter $(LIBEXEC)/%,$(PROGRAMS))
INSTALL_HEADERS = $(wildcard guest-lib/include/fam/*.h)
INSTALL_MAN = $(wildcard famctl/man/*.[1-8] guest-lib/man/*.[1-8] tm-server/*.[1-8])
# The kernel module: its source for DKMS, and what `make kmod` built for bundles.
INSTALL_KSRC = $(wildcard guest-lib/kmod/*.[ch]) guest-lib/kmod/Kbuild guest-lib/kmod/dkms.conf
INSTALL_KMOD = $(patsubst $(SHARE)/%,%,$(wildcard $(SHARE)/kmod/*/fam_ivshmem.ko))
mandir-of = $(MANDIR)/man$(subst .,,$(suffix $(1)))
installed-files = \
	$(addprefix $(BINDIR)/,$(notdir $(INSTALL_BIN))) \
	$(addprefix $(LIBEXECDIR)/fam/,$(notdir $(INSTALL_LIBEXEC))) \
	$(addprefix $(INCLUDEDIR)/fam/,$(notdir $(INSTALL_HEADERS))) \
	$(addprefix $(DATADIR)/fam/,$(notdir $(DATA))) \
	$(foreach m,$(INSTALL_MAN),$(call mandir-of,$(m))/$(notdir $(m))) \
	$(LIBDIR)/libfam.a $(LIBDIR)/libfam.so $(LIBDIR)/libfam.so.0 \
	$(LIBDIR)/libfam.so.$(SOVERSION) $(LIBDIR)/pkgconfig/libfam.pc \
	$(COMPDIR)/famctl $(COMPDIR)/fam $(UNITDIR)/tm-server@.service $(UDEVDIR)/60-fam.rules \
	$(addprefix $(KSRCDIR)/,$(notdir $(INSTALL_KSRC))) \
	$(addprefix $(DATADIR)/fam/,$(INSTALL_KMOD))

install: all ## install below PREFIX (default /usr/local), staged in DESTDIR
	$(Q)$(INSTALL) -d $(addprefix $(DESTDIR),$(BINDIR) $(LIBEXECDIR)/fam \
		$(INCLUDEDIR)/fam $(DATADIR)/fam $(LIBDIR)/pkgconfig $(COMPDIR) $(UNITDIR) $(UDEVDIR) $(KSRCDIR) \
		$(sort $(foreach m,$(INSTALL_MAN),$(call mandir-of,$(m)))))
	$(Q)$(INSTALL) -m 755 $(INSTALL_BIN) $(DESTDIR)$(BINDIR)
	$(Q)$(INSTALL) -m 755 $(INSTALL_LIBEXEC) $(DESTDIR)$(LIBEXECDIR)/fam
	$(Q)$(INSTALL) -m 644 $(INSTALL_HEADERS) $(DESTDIR)$(INCLUDEDIR)/fam
	$(Q)$(INSTALL) -m 644 $(DATA) $(DESTDIR)$(DATADIR)/fam
	$(Q)$(INSTALL) -m 644 $(LIB)/libfam.a $(DESTDIR)$(LIBDIR)
	$(Q)$(INSTALL) -m 755 $(LIB)/libfam.so.$(SOVERSION) $(DESTDIR)$(LIBDIR)
	$(Q)ln -sf libfam.so.$(SOVERSION) $(DESTDIR)$(LIBDIR)/libfam.so.0
	$(Q)ln -sf libfam.so.0 $(DESTDIR)$(LIBDIR)/libfam.so
	$(Q)sed -e 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|' \
		-e 's|@INCLUDEDIR@|$(INCLUDEDIR)|; s|@VERSION@|$(VERSION)|' \
		guest-lib/libfam.pc.in > $(DESTDIR)$(LIBDIR)/pkgconfig/libfam.pc
	$(Q)sed -e 's|@BINDIR@|$(BINDIR)|' tm-server/tm-server@.service \
		> $(DESTDIR)$(UNITDIR)/tm-server@.service
	$(Q)$(INSTALL) -m 644 famctl/famctl.bash $(DESTDIR)$(COMPDIR)/famctl
	$(Q)$(INSTALL) -m 644 guest-lib/tools/fam.bash $(DESTDIR)$(COMPDIR)/fam
	$(Q)$(INSTALL) -m 644 guest-lib/kmod/60-fam.rules $(DESTDIR)$(UDEVDIR)
	$(Q)$(INSTALL) -m 644 $(INSTALL_KSRC) $(DESTDIR)$(KSRCDIR)
	$(Q)$(foreach m,$(INSTALL_KMOD),$(INSTALL) -D -m 644 $(SHARE)/$(m) \
		$(DESTDIR)$(DATADIR)/fam/$(m) &&) true
	$(Q)$(foreach m,$(INSTALL_MAN),$(INSTALL) -m 644 $(m) \
		$(DESTDIR)$(call mandir-of,$(m)) &&) true

uninstall: ## remove what install put there, nothing else
	$(Q)rm -f $(addprefix $(DESTDIR),$(installed-files))
	$(Q)rmdir $(addprefix $(DESTDIR),$(LIBEXECDIR)/fam $(INCLUDEDIR)/fam \
		$(addprefix $(DATADIR)/fam/,$(dir $(INSTALL_KMOD)) kmod) \
		$(DATADIR)/fam $(KSRCDIR)) 2>/dev/null || true

##@ Keeping the tree
.PHONY: clean dist format help
clean: ## remove the build directory
	$(Q)rm -rf $(BUILD)

dist: ## a source archive of the committed tree
	$(Q)mkdir -p $(BUILD)
	$(Q)git archive --prefix=fam-$(VERSION)/ -o $(BUILD)/fam-$(VERSION).tar.gz HEAD
	@echo $(BUILD)/fam-$(VERSION).tar.gz

format: ## reformat the C sources
	$(Q)clang-format -i $$(git ls-files '*.[ch]' ':!guest-lib/kmod' ':!tests/kmod/walk')

help: ## this list
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  %-15s %s\n", $$1, $$2 }' \
		$(MAKEFILE_LIST)
	@printf '\nVariables: PREFIX DESTDIR BINDIR LIBDIR ... CFLAGS LDFLAGS V=1 BUILD\n'
