"""How fast a SQLite database comes to PostgreSQL: fleetdata with and without its proof, pgloader, and ``\\copy`` of a ready file as the server's limit."""
