"""What the services and the agencies agree on: messages, values, topics and code lists. Pydantic only."""
