"""Fault injection: failing endpoints, shifted clocks, delayed role assignments, open questions."""
