"""How fast reports get into S3: fleetdata, aws-cli, s5cmd and rclone, with the same files and the same server."""
