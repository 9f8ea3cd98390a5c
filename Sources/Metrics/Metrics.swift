// Metrics: see README.md.
