"""What the model says of a study, and what that means."""
