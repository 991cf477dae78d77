"""The content of blobs, by threads with one connection each: reading, blocks, and one piped Put Blob."""
