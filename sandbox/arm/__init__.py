"""Azure Resource Manager's door: one file a resource provider, and `app` that routes to them."""
