"""Azure and Pulumi: clouds, credentials, Azure Resource Manager, blob containers and stack outputs."""
