"""Random lives of referrals: several agencies say anything in any order, and a small model of its own agrees."""
