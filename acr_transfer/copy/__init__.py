"""Copying blobs between containers: blocks, concurrency, streamed and server-side copy."""
