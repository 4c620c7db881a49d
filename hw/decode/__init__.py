"""Weight streams taken apart."""
