// Training: see README.md.
