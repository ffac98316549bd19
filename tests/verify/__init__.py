"""`staffetta verify`: a network that keeps its promises passes, and each planted fault is found."""
