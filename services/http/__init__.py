"""The HTTP edge that every service has: who speaks, and how HTTP says no. Knows contracts, and nothing else of ours."""
