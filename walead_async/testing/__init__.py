"""What a program is tested against: both services, on a real socket, with their faults."""
