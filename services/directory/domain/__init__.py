"""What the directory decides: which entries make sense, alone and together."""
