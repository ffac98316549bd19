"""The documents that are made from the code: what travels between whom, for those who do not read Python."""
