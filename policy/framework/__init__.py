"""The framework of the policy pack: rules as data, views of resources and their links, waivers, policies."""
