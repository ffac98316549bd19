"""Who is asked for what, what became of it, and why: the heart of the network."""
