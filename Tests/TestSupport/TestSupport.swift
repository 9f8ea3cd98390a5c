// TestSupport: see the files beside this one.
