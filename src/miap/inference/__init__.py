"""Floor 2: bundles, windows and backends."""
