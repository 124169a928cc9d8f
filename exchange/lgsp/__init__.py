"""The REST dialect of provincial platforms (LGSP), another skin over the operations of `exchange.ngsp`."""
