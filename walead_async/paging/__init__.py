"""Reading a list that changes, exactly once."""
