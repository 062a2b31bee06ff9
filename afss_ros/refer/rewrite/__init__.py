"""Other words for what is said already, from a language model; kept only where they provably mean the same thing."""
