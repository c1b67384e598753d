"""A whole small AWS on one machine: moto's server, a metadata service, and one systemd container per EC2 instance."""
