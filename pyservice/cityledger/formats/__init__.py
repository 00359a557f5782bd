"""What agencies' systems send, read as rows of records: pure, one format a module, listed in ``registry``."""
