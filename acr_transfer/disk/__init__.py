"""Packing blobs to a disk and unpacking them: format, media, parts and encryption."""
