"""Two models or more on the same studies: which differ, by how much, and what that may be called."""
