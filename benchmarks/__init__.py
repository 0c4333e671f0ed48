"""This package and its peers, side by side on the same server: `nox -s bench`, or `python -m benchmarks`."""
