"""Many items in few requests, and one named end for each."""
