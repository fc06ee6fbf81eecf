// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * AppArmor's rules as famctl reads them. What is allowed here was allowed by
 * the kernel too; see tests/soak/apparmor-host for the real thing.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "apparmor.h"

#define FILE_ODD "/srv/a b/x[1]{2},y.fam"

static void patterns_match_as_apparmor_says(void **state)
{
	static const struct {
		const char *pattern, *path;
		bool match;
	} cases[] = {
		{"/a/b", "/a/b", true},
		{"/a/b", "/a/b/c", false},
		{"/a/b/c", "/a/b", false},
		{"/a/*", "/a/b", true},
		{"/a/*", "/a/b/c", false},
		{"/a/*", "/a/", false},
		{"/a/**", "/a/b/c", true},
		{"/a/**", "/a/", false},
		{"/a/b*", "/a/b", true},
		{"/**/c", "/a/b/c", true},
		{"/**.fam", "/a/b/c.fam", true},
		{"/a/*.fam", "/a/b.famous", false},
		{"/a/*.fam", "/a/x.fam.fam", true},
		{"/a?b", "/a b", true},
		{"/a?b", "/a/b", false},
		{"/a/?", "/a/", false},
		{"/{a,b}/c", "/b/c", true},
		{"/{a,b}/c", "/d/c", false},
		{"/{,var/}run/x", "/run/x", true},
		{"/{,var/}run/x", "/var/run/x", true},
		{"/{a,{b,c}d}e", "/cde", true},
		{"/{a,b", "/a", false},
		{"/[ab]", "/b", true},
		{"/[a-c]x", "/cx", true},
		{"/[a-c]x", "/dx", false},
		{"/[^a-c]x", "/dx", true},
		{"/[^a-c]x", "/bx", false},
		{"/x[^a]y", "/x/y", false},
		{"/[ab", "/a", false},
		{"/\\*", "/*", true},
		{"/\\*", "/a", false},
		{"/@{HOME}/x", "/root/x", false},
		{"/a@b", "/a@b", true},
		{"*", "/a", false},
		{"", "", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (apparmor_match(cases[i].pattern, cases[i].path) !=
		    cases[i].match)
			fail_msg("'%s' and '%s'", cases[i].pattern,
				 cases[i].path);
	}
}

/* Measured in a Debian 12 whose AppArmor enforces: QEMU started by these. */
static void rules_that_let_it_open(void **state)
{
	static const char *const texts[] = {
		"\"/srv/a b/x\\[1\\]\\{2\\},y.fam\" rw,\n",
		"\"/srv/a b/*\" rw,\n",
		"/srv/**.fam rw,\n",
		"allow file \"/srv/a b/**\" rwk,\n",
		"rw \"/srv/a b/**\",\n",
		"/{srv,mnt}/** r,\n/srv/** w,\n",
		"audit /srv/** rw,\n",
		"/srv/a?b/** rw,\n",
		"/srv/** r, /srv/** w,",
		"# a note,\n#include <x>\n  /srv/**\trw, # why\n",
		"deny /mnt/** w,\n/srv/** rw,\ncapability kill,\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (!apparmor_allows(texts[i], FILE_ODD))
			fail_msg("%s", texts[i]);
	}
}

static void rules_that_do_not(void **state)
{
	static char longest[20000];
	static const char *const texts[] = {
		"",
		"#\"/srv/**\" rw,\n",
		"/srv/** r,\n",
		"/srv/** r,\n/mnt/** w,\n",
		"/srv/** a,\n/srv/** r,\n",
		"/srv/* rw,\n",
		"owner /srv/** rw,\n",
		"@{T}/** rw,\n",
		"/srv/** rw,\ndeny /srv/** w,\n",
		"deny /srv/**.fam rw,\n/srv/** rw,\n",
		"/srv/** rw,\naudit deny owner /srv/** w,\n",
		"/srv/** rw,\ndeny @{T}/** w,\n",
		"/srv/** rw -> other,\n",
		"/srv/** rwz,\n",
		"/srv/** rw\n",
		"include \"/srv/**\" rw,\n",
		"\"/srv/** rw,\n",
		"/srv/** \v\f",
		longest,
	};

	(void)state;
	memset(longest, 'x', sizeof(longest) - 1);
	strcpy(longest, "/srv/** rw");
	longest[strlen(longest)] = 'x';
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (apparmor_allows(texts[i], FILE_ODD))
			fail_msg("%.60s", texts[i]);
	}
}

/* Reading alone asks for less, and gets no more. */
static void reading_needs_less(void **state)
{
	static const char *const enough[] = {
		"/srv/** r,\n",
		"/srv/** rw,\n",
		"/srv/** rk,\n",
		"/srv/** rw,\ndeny /srv/** w,\n",
	};
	static const char *const too_little[] = {
		"",
		"/srv/** w,\n",
		"owner /srv/** r,\n",
		"/srv/* r,\n",
		"/srv/** rw,\ndeny /srv/** r,\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(enough) / sizeof(enough[0]); i++)
		assert_true(apparmor_allows_reading(enough[i], FILE_ODD));
	for (size_t i = 0; i < sizeof(too_little) / sizeof(too_little[0]); i++)
		assert_false(apparmor_allows_reading(too_little[i], FILE_ODD));
}

static void proposes_no_more_than_reading(void **state)
{
	char rule[256];
	int n = apparmor_rule_reading(FILE_ODD, rule, sizeof(rule));

	(void)state;
	assert_int_equal(n, strlen(rule));
	assert_true(apparmor_allows_reading(rule, FILE_ODD));
	assert_false(apparmor_allows(rule, FILE_ODD));
	assert_int_equal(apparmor_rule_reading("/d/*.fam", rule, sizeof(rule)),
			 strlen("\"/d/\\*.fam\" r,"));
	assert_string_equal(rule, "\"/d/\\*.fam\" r,");
	assert_int_equal(apparmor_rule_reading("a", rule, 99), -EINVAL);
	assert_int_equal(apparmor_rule_reading("/abcdefgh", rule, 10),
			 -ENAMETOOLONG);
}

/* What would take ages is given up: no rule for us, but a denial. */
static void gives_up_on_monsters(void **state)
{
	static const char monster[] =
		"/**a**a**a**a**a**a**a**a**a**a**a**a**a**a**b";
	char path[200], text[256];

	(void)state;
	memset(path, 'a', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	assert_false(apparmor_match(monster, path));
	snprintf(text, sizeof(text), "/** rw,\n%s rw,\n", monster);
	assert_true(apparmor_allows(text, path));
	snprintf(text, sizeof(text), "/** rw,\ndeny %s rw,\n", monster);
	assert_false(apparmor_allows(text, path));
}

/* The rule that is proposed is one that is understood. */
static void proposed_rules_fit(void **state)
{
	static const char *const paths[] = {
		"/var/lib/fam/fabric0.fam",
		FILE_ODD,
		"/a\\b/\"c\"",
		"/@{x}",
		"/d/*",
		"/e?f",
		"/g^h",
	};
	char rule[256];

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		int n = apparmor_rule(paths[i], false, rule, sizeof(rule));

		assert_int_equal(n, strlen(rule));
		if (!apparmor_allows(rule, paths[i]))
			fail_msg("%s: %s", paths[i], rule);
		assert_false(apparmor_allows(rule, "/d/x"));
		assert_false(apparmor_allows(rule, "/exf"));
	}
	assert_true(apparmor_rule("/d/*.fam", true, rule, sizeof(rule)) > 0);
	assert_string_equal(rule, "\"/d/*.fam\" rw,");
	assert_int_equal(apparmor_rule("/a\nb", false, rule, 99), -EINVAL);
	assert_int_equal(apparmor_rule("a", false, rule, 99), -EINVAL);
	assert_int_equal(apparmor_rule("/abcdefgh", false, rule, 10),
			 -ENAMETOOLONG);
}

static void includes_are_found(void **state)
{
	static const char file[] = "local/abstractions/libvirt-qemu";

	(void)state;
	assert_true(apparmor_includes(
		"x r,\n  #include <local/abstractions/libvirt-qemu>\n", file));
	assert_true(apparmor_includes(
		"include if exists <local/abstractions/libvirt-qemu>", file));
	assert_false(apparmor_includes(
		"# see local/abstractions/libvirt-qemu\n", file));
	assert_false(apparmor_includes(
		"# one may include <local/abstractions/libvirt-qemu>\n", file));
	assert_false(apparmor_includes("", file));
}

static void loaded_profiles_are_found(void **state)
{
	static const char list[] = "virt-aa-helper (enforce)\n"
				   "libvirtd//qemu_bridge_helper (enforce)\n"
				   "/usr/sbin/virtqemud (complain)\n";

	(void)state;
	assert_true(apparmor_loaded(list, "virt-aa-helper"));
	assert_true(apparmor_loaded(list, "/usr/sbin/virtqemud"));
	assert_false(apparmor_loaded(list, "libvirtd"));
	assert_false(apparmor_loaded(list, "virt"));
	assert_false(apparmor_loaded("", "libvirtd"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns_match_as_apparmor_says),
		cmocka_unit_test(rules_that_let_it_open),
		cmocka_unit_test(rules_that_do_not),
		cmocka_unit_test(reading_needs_less),
		cmocka_unit_test(proposes_no_more_than_reading),
		cmocka_unit_test(gives_up_on_monsters),
		cmocka_unit_test(proposed_rules_fit),
		cmocka_unit_test(includes_are_found),
		cmocka_unit_test(loaded_profiles_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
