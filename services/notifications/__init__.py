"""Who is told what: a notice for the queue that is asked or answered, and a mail that is never lost in silence."""
