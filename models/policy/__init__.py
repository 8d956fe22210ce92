"""The learned action policy: which of the plans at hand to try first. It ranks what others propose and never proposes."""
