"""HTTP conventions of the service: request models, problem documents, lists, the way in."""
