// SPDX-License-Identifier: GPL-2.0
/*
 * A contract in words, one fact a line, for injectors into its messages
 * (contract.py reads it):
 *
 *	head NAME OFFSET BYTES
 *	type NAME BYTES
 *	field NAME SHAPE BYTES MIN MAX			of the last type
 *	upcall NAME, downcall NAME
 *	access TYPE FIELD MODE				of the last call
 */
#include "mdu.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PART(type, member) offsetof(struct type, member), sizeof(((struct type *)0)->member)

/* The head, and the first of the records behind it. */
static void describe_head(void)
{
	static const struct {
		const char *name;
		size_t offset, bytes;
	} parts[] = {
		{ "kind", PART(mdrv_message, kind) },
		{ "call", PART(mdrv_message, call) },
		{ "seq", PART(mdrv_message, seq) },
		{ "status", PART(mdrv_message, status) },
		{ "value", PART(mdrv_message, value) },
		{ "bytes", PART(mdrv_message, bytes) },
		{ "turn", PART(mdrv_message, turn) },
		{ "payload", MDRV_HEAD, 0 },
		{ "record.object", PART(mdrv_record, object) },
		{ "record.field", PART(mdrv_record, field) },
		{ "record.bytes", PART(mdrv_record, bytes) },
	};
	size_t n;

	for (n = 0; n < MDRV_COUNT(parts); n++)
		printf("head %s %zu %zu\n", parts[n].name,
		       parts[n].offset + (strchr(parts[n].name, '.') ? MDRV_HEAD : 0),
		       parts[n].bytes);
	for (n = 0; n < MDRV_ARGS; n++)
		printf("head args.%zu %zu %zu\n", n, offsetof(struct mdrv_message, args[n]),
		       sizeof(__u64));
}

static void describe_type(const struct mdrv_type *type)
{
	static const char *const shapes[] = { "scalar", "bytes", "pointer", "list",
					      "string", "data",	 "bits" };
	__u32 n;

	printf("type %s %u\n", type->name, type->bytes);
	for (n = 0; n < type->fields_count; n++) {
		const struct mdrv_field row = mdrv_field_of(type, n), *field = &row;

		printf("field %s %s %u %" PRIu64 " %" PRIu64 "\n", field->name,
		       shapes[field->shape], field->bytes, (uint64_t)field->min,
		       (uint64_t)field->max);
	}
}

static void describe_calls(const struct mdrv_contract *contract, const char *direction,
			   const struct mdrv_call *calls, __u32 count)
{
	__u32 n, k;

	for (n = 0; n < count; n++) {
		printf("%s %s\n", direction, calls[n].name);
		for (k = 0; k < calls[n].accesses_count; k++) {
			const struct mdrv_access access = mdrv_access_of(&calls[n], k);
			const struct mdrv_type *type = &contract->types[access.type];

			printf("access %s %s %u\n", type->name,
			       mdrv_field_of(type, access.field).name, access.mode);
		}
	}
}

void mdu_describe(const struct mdrv_contract *contract)
{
	__u32 n;

	describe_head();
	for (n = 0; n < contract->types_count; n++)
		describe_type(&contract->types[n]);
	describe_calls(contract, "upcall", contract->upcalls, contract->upcalls_count);
	describe_calls(contract, "downcall", contract->downcalls, contract->downcalls_count);
}
