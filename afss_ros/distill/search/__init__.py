"""Which student is worth its cost: many trained alike and compared, and what each term of a recipe brings."""
