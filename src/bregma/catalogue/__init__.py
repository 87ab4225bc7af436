"""What we have and what is known about it: scans, labels, splits and the pixel store."""
