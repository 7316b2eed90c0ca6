/gpu_store_bits<int32_t>(&g->failed/,/^    }$/s/gpu_sync();//
