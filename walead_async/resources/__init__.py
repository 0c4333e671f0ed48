"""One thin module for each group of endpoints: paths, parameters and models."""
