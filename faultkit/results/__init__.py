"""What stored campaigns say: counts, tables, frames and comparisons."""
