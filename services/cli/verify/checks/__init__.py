"""The checks: each a function of what was loaded, that says of each thing it looked at what is wrong with it."""
