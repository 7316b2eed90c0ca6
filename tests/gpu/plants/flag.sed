s/return (uint32_t)(c->next + 1)/return (uint32_t)c->next/
