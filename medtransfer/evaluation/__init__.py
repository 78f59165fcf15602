"""What only measures: figures with intervals from predictions and truth. Nothing here chooses on data."""
