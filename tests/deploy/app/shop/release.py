"""What differs between the releases."""

NAME = "one"
HEALTH = "ok"
STATUS = 200
