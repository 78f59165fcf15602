"""The worklist: its rows, their order, and what a cohort's predictions say of them."""
