"""Large stores for measurements: the trials of a small one, copied."""

from __future__ import annotations

from faultkit.store.columns import COLUMNS
from faultkit.store.store import Store


def multiply(store: Store, times: int) -> None:
    """Copy all trials until there are `times` as many, with numbers that follow on."""
    columns = ", ".join(f"t.{column.name}" for column in COLUMNS if column.name != "n")
    names = ", ".join(column.name for column in COLUMNS if column.name != "n")
    copies = "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i + 1 < ?) SELECT i FROM c"
    sql = f"INSERT INTO trials (n, {names}) SELECT t.n + ? * c.i, {columns} FROM ({copies}) c, trials t"
    with store.transaction():
        list(store.select(sql, len(store.done()), times))
