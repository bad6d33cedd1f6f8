"""Studies of calibration and speed: scripts that print figures; slow tests assert on some."""
