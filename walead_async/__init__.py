"""Keep the block lists of WaLead and Phonely right, through their HTTP APIs."""
