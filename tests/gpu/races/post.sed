s/__atomic_store_n(address, value, __ATOMIC_RELEASE); }$/__atomic_store_n(address, value, __ATOMIC_RELAXED); }/
