"""The contracts: envelopes, topics, keys and API models, versioned."""
