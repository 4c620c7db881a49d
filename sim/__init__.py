"""Test benches: drivers, monitors, checkers and simulator runners. No tests."""
