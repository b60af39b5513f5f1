"""The steps of integrate: checks, gates, the image, its proof, and what GitHub is told."""
