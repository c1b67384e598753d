"""What differs between the releases of this scenario."""

NAME = "one"
HEALTH = "ok"
