"""The one door for what agencies say, by Kafka and HTTP, and the feeds that tell them what happened."""
