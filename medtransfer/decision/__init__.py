"""What is chosen on data, never on the data it is judged on: operating points, and recalibration."""
