"""The shapes of answers, and how they are described: structs, examples, OpenAPI."""
