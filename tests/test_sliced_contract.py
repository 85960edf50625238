"""A contract that is tables alone: what its u-driver says of it, and what its digest covers."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from microdriver.contract import IN, OUT, Contract, contract
from microdriver.tampering import size_of
from tests.test_kernel_code import HOME

KERNEL, USER = HOME / "microdriver" / "kernel", HOME / "microdriver" / "user"
SLICED = HOME / "tests" / "guest" / "sliced_micro"
DIGESTS = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sl_contract.h"

/* The same contract, in the large form of tables. */
static struct mdrv_contract large(void)
{
	struct mdrv_contract copy = sl_contract;
	struct mdrv_type *types = calloc(copy.types_count, sizeof(*types));
	struct mdrv_call *upcalls = calloc(copy.upcalls_count, sizeof(*upcalls));

	for (unsigned int n = 0; n < copy.types_count; n++) {
		struct mdrv_field *fields = calloc(64, sizeof(*fields));

		for (unsigned int k = 0; k < copy.types[n].fields_count; k++)
			fields[k] = mdrv_field_of(&copy.types[n], k);
		types[n] = copy.types[n];
		types[n].small = NULL;
		types[n].fields = fields;
	}
	for (unsigned int n = 0; n < copy.upcalls_count; n++) {
		struct mdrv_access *accesses = calloc(64, sizeof(*accesses));

		for (unsigned int k = 0; k < copy.upcalls[n].accesses_count; k++)
			accesses[k] = mdrv_access_of(&copy.upcalls[n], k);
		upcalls[n] = copy.upcalls[n];
		upcalls[n].small = NULL;
		upcalls[n].accesses = accesses;
	}
	copy.types = types;
	copy.upcalls = upcalls;
	return copy;
}

#define CHANGED(place, value) \
	do { \
		struct mdrv_contract copy = large(); \
		struct mdrv_type *types = (void *)copy.types; \
		struct mdrv_call *upcalls = (void *)copy.upcalls; \
		struct mdrv_field *fields = (void *)types[SL].fields; \
		struct mdrv_argument signature[MDRV_ARGS + 1]; \
		memcpy(signature, upcalls[SL_UP_TEXTS].signature, sizeof(signature)); \
		upcalls[SL_UP_TEXTS].signature = signature; \
		(void)types; (void)fields; \
		place = value; \
		printf("%s %d\n", #place, mdrv_digest(&copy) != mdrv_digest(&sl_contract)); \
	} while (0)

int main(void)
{
	struct mdrv_contract same = large();

	printf("same %d\n", mdrv_digest(&same) == mdrv_digest(&sl_contract));
	CHANGED(fields[SL_F_PART].link, 0);
	CHANGED(fields[SL_F_SERIAL].link, 7);
	CHANGED(fields[SL_F_WIDE].max, 1);
	CHANGED(fields[SL_F_WIDE].shape, MDRV_SCALAR);
	CHANGED(types[SL_GLOBAL].global, 0);
	CHANGED(signature[0].kind, MDRV_REF);
	CHANGED(signature[1].length, 3);
	CHANGED(signature[1].bytes, 8);
	CHANGED(signature[MDRV_ARGS].flags, MDRV_SIGNED);
	CHANGED(upcalls[SL_UP_TEXTS].signature, NULL);
	return 0;
}
"""


def compiled(source: Path, *sources: Path) -> Path:
    """A program of the u-driver's side, for this machine."""
    program = source.with_suffix("")
    folders = [f"-I{folder}" for folder in (KERNEL, USER, SLICED)]
    subprocess.run(["gcc", "-Wall", "-Wextra", "-Werror", "-O2", *folders, "-o", program, source, *sources], check=True)
    return program


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    """The contract as the u-driver prints it."""
    source = tmp_path_factory.mktemp("sliced") / "sl_u.c"
    source.write_text((SLICED / "sl_u.c").read_text())
    return contract(compiled(source, *sorted(USER.glob("*.c"))))


def test_fields_have_their_names_and_shapes(told: Contract) -> None:
    shapes = {name: (field.shape, field.size_bytes) for name, field in told.fields.items()}
    assert shapes["sl.middle"] == ("scalar", 2) and shapes["sl.words"] == ("bytes", 4)
    assert shapes["sl.wide"] == ("bits", 4) and told.fields["sl.wide"].high == 0x1FF0
    assert shapes["sl.title"] == ("string", 8) and shapes["sl.serial"] == ("data", 8)
    assert shapes["sl_part.next"] == ("pointer", 8) and shapes["sl_global.level"] == ("scalar", 4)
    assert told.upcalls["lent"].sees == (("sl_part.weight", IN | OUT), ("sl_part.next", IN | OUT))


def test_what_differs_in_size_from_message_to_message_has_none(told: Contract) -> None:
    assert [size_of(told, name) for name in ("sl.title", "sl.serial", "sl.wide")] == [0, 0, 4]
    assert told.head["value"][1] == 8


def test_both_forms_of_tables_have_one_digest_that_covers_all(tmp_path: Path) -> None:
    source = tmp_path / "digests.c"
    source.write_text(DIGESTS)
    said = subprocess.run([compiled(source)], capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(said) == 11 and [line for line in said if not line.endswith(" 1")] == []
