"""What brings the components of a pipeline during a run: from files, to a device, to several."""
