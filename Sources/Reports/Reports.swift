// Reports: see README.md.
