"""A fault with a symptom, an oracle that knows when it is healed, and a judge of the side effects."""
