"""What a referral is and what may become of it: routing, life, clocks, journeys and tasks. Pure functions only."""
