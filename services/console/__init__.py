"""The console: what people of the agencies see of their referrals, and the desk from which they answer."""
