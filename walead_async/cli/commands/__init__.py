"""What can be typed: each command with its options and its help. Nothing but click is imported before it runs."""
