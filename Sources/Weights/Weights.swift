// Weights: see README.md.
