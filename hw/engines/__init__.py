"""Who executes commands: loads, weights, computation, stores."""
