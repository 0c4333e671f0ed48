"""One request: how it is sent, retried, limited, observed, and turned into values."""
