"""What can go wrong in a cloud, on purpose: faults at its doors, another time, slow grants, open points."""
