"""Numbers of stored campaigns: counts, tables, frames and comparisons."""
