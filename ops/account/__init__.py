"""What became of every alert: the raw topic counted anew and compared with the account, and the totals that `status` tells."""
