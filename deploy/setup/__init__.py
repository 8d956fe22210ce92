"""Sets up a checkout from nothing: Python environment, real servers, system packages.

Nothing is installed yet when this runs: it uses the standard library only.
"""
