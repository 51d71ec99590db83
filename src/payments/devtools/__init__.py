"""Tools around the services, never imported by them: the local platform, demo, doctor, migrations."""
