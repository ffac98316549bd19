"""What was agreed stays agreed: samples, shapes, topics and the documents made from them."""
