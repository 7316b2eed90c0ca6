s/for (int d = 0; d < w->ndst; d++) {/for (int d = 0; d < w->ndst - (N > 1); d++) {/
