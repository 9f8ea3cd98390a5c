// Networks: see README.md.
