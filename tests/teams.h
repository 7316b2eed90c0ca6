/* tests/teams.h - play a function as every thread of a process, each a rank of its own; for ranks.h, whose ranks are then the processes. */
#ifndef RB_TESTS_TEAMS_H
#define RB_TESTS_TEAMS_H

#include "core/job_team.h"
#include "tests/ranks.h"

enum { TEAM_MOST = 8 };

struct team_play {
    rank_function *function;
    void *context;
    int threads; /* of a process; 0: one more than it has processes before it */
};

struct team_player {
    const struct team_play *play;
    struct job_team *team;
    int thread, result;
};

static inline void *team_play_thread(void *argument)
{
    struct team_player *p = argument;
    struct job *job;
    if (job_open_thread(&job, p->team, p->thread) != 0) {
        p->result = 100;
        return NULL;
    }
    p->result = p->play->function(job, p->play->context);
    job_close(job);
    return NULL;
}

/* A rank_function; context is a struct team_play. The first result that is not 0, else 0. */
static inline int team_play_process(struct job *processes, void *context)
{
    const struct team_play *play = context;
    const int n = play->threads > 0 ? play->threads : processes->rank + 1;
    struct team_player players[TEAM_MOST];
    pthread_t threads[TEAM_MOST];
    struct job_team *team;
    if (job_team_open(&team, processes, n) != 0)
        return 101;
    for (int i = 0; i < n; i++) {
        players[i] = (struct team_player){ play, team, i, 0 };
        pthread_create(&threads[i], NULL, team_play_thread, &players[i]);
    }
    int result = 0;
    for (int i = 0; i < n; i++) {
        pthread_join(threads[i], NULL);
        result = result != 0 ? result : players[i].result;
    }
    job_team_close(team);
    return result;
}

#endif
