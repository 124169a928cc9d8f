"""Where private keys are: files, security devices (PKCS#11), and the ring of the hub's own keys."""
