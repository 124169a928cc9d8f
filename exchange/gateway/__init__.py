"""A small gateway in the manner of WSO2: passes for connected systems, and calls carried to the services behind it."""
