"""How long a re-run that changes nothing takes: our roles, pyinfra and plain tasks, on the same host and desired state."""
