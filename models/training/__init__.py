"""Training: what makes the artefacts that models/ serves. Nothing here is imported while the engine runs."""
