"""Readers: what they have open and see, what they said and when, and who has which study."""
