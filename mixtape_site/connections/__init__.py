"""How the web server keeps slow clients from holding its threads."""
