"""What a reading means: pure functions, without I/O or a clock; time is an argument."""
