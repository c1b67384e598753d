"""The application of this scenario."""
