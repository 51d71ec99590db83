"""The tools around the services, which the services themselves never import: local platform, demo, doctor, migrations."""
