// Cluster: see README.md.
