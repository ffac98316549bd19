"""`staffetta conform`: an agency tries with people that do not exist whether the network keeps its word."""
