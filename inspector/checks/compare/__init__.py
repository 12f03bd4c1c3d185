"""How dumps, hosts and vCPUs differ."""
