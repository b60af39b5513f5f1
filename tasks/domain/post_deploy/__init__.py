"""Whether a release that is rolled out works, decided from what was asked of it."""
