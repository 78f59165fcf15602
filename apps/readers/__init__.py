"""Readers: who sits there, what they have said and seen, and who has which study."""
