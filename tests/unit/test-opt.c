// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "opt.h"

static bool force;
static const char *path;
static uint64_t memory, count;
static struct opt_list fabrics;

static const struct opt first[] = {
	{"force", 'f', OPT_FLAG, NULL, "", &force},
	{"path", 'p', OPT_STRING, "FILE", "", &path},
	{"fabric", 0, OPT_LIST, "NAME", "", &fabrics},
	{0}};
static const struct opt second[] = {
	{"memory", 'm', OPT_SIZE, "SIZE", "", &memory},
	{"count", 'n', OPT_NUMBER, "N", "", &count},
	{0}};
static const struct opt *const tables[] = {first, second, NULL};

static char *words[16];
static int word_count;
static struct err err;

/* Splits @line at blanks, parses it; the operands are left in words[]. */
static int parse(const char *line)
{
	static char buf[256];

	force = false;
	path = NULL;
	memory = count = 0;
	free(fabrics.item);
	fabrics = (struct opt_list){0};
	memset(&err, 0, sizeof(err));
	strcpy(buf, line);
	word_count = 0;
	for (char *w = strtok(buf, " "); w; w = strtok(NULL, " "))
		words[word_count++] = w;
	return opt_parse(tables, &word_count, words, &err);
}

static int teardown(void **state)
{
	(void)state;
	free(fabrics.item);
	fabrics = (struct opt_list){0};
	return 0;
}

static void operands_keep_their_order(void **state)
{
	(void)state;
	assert_int_equal(parse("a --force b -- --path -f"), 0);
	assert_true(force);
	assert_null(path);
	assert_int_equal(word_count, 4);
	assert_string_equal(words[0], "a");
	assert_string_equal(words[1], "b");
	assert_string_equal(words[2], "--path");
	assert_string_equal(words[3], "-f");
}

static void values_in_every_form(void **state)
{
	(void)state;
	assert_int_equal(parse("--path x --memory=1G -n 3"), 0);
	assert_string_equal(path, "x");
	assert_int_equal(memory, UINT64_C(1) << 30);
	assert_int_equal(count, 3);
	assert_int_equal(parse("-py -fm512M"), 0);
	assert_string_equal(path, "y");
	assert_true(force);
	assert_int_equal(memory, 512 << 20);
	assert_int_equal(parse("--path="), 0);
	assert_string_equal(path, "");
}

static void lists_collect_in_order(void **state)
{
	(void)state;
	assert_int_equal(parse("--fabric a --fabric=b"), 0);
	assert_int_equal(fabrics.count, 2);
	assert_string_equal(fabrics.item[0], "a");
	assert_string_equal(fabrics.item[1], "b");
}

static void a_lone_dash_is_an_operand(void **state)
{
	(void)state;
	assert_int_equal(parse("-"), 0);
	assert_int_equal(word_count, 1);
}

static void expect_error(const char *line, const char *text)
{
	assert_int_equal(parse(line), -EINVAL);
	assert_string_equal(err.text, text);
}

static void errors_name_the_word(void **state)
{
	(void)state;
	expect_error("--nope", "unknown option '--nope'");
	expect_error("--pat x", "unknown option '--pat'");
	expect_error("-fz", "unknown option '-z'");
	expect_error("--force=1", "option '--force' takes no value");
	expect_error("--path", "option '--path' needs a value: FILE");
	expect_error("--path a --path b", "option '--path' is given twice");
	expect_error("--memory 16X", "--memory: '16X' is not a size");
	expect_error("--memory 99999999999T",
		     "--memory: '99999999999T' is too large");
	expect_error("--memory 18446744073709551615",
		     "--memory: '18446744073709551615' is too large");
	expect_error("--count 18446744073709551615",
		     "--count: '18446744073709551615' is not a whole number");
	expect_error("--count -1", "--count: '-1' is not a whole number");
	expect_error("--count 1x", "--count: '1x' is not a whole number");
	expect_error("--count 99999999999999999999",
		     "--count: '99999999999999999999' is not a whole number");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(operands_keep_their_order, teardown),
		cmocka_unit_test_teardown(values_in_every_form, teardown),
		cmocka_unit_test_teardown(lists_collect_in_order, teardown),
		cmocka_unit_test_teardown(a_lone_dash_is_an_operand, teardown),
		cmocka_unit_test_teardown(errors_name_the_word, teardown),
	};

	return cmocka_run_group_tests_name("opt", tests, NULL, NULL);
}
