// Preparation: see README.md.
