"""How Staffetta is run: on one machine for trying and testing, and on many for real."""
