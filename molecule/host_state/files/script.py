"""A file that its own program checks before it is put in place."""

print("fine")
