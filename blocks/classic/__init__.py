"""Classic pipelines of diffusers as blocks: what their classes say is read, and their own code runs."""
