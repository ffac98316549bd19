"""Which events are told to whom, in which words, and how a mail is tried again."""
