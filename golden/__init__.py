"""What is right: integer semantics in PyTorch, file for file beside ``hw``."""
