"""The durable story: deterministic code only; every input and output passes through activities."""
