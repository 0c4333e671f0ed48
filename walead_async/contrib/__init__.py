"""What ties this package to others, each in a module of its own that needs an extra."""
