// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "fabric.h"
#include "out.h"

struct json_t *fabric_json(const struct fabric *fabric)
{
	json_t *json = json_object();
	char uuid[FAM_UUID_TEXT];

	json_object_set_new(json, "name", out_json_text(fabric->name));
	json_object_set_new(json, "path", out_json_text(fabric->path));
	json_object_set_new(json, "size",
			    json_integer((json_int_t)fabric->size));
	json_object_set_new(json, "allocated",
			    json_integer((json_int_t)fabric->allocated));
	json_object_set_new(json, "formatted", json_boolean(fabric->formatted));
	if (!fabric->formatted)
		return json;
	json_object_set_new(
		json, "durability",
		json_string(fabric->sb.durability == FAM_DURABILITY_GUEST
				    ? "guest"
				    : "host"));
	json_object_set_new(
		json, "uuid",
		json_string(fam_uuid_format(fabric->sb.uuid, uuid)));
	return json;
}
