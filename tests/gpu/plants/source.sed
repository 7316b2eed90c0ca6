s/for (int s = 1; s < w->nsrc; s++) {/for (int s = 1; s + 1 < w->nsrc; s++) {/
