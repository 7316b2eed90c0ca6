s/((uint32_t)(a >> 32) != flag || (uint32_t)(b >> 32) != flag)/((uint32_t)(a >> 32) != flag)/
