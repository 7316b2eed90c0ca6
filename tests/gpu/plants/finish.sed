s/const int by = w->finish ? divisor : 0/const int by = w->finish ? divisor * 0 : 0/
