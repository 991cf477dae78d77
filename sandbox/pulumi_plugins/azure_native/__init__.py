"""A stand-in for the vendor's `pulumi-resource-azure-native` plugin: a client of Azure Resource Manager."""
