"""The dialect that existing document management systems speak to the national axis, as an edge of the hub."""
