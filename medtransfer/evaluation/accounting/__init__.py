"""Who was measured and who was not, where the cohort comes from, and what besides the finding a score may rest on."""
