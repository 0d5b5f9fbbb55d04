"""Images that leave a pipeline: files, grids, previews of steps."""
