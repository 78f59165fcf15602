"""How far two colours stand apart.

    (L₁ + 0.05) / (L₂ + 0.05), L the relative luminance, the lighter one above

Reference: WCAG 2.2, "contrast ratio" and "relative luminance".
"""

from __future__ import annotations


def contrast(one: str, other: str) -> float:
    """From 1 to 21; colours as `#rrggbb`."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    """0 of black, 1 of white."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
