"""The plumbing every consuming service stands on: nothing lost, nothing twice. Knows contracts, knows no service."""
