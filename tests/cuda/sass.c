/* tests/cuda/sass.c - what is in the machine code of CUDA kernels: sass FILE.cubin prints one line of counts a kernel.
 *
 * Reads the instructions of sm_70 and newer (16 bytes each) from the sections .text.KERNEL of the ELF file that nvcc -cubin writes.
 * Only the few fields that are counted are known here. They were read off nvdisasm's output for tests/cuda/known.cu, which
 * tests/cuda_gates.sh compiles and compares with what is expected of each of its kernels, so that a wrong field is noticed. */
#include "core/error.h"
#include "core/text.h"

#include <elf.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INSTRUCTION = 16, CUBIN_MAX = 256 << 20, EM_CUDA_ = 190 };

/* Bits 0..8 are the operation, 9..11 the form of its operands, 12..15 the predicate. */
enum operation {
    OP_BRA = 0x147,
    OP_LD = 0x180, OP_LDG = 0x181, OP_LDL = 0x183, OP_LDS = 0x184,
    OP_ST = 0x185, OP_STG = 0x186, OP_STL = 0x187, OP_STS = 0x188,
    OP_MEMBAR = 0x192,
};

enum count { LD128, ST128, LOOP_LD128, LOOP_ST128, STRONG, READ_ONLY, SHARED, LOCAL_LD, LOCAL_ST, FENCE, FENCE_SC, INSTRUCTIONS, COUNTS };

static const char *const names[COUNTS] = {
    [LD128] = "ld128",           /* 16-byte loads from global or generic addresses */
    [ST128] = "st128",
    [LOOP_LD128] = "loop_ld128", /* of the innermost loop that has the most */
    [LOOP_ST128] = "loop_st128",
    [STRONG] = "strong",         /* global loads and stores of GPU or system scope: relaxed, volatile, acquire, release */
    [READ_ONLY] = "read_only",   /* global loads that need not see what others write meanwhile */
    [SHARED] = "shared",
    [LOCAL_LD] = "local_ld",     /* local memory: spills, and arrays that are indexed at run time */
    [LOCAL_ST] = "local_st",
    [FENCE] = "fence",           /* fences wider than a block, of any kind */
    [FENCE_SC] = "fence_sc",     /* those that are sequentially consistent: the slow ones */
    [INSTRUCTIONS] = "instructions",
};

struct instruction {
    uint64_t low, high;
};

struct kernel {
    const struct instruction *code;
    size_t length;
    uint64_t counts[COUNTS];
};

static unsigned field(uint64_t word, unsigned from, unsigned bits)
{
    return (unsigned)(word >> from) & ((1u << bits) - 1);
}

static enum operation operation(const struct instruction *i)
{
    return (enum operation)field(i->low, 0, 9);
}

static bool is_128(const struct instruction *i)
{
    return field(i->high, 73 - 64, 3) == 6;
}

static bool is_load(const struct instruction *i)
{
    return (operation(i) == OP_LDG || operation(i) == OP_LD) && is_128(i);
}

static bool is_store(const struct instruction *i)
{
    return (operation(i) == OP_STG || operation(i) == OP_ST) && is_128(i);
}

/* How others see a global load or store. */
enum visibility { WEAK = 0, STRONG_GPU = 7, CONSTANT = 4, STRONG_SYS = 10 };

static enum visibility visibility(const struct instruction *i)
{
    return (enum visibility)field(i->high, 77 - 64, 4);
}

/* Where a branch goes: its offset counts words of four bytes from the next instruction. False when it is no branch. */
static bool target(const struct kernel *k, size_t at, size_t *to_p)
{
    const struct instruction *i = &k->code[at];
    if (operation(i) != OP_BRA)
        return false;
    const uint64_t bits = (i->high << 46 | i->low >> 34 << 16) & ~UINT64_C(0xffff);
    const int64_t words = (int64_t)(bits | (uint64_t)field(i->low, 16, 8) << 8) >> 8;
    const int64_t to = (int64_t)at + 1 + words * 4 / INSTRUCTION;
    if (to < 0 || to >= (int64_t)k->length)
        return false;
    *to_p = (size_t)to;
    return true;
}

/* A loop is what lies between a branch back and its target; one that goes to itself is the padding at the end. */
static bool is_loop(const struct kernel *k, size_t end, size_t *begin_p)
{
    return target(k, end, begin_p) && *begin_p < end;
}

static bool is_innermost(const struct kernel *k, size_t begin, size_t end)
{
    for (size_t at = begin, inner; at < end; at++)
        if (is_loop(k, at, &inner) && inner >= begin)
            return false;
    return true;
}

static void raise_to(uint64_t *most, uint64_t seen)
{
    if (*most < seen)
        *most = seen;
}

static void count_loop(struct kernel *k, size_t begin, size_t end)
{
    uint64_t loads = 0, stores = 0;
    for (size_t at = begin; at <= end; at++) {
        loads += is_load(&k->code[at]);
        stores += is_store(&k->code[at]);
    }
    raise_to(&k->counts[LOOP_LD128], loads);
    raise_to(&k->counts[LOOP_ST128], stores);
}

static void count_fence(struct kernel *k, const struct instruction *i)
{
    const bool wide = field(i->high, 76 - 64, 2) >= 2; /* 0 block, 2 GPU, 3 system */
    const bool acquire_release = field(i->high, 79 - 64, 1);
    k->counts[FENCE] += wide;
    k->counts[FENCE_SC] += wide && !acquire_release;
}

static void count_one(struct kernel *k, const struct instruction *i)
{
    uint64_t *c = k->counts;
    c[LD128] += is_load(i);
    c[ST128] += is_store(i);
    switch (operation(i)) {
    case OP_LDG: case OP_STG: case OP_LD: case OP_ST:
        c[STRONG] += visibility(i) == STRONG_GPU || visibility(i) == STRONG_SYS;
        c[READ_ONLY] += visibility(i) == CONSTANT;
        break;
    case OP_LDS: case OP_STS: c[SHARED]++; break;
    case OP_LDL: c[LOCAL_LD]++; break;
    case OP_STL: c[LOCAL_ST]++; break;
    case OP_MEMBAR: count_fence(k, i); break;
    case OP_BRA: default: break;
    }
}

static void count_kernel(struct kernel *k)
{
    k->counts[INSTRUCTIONS] = k->length;
    for (size_t at = 0, begin; at < k->length; at++) {
        count_one(k, &k->code[at]);
        if (is_loop(k, at, &begin) && is_innermost(k, begin, at))
            count_loop(k, begin, at);
    }
}

static void print_kernel(const char *name, const struct kernel *k)
{
    printf("%s", name);
    for (int i = 0; i < COUNTS; i++)
        printf("\t%" PRIu64, k->counts[i]);
    printf("\n");
}

/* The part [offset, offset + bytes) of the file, or NULL when it lies outside. */
static const void *part(const struct text *file, uint64_t offset, uint64_t bytes)
{
    return offset <= file->length && bytes <= file->length - offset ? file->chars + offset : NULL;
}

static int print_section(const struct text *file, const Elf64_Shdr *section, const char *name)
{
    struct kernel k = { .length = section->sh_size / INSTRUCTION };
    k.code = part(file, section->sh_offset, section->sh_size);
    if (k.code == NULL || section->sh_offset % 8 != 0)
        return rb_fail(RB_EUSAGE, "%s: the section lies outside the file", name);
    count_kernel(&k);
    print_kernel(name, &k);
    return RB_OK;
}

static int print_file(const struct text *file, const char *path)
{
    const Elf64_Ehdr *head = part(file, 0, sizeof *head);
    if (head == NULL || memcmp(head->e_ident, ELFMAG, SELFMAG) != 0 || head->e_machine != EM_CUDA_)
        return rb_fail(RB_EUSAGE, "%s: not a cubin (nvcc -cubin -arch=sm_90 writes one)", path);
    const Elf64_Shdr *sections = part(file, head->e_shoff, (uint64_t)head->e_shnum * sizeof *sections);
    if (sections == NULL || head->e_shstrndx >= head->e_shnum)
        return rb_fail(RB_EUSAGE, "%s: cut off", path);
    const Elf64_Shdr *words = &sections[head->e_shstrndx];
    const char *text = part(file, words->sh_offset, words->sh_size);
    if (text == NULL || words->sh_size == 0 || text[words->sh_size - 1] != '\0')
        return rb_fail(RB_EUSAGE, "%s: no names of sections", path);

    static const char prefix[] = ".text.";
    for (unsigned i = 0; i < head->e_shnum; i++) {
        const char *name = sections[i].sh_name < words->sh_size ? text + sections[i].sh_name : "";
        if (strncmp(name, prefix, sizeof prefix - 1) == 0)
            RB_TRY(print_section(file, &sections[i], name + sizeof prefix - 1));
    }
    return RB_OK;
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return rb_exit_code(rb_fail(RB_EUSAGE, "usage: sass FILE.cubin"));
    struct text file = { 0 };
    int result = text_read_file(&file, argv[1], CUBIN_MAX);
    if (result == RB_OK) {
        printf("kernel");
        for (int i = 0; i < COUNTS; i++)
            printf("\t%s", names[i]);
        printf("\n");
        result = print_file(&file, argv[1]);
    }
    text_free(&file);
    return rb_exit_code(result);
}
