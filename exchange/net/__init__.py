"""The hub's side of the network: connections, bodies, admission, rates and TLS, bounded before anything costly is done."""
