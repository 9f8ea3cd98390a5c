// Learning: see README.md.
