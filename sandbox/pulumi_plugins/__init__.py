"""What the real Pulumi engine needs beside itself where the vendor's plugins cannot be had."""
