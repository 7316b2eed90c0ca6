s/i = packs \* in_pack + me; i < w->count/i = packs * in_pack + me; i + 1 < w->count/
