"""Machine learning: features, classifier, anomaly detection, action policy, registry."""
