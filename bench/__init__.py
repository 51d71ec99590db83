"""`make bench`: payments per second through the gateway, against PostgreSQL's own benchmark on the same server."""
