"""Every cause of failure, once: how it is recognised, what it means, and the commands that lead out of it.

`doctor`, `status`, `ship`, the error hooks of `pulumi up` and docs/failures.md read these tables.
tests/ways_out causes each failure, executes exactly these commands, and sees the transfer end well.
"""
