"""The small kubelet: runs the pods of the fake nodes, as far as anybody can see from outside."""
