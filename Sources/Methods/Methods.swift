// Methods: see README.md.
