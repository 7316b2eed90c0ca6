s/w->finish \&\& divisor != 0/divisor != 0/
