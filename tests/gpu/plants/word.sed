s/if (first + i < count)/if (first + i + 1 < count)/
