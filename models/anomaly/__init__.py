"""Anomaly detection over rows of metrics: one interface (base.py), one algorithm a file, the best simple one by default."""
