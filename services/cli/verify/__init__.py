"""`staffetta verify`: read the databases and topics of a network, and check what it promises."""
