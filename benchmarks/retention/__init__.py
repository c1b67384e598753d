"""How fast old rows leave a SQLite table, and how long a writer beside that waits: fleetdata, plain DELETE with VACUUM, export with the AWS CLI."""
