"""What one `suture up --autopilot` does; a package, so that it stops when its last test has ended."""
