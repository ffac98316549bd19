"""Everything that the services' OpenAPI documents allow and much that they do not, said to a network that runs."""
