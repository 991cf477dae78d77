"""The framework of the policy pack: rules as data, resources and their links, waivers, served policies."""
