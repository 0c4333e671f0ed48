"""The command line `walead`: each command parses, calls a public method and prints. It needs the extra `[cli]`."""
