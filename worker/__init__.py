"""The process: wiring of ports to adapters, Temporal plugin, and the service that runs it all."""
