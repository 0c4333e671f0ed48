"""Jobs on whole lists, and the durable files that they go on from."""
