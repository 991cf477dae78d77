"""Azure Resource Manager of one cloud: `app` serves HTTP, `routing` finds the type, one module per type."""
