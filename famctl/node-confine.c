// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apparmor.h"
#include "node-confine.h"
#include "out.h"
#include "qemu-args.h"
#include "util/cleanup.h"
#include "util/fdio.h"
#include "util/size.h"

#define SYS_ENABLED  "/sys/module/apparmor/parameters/enabled"
#define SYS_PROFILES "/sys/kernel/security/apparmor/profiles"
#define POLICY	     "/etc/apparmor.d/"
#define ABSTRACTION  "abstractions/libvirt-qemu"
#define LOCAL	     "local/" ABSTRACTION
#define TEXT_MAX     (4 * MiB)

/* Rules for QEMU, and where one more would go. */
struct rules {
	char *text[2];
	size_t count;
	const char *file;
};

static void cleanup_rules(struct rules *rules)
{
	while (rules->count > 0)
		free(rules->text[--rules->count]);
}
#define _cleanup_rules_ __attribute__((cleanup(cleanup_rules)))

static bool add_rules(struct rules *rules, const char *path)
{
	size_t len;

	if (fdio_read_file(path, TEXT_MAX, &rules->text[rules->count], &len) <
	    0)
		return false;
	rules->count++;
	return true;
}

/*
 * libvirt's own rules for QEMU and, if those include it, the file which is the
 * host's to fill. That a file cannot be read means that nothing is known of it.
 */
static void read_rules(struct rules *rules)
{
	rules->file = POLICY LOCAL;
	if (!add_rules(rules, POLICY ABSTRACTION))
		return;
	if (apparmor_includes(rules->text[0], LOCAL))
		add_rules(rules, POLICY LOCAL);
	else
		rules->file = POLICY ABSTRACTION;
}

/* What QEMU opens or connects to by itself. */
struct need {
	char path[PATH_MAX];
	bool read_only;
};

static bool allowed(const struct rules *rules, const struct need *need)
{
	_cleanup_free_ char *all = NULL;

	/* In one piece: what one file denies, another cannot allow. */
	if (asprintf(&all, "%s\n%s", rules->count > 0 ? rules->text[0] : "",
		     rules->count > 1 ? rules->text[1] : "") < 0) {
		all = NULL;
		return false;
	}
	return need->read_only ? apparmor_allows_reading(all, need->path)
			       : apparmor_allows(all, need->path);
}

/* libvirt itself uses AppArmor only if it is confined by one of these. */
static bool libvirt_is_confined(void)
{
	static const char *const names[] = {"libvirtd", "virtqemud",
					    "/usr/sbin/libvirtd",
					    "/usr/sbin/virtqemud"};
	_cleanup_free_ char *text = NULL;
	size_t len, i;
	int ret = fdio_read_file(SYS_PROFILES, TEXT_MAX, &text, &len);

	/* Only root may see the list. */
	if (ret == -EACCES || ret == -EPERM)
		return access(POLICY ABSTRACTION, F_OK) == 0;
	for (i = 0; ret == 0 && i < sizeof(names) / sizeof(names[0]); i++) {
		if (apparmor_loaded(text, names[i]))
			return true;
	}
	return false;
}

static bool host_confines(const char *uri)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (uri ? strncmp(uri, "qemu:///system", 14) != 0 : geteuid() != 0)
		return false;
	return fdio_read_file(SYS_ENABLED, TEXT_MAX, &text, &len) == 0 &&
	       *text == 'Y' && libvirt_is_confined();
}

/* Out of reach, libvirt will say so itself, later. */
static bool confines(const char *uri, bool ask)
{
	_cleanup_virt_ struct virt *virt = NULL;
	struct err err;

	if (ask && virt_open(&virt, uri, &err) == 0)
		return virt_confines(virt);
	return host_confines(uri);
}

/* Without symbolic links, as the kernel judges it. */
static void real_path(const char *path, char out[PATH_MAX])
{
	if (!realpath(path, out))
		snprintf(out, PATH_MAX, "%s", path);
}

/* The rule for a file: in our own directory one for all fabrics will do. */
static int rule_for(const struct need *need, char *out, size_t len)
{
	static const char ours[] = FABRIC_DIR_SYSTEM "/*.fam";

	if (need->read_only)
		return apparmor_rule_reading(need->path, out, len);
	if (apparmor_match(ours, need->path))
		return apparmor_rule(ours, true, out, len);
	return apparmor_rule(need->path, false, out, len);
}

/*
 * What QEMU opens or connects to by itself for one fabric: true and @out; by
 * 'doorbell' it is nothing that libvirt does not know of, if it knows of the
 * flush window.
 */
static bool needed(const struct node_spec *spec, size_t index, struct need *out)
{
	const struct fabric *fabric = &spec->fabrics[index];
	char socket[SERVERS_PATH_MAX];
	struct err err;

	if (spec->transport == TRANSPORT_DOORBELL && !spec->raw_windows)
		return false;
	out->read_only = spec->read_only[index];
	if (spec->transport != TRANSPORT_LEGACY)
		real_path(fabric->path, out->path);
	else if (qemu_args_socket(spec, fabric, socket, &err) == 0)
		real_path(socket, out->path);
	else
		return false;
	return true;
}

/* The command which adds the rule for @need; "" if there is no such rule. */
static void cure(const struct rules *rules, const struct need *need, char *out,
		 size_t len)
{
	char rule[2 * PATH_MAX];

	*out = '\0';
	if (strchr(need->path, '\'') || rule_for(need, rule, sizeof(rule)) < 0)
		return;
	snprintf(out, len, "echo '%s' >> %s", rule, rules->file);
}

static int refuse(const struct rules *rules, const struct need *need, bool made,
		  struct err *err)
{
	char command[2 * PATH_MAX + 128];

	cure(rules, need, command, sizeof(command));
	err_set(err, -EACCES, "AppArmor does not let QEMU open '%s'",
		need->path);
	if (*command && made)
		return err_hint(err,
				"%s\n      or make the node anew with "
				"--apparmor off",
				command);
	return *command ? err_hint(err, "%s", command)
			: err_hint(err, "--apparmor off");
}

static void tell(const struct rules *rules, const struct need *need)
{
	char command[2 * PATH_MAX + 128];

	cure(rules, need, command, sizeof(command));
	out_note("AppArmor does not let QEMU open '%s', so the node is made to "
		 "run without its confinement",
		 need->path);
	if (*command)
		out_note("for a confined node do this, then make it anew: %s",
			 command);
}

int node_confine_word(const char *word, enum confine *out, struct err *err)
{
	static const char *const words[] = {"auto", "confined", "off"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!strcmp(word, words[i])) {
			*out = (enum confine)i;
			return 0;
		}
	}
	err_set(err, -EINVAL, "--apparmor: there is no '%s'", word);
	return err_hint(err, "use auto, confined or off");
}

int node_confine(struct node_spec *spec, enum confine how, const char *uri,
		 bool ask, struct err *err)
{
	_cleanup_rules_ struct rules rules = {0};
	struct need need;

	/* The element is an error where libvirt has no AppArmor. */
	if (!confines(uri, ask))
		return 0;
	spec->unconfined = how == CONFINE_OFF;
	if (spec->unconfined)
		return 0;
	read_rules(&rules);
	for (size_t i = 0; i < spec->fabric_count; i++) {
		if (!needed(spec, i, &need) || allowed(&rules, &need))
			continue;
		if (how == CONFINE_YES)
			return refuse(&rules, &need, false, err);
		spec->unconfined = true;
		tell(&rules, &need);
	}
	return 0;
}

int node_confine_check(struct virt *virt, const struct node_meta *meta,
		       struct err *err)
{
	_cleanup_rules_ struct rules rules = {0};
	struct need need;

	if (meta->seclabel || !virt_confines(virt))
		return 0;
	read_rules(&rules);
	for (size_t i = 0; i < meta->count; i++) {
		if (qemu_args_served(meta->fabric[i].transport) &&
		    !meta->raw_windows)
			continue;
		need.read_only = meta->fabric[i].read_only;
		real_path(meta->fabric[i].path, need.path);
		if (!allowed(&rules, &need))
			return refuse(&rules, &need, true, err);
	}
	return 0;
}
