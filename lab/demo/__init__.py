"""`suture demo`: three things break in a real cluster, and Suture heals them while you watch."""
