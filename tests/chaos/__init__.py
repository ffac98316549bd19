"""The whole relay under load while its services, its store and its broker are killed."""
