s/all |= (uintptr_t)w->dsts\[i\]/all |= (uintptr_t)w->dsts[0]/
