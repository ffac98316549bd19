"""The whole relay on one machine: a real broker, a store, every service, and the checks that need them."""
