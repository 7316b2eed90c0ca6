#include "report/memory_model.h"

#include <math.h>

double params_decoder(double layers, double hidden)
{
    return 12 * layers * hidden * hidden;
}

double params_documents(double layers, double hidden, double vocab)
{
    return params_decoder(layers, hidden) + hidden * hidden + vocab * hidden;
}

double adam_bytes_per_param(void)
{
    const double master = 4, momentum = 4, variance = 4;
    return master + momentum + variance;
}

double state_bytes(double params)
{
    return zero_state_bytes(params, 1, 0);
}

double zero_state_bytes(double params, double gpus, int stage)
{
    const double weights = 2 / (stage >= 3 ? gpus : 1), gradients = 2 / (stage >= 2 ? gpus : 1);
    const double optimiser = adam_bytes_per_param() / (stage >= 1 ? gpus : 1);
    return params * (weights + gradients + optimiser);
}

double zero_volume_bytes(double params, double gpus, int stage, double bytes)
{
    return (stage >= 3 ? 3 : 2) * params * bytes * (gpus - 1) / gpus;
}

double activations_selective(double seq, double batch, double hidden, double layers, double tensor)
{
    return seq * batch * hidden * layers * (10 + 24 / tensor);
}

double activations_all(double layers, double batch, double seq, double hidden, double heads)
{
    return layers * (34 * batch * seq * hidden + 5 * batch * seq * seq * heads);
}

double cache_bytes(double layers, double hidden, double tokens, double batch, double bytes)
{
    return 2 * layers * hidden * tokens * batch * bytes;
}

double cache_flop_saved(double layers, double hidden, double tokens, double batch)
{
    return 2 * 2 * hidden * hidden * tokens * layers * batch;
}

double cache_loads_saved(double layers, double hidden, double tokens)
{
    return tokens * layers * 2 * hidden * hidden;
}

double cards_needed(double bytes, double card_bytes)
{
    return ceil(bytes / card_bytes);
}

/* The first stage plays the forward pass of micro-batch m at step m; the last stage turns it round, so that the first plays
 * its backward pass at step m + 2n - 1 and frees its activations then. */
double pipeline_kept_sets(int stages)
{
    int kept = 0, most = 0;
    for (int step = 0; step < 4 * stages; step++) {
        if (step >= 2 * stages - 1)
            kept--;
        kept++;
        most = kept > most ? kept : most;
    }
    return most;
}

double recompute_layers(double layers)
{
    return layers * (layers + 1) / 2;
}

double training_flop(double params, double tokens)
{
    return 6 * params * tokens;
}

double training_seconds(double params, double tokens, double gpus, double flops, double utilisation)
{
    return training_flop(params, tokens) / (gpus * flops * utilisation);
}

double ps_total_bytes(double workers, double bytes)
{
    return 2 * workers * bytes;
}

double ring_total_bytes(double workers, double bytes)
{
    return 2 * (workers - 1) * bytes;
}

double ps_server_bytes(double workers, double bytes)
{
    return 2 * workers * bytes;
}

double ring_busiest_bytes(double workers, double bytes)
{
    return 2 * (workers - 1) / workers * bytes;
}

double failure_interval(double card_minutes, double cards)
{
    return card_minutes / cards;
}
