"""Whether Argo CD has made a change live, decided from what was seen of it."""
