"""The remote engine: models of OpenAI-compatible servers, named in `[[servers]]` of the settings."""
