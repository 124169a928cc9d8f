"""One implementation of the store ports, over whichever database gives a session."""
