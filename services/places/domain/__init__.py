"""How places are counted, and what asks for them."""
