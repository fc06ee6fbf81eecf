// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Models as cmocka tests. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine.h"

static void print_figures(const struct model *model,
			  const struct model_result *result)
{
	print_message("# %s: %" PRIu64 " runs, %" PRIu64 " states, %" PRIu64
		      " steps, at most %u in a run",
		      model->name, result->runs, result->states, result->steps,
		      result->longest);
	if (result->looks)
		print_message(", %" PRIu64 " looks", result->looks);
	print_message("\n");
}

void model_check(const struct model *model)
{
	struct model_result result;

	model_explore(model, &result);
	print_figures(model, &result);
	if (!result.failed)
		return;
	fprintf(stderr, "%s: %s\n", model->name, result.why);
	trace_print();
	fail_msg("%s: %s", model->name, result.why);
}

void model_check_failing(const struct model *model, const char *why)
{
	struct model_result result;

	model_explore(model, &result);
	print_figures(model, &result);
	if (!result.failed)
		fail_msg("%s: no order failed", model->name);
	if (!strstr(result.why, why))
		fail_msg("%s: not '%s', but '%s'", model->name, why,
			 result.why);
}

/* --- what is broken on purpose --------------------------------------------------- */

static bool can_break(const struct model *const *models,
		      const struct model_site *site)
{
	bool tso = false;

	for (; *models; models++)
		tso |= (*models)->tso;
	/* What the models themselves do proves nothing. */
	if (strstr(site->file, "tests/model/"))
		return false;
	switch (site->op) {
	case MODEL_STORE:
	case MODEL_SWAP:
	case MODEL_ADD:
	case MODEL_SET:
	case MODEL_CLEAR:
	case MODEL_PARK:
	case MODEL_UNPARK:
		return true;
	case MODEL_FENCE:
		return tso;
	default:
		return false;
	}
}

/* The how many-th of its function and kind? */
static unsigned int number_of(const struct model_site *site)
{
	const struct model_site *other;
	unsigned int number = 1;

	for (other = sites; other; other = other->next)
		number += other->op == site->op && other->line < site->line &&
			  strcmp(other->function, site->function) == 0;
	return number;
}

static void print_name(const struct model_site *site, char name[128])
{
	snprintf(name, 128, "%s:%s.%u", site->function, op_text(site->op),
		 number_of(site));
}

static bool is_spared(const struct model_site *site, const char *const *spare)
{
	char name[128];
	size_t len;

	print_name(site, name);
	len = strlen(name);
	for (; spare && *spare; spare++)
		if (strncmp(*spare, name, len) == 0 && (*spare)[len] == ' ')
			return true;
	return false;
}

/* Does one of them fail? */
static bool is_found(const struct model *const *models, struct model_site *site)
{
	struct model_result result = {0};

	mutant = site;
	for (; *models && !result.failed; models++)
		model_explore(*models, &result);
	mutant = NULL;
	return result.failed;
}

/* All sites that whole models come to. */
static void find_sites(const struct model *const *models)
{
	struct model_result result;

	for (; sites; sites = sites->next)
		sites->known = false;
	for (; *models; models++) {
		model_explore(*models, &result);
		if (result.failed)
			fail_msg("%s fails by itself: %s", (*models)->name,
				 result.why);
	}
}

void model_check_mutants(const struct model *const *models,
			 const char *const *spare)
{
	unsigned int tried = 0, missed = 0, spared = 0;
	struct model_site *site;
	char name[128];

	find_sites(models);
	for (site = sites; site; site = site->next) {
		if (!can_break(models, site))
			continue;
		if (is_spared(site, spare)) {
			spared++;
			continue;
		}
		tried++;
		if (is_found(models, site))
			continue;
		missed++;
		print_name(site, name);
		print_message("# not missed: %s (line %u)\n", name, site->line);
	}
	print_message("# %u mutants, %u not found, %u spared\n", tried, missed,
		      spared);
	assert_true(tried > 0);
	assert_int_equal(missed, 0);
}
