#include "collectives/async_proof.h"

#include <stdio.h>

enum { FEW = 8 };

/* Weyl and a multiply: neighbouring workers differ in all bits. */
static uint32_t share(uint32_t seed, uint32_t worker)
{
    uint32_t x = seed + 0x9E3779B9u * (worker + 1);
    x = (x ^ (x >> 16)) * 0x85EBCA6Bu;
    return (x ^ (x >> 13)) | 1u;
}

void async_proof_gradient(const struct async_proof *p, uint32_t iteration, uint64_t count, uint32_t *gradient)
{
    const uint32_t first = share(p->seed, (uint32_t)p->self) * (iteration + 1);
    for (uint64_t e = 0; e < count; e++)
        gradient[e] = first + (uint32_t)e;
}

static uint32_t triangle(uint32_t n)
{
    return (uint32_t)((uint64_t)n * (n + 1u) / 2);
}

static bool is_right(const struct async_proof *p, const struct async_block *b, uint64_t i, uint32_t promised, char why[ASYNC_WHY])
{
    const uint32_t *data = b->data;
    if (data[i] == promised)
        return true;
    snprintf(why, ASYNC_WHY, "rank %d: element %llu of the weights is %u, the pushes that are said to be in it make %u", p->self,
             (unsigned long long)(b->first + i), data[i], promised);
    return false;
}

bool async_proof_check(struct async_proof *p, const struct async_block *b, char why[ASYNC_WHY])
{
    uint32_t base = 0, all = 0;
    for (int w = 0; w < b->workers; w++) {
        base += share(p->seed, (uint32_t)w) * triangle(b->pushes[w]);
        all += b->pushes[w];
    }
    base += all * (uint32_t)b->first;
    const uint64_t stride = p->whole || b->count <= FEW ? 1 : b->count / FEW, from = p->turn++ % stride;
    bool right = true;
    for (uint64_t i = from; right && i < b->count; i += stride)
        right = is_right(p, b, i, base + all * (uint32_t)i, why);
    return right && is_right(p, b, b->count - 1, base + all * (uint32_t)(b->count - 1), why);
}
