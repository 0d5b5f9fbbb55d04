"""What a user holds: the pipeline, its runs, components and settings."""
