"""What the console decides: who may see what, what may be done, and how a referral looks after each event."""
