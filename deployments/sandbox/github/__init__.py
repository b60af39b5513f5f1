"""A GitHub stand-in: REST, webhooks and git over HTTP, over real bare repositories.

`state` holds what is there and lets scenarios act as a person would; `protocol` serves it. `bare_repository` and
`history` are all that talks to git, `views` and `payloads` are GitHub's JSON, `rest_*` are its endpoints.
"""
