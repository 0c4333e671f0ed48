"""Work on whole files: sources in, exports out."""
