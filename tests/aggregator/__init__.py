"""The aggregator against real Redis servers: the fence, the laws, poison, eviction, restore."""
