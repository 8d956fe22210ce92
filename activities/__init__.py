"""The I/O of each stage: one module a stage, each a class whose constructor takes the ports it needs."""
