"""HTTP as every endpoint of the sandbox speaks it: request bodies, schemas, and Azure's errors."""
