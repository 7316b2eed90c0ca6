#include "report/plots_files.h"

#include "core/error.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WIDE = 880, HEIGHT = 480, NARROW = 400, NARROW_HEIGHT = 420, LOG_BYTES = 1 << 20 };

extern char **environ;

static const char LOG_NAME[] = "gnuplot.log";

/* --- scripts --- */

static const char *text_of(const struct text *t)
{
    return t->chars != NULL ? t->chars : "";
}

/* In two lines where the first of them ends with a colon: a phone has no room for one. */
static void add_narrow_title(struct text *s, const char *title)
{
    const char *colon = strstr(title, ": ");
    char *first = rb_strdup(title);
    if (colon != NULL)
        first[colon - title + 1] = '\0';
    text_add(s, "set title ");
    figure_quote(s, first);
    if (colon != NULL) {
        text_add(s, ".\"\\n\".");
        figure_quote(s, colon + 2);
    }
    text_add(s, " font ',13'\n");
    free(first);
}

static void add_script(struct text *s, const struct figure *f)
{
    const int height = f->height > 0 ? f->height : HEIGHT;
    text_add(s, "# Redraw with: gnuplot %s.gp\nreset\nset encoding utf8\nset termoption noenhanced\n%s", f->name, text_of(&f->data));
    text_add(s, "set title ");
    figure_quote(s, f->title);
    text_add(s,
             " font ',17'\nset grid xtics ytics lt 1 lc rgb '#dcdcdc' lw 0.8\nset border lc rgb '#505050' lw 0.8\n"
             "set tics nomirror scale 0.5\nset key outside bottom center horizontal Left reverse samplen 2.2 height 0.5\n%s",
             text_of(&f->settings));
    text_add(s, "set terminal svg size %d,%d noenhanced font 'sans-serif,14'\nset output '%s.svg'\nplot %s\nunset output\n", WIDE, height,
             f->name, text_of(&f->drawing));
    text_add(s,
             "if (strstrt(GPVAL_TERMINALS, ' pngcairo ')) { set terminal pngcairo size %d,%d noenhanced font 'sans-serif,17' linewidth 1.3 } "
             "else { set terminal png size %d,%d noenhanced font 'sans-serif,13' linewidth 1.3 }\n",
             WIDE * 5 / 4, height * 5 / 4, WIDE * 5 / 4, height * 5 / 4);
    text_add(s, "set title font ',20'\nset output '%s.png'\nreplot\nunset output\n", f->name);
    add_narrow_title(s, f->title);
    text_add(s, "set key samplen 1.5\n%sset terminal svg size %d,%d noenhanced font 'sans-serif,12'\n",
             text_of(&f->narrow), NARROW, f->height > 0 ? f->height : NARROW_HEIGHT);
    text_add(s, "set output '%s-narrow.svg'\nreplot\nunset output\n", f->name);
}

static int write_script(const struct figure *f, const char *folder)
{
    struct text s = {0};
    add_script(&s, f);
    char *path = rb_format("%s/%s.gp", folder, f->name);
    FILE *out = fopen(path, "wb");
    const bool good = out != NULL && fwrite(s.chars, 1, s.length, out) == s.length;
    int rc = RB_OK;
    if ((out != NULL && fclose(out) != 0) || !good)
        rc = rb_fail(RB_EUSAGE, "%s: %s", path, strerror(errno));
    free(path);
    text_free(&s);
    return rc;
}

/* --- gnuplot --- */

/* Our environment with a locale that knows the letters of the scripts. The caller frees the list, not what it points to. */
static char **utf8_environment(void)
{
    static char locale[] = "LC_ALL=C.UTF-8";
    size_t n = 0, kept = 0;
    while (environ[n] != NULL)
        n++;
    char **list = rb_calloc(n + 2, sizeof *list);
    for (size_t i = 0; i < n; i++)
        if (strncmp(environ[i], "LC_ALL=", strlen("LC_ALL=")) != 0)
            list[kept++] = environ[i];
    list[kept] = locale;
    return list;
}

static int start(pid_t *pid_p, char **argv, const char *folder)
{
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addchdir_np(&actions, folder);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, LOG_NAME, O_WRONLY | O_CREAT | O_APPEND, 0644);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    char **environment = utf8_environment();
    const int why = posix_spawnp(pid_p, "gnuplot", &actions, NULL, argv, environment);
    free(environment);
    posix_spawn_file_actions_destroy(&actions);
    return why;
}

/* One gnuplot for n figures that are not drawn yet. 0, the exit status, or -1 when it could not be started. */
static int run_gnuplot(const struct figure *const *list, size_t n, const char *folder)
{
    char **argv = rb_calloc(n + 2, sizeof *argv);
    argv[0] = rb_strdup("gnuplot");
    for (size_t i = 0; i < n; i++)
        argv[i + 1] = rb_format("%s.gp", list[i]->name);
    pid_t pid;
    int status = -1;
    if (start(&pid, argv, folder) == 0)
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
    for (size_t i = 0; i <= n; i++)
        free(argv[i]);
    free(argv);
    return status;
}

static bool is_drawn(const char *folder, const struct figure *f)
{
    static const char *const ends[] = { ".svg", "-narrow.svg", ".png" };
    bool all = true;
    for (size_t i = 0; i < RB_LEN(ends); i++) {
        char *path = rb_format("%s/%s%s", folder, f->name, ends[i]);
        struct stat st;
        all = all && stat(path, &st) == 0 && st.st_size > 0;
        free(path);
    }
    return all;
}

/* Pictures of an earlier run must not pass for this one's. */
static void remove_old(const char *folder, const struct figure *f)
{
    static const char *const ends[] = { ".svg", "-narrow.svg", ".png" };
    for (size_t i = 0; i < RB_LEN(ends); i++) {
        char *path = rb_format("%s/%s%s", folder, f->name, ends[i]);
        unlink(path);
        free(path);
    }
}

static char *complaint(const char *folder, int status)
{
    if (status == -1 || (WIFEXITED(status) && WEXITSTATUS(status) == 127))
        return rb_format("gnuplot is not installed (package gnuplot-nox); the scripts in %s draw the plots elsewhere", folder);
    char *path = rb_format("%s/%s", folder, LOG_NAME), *why;
    struct text log = {0};
    if (access(path, R_OK) == 0 && text_read_file(&log, path, LOG_BYTES) == RB_OK && log.length > 0)
        why = rb_format("gnuplot failed: %.*s (all of it in %s)", (int)strcspn(log.chars + strspn(log.chars, "\n"), "\n"),
                        log.chars + strspn(log.chars, "\n"), path);
    else
        why = rb_format("gnuplot failed with status %d", WIFEXITED(status) ? WEXITSTATUS(status) : status);
    text_free(&log);
    free(path);
    return why;
}

/* Marks what is there; the figures that are not go to list. Returns their number. */
static size_t look(struct figures *figures, const char *folder, const struct figure **list)
{
    size_t n = 0;
    for (size_t i = 0; i < figures->count; i++) {
        figures->list[i].drawn = is_drawn(folder, &figures->list[i]);
        if (!figures->list[i].drawn)
            list[n++] = &figures->list[i];
    }
    return n;
}

/* gnuplot ends at the first script that it cannot draw: the ones behind it then get a gnuplot each. */
static void draw(struct figures *figures, const char *folder)
{
    const struct figure **list = rb_calloc(figures->count, sizeof *list);
    char *log = rb_format("%s/%s", folder, LOG_NAME);
    unlink(log);
    free(log);
    for (size_t i = 0; i < figures->count; i++)
        remove_old(folder, &figures->list[i]);
    size_t left = look(figures, folder, list);
    int status = left > 0 ? run_gnuplot(list, left, folder) : 0;
    left = look(figures, folder, list);
    for (size_t i = 0; i < left && status > 0; i++)
        run_gnuplot(&list[i], 1, folder);
    left = look(figures, folder, list);
    if (left > 0) {
        figures->missing = complaint(folder, status);
        rb_warn("%s", figures->missing);
    }
    free(list);
}

int plots_files(struct figures *figures, const char *output)
{
    char *folder = rb_format("%s/plots", output);
    int rc = RB_OK;
    if (mkdir(folder, 0777) != 0 && errno != EEXIST)
        rc = rb_fail(RB_EUSAGE, "%s: %s", folder, strerror(errno));
    for (size_t i = 0; i < figures->count && rc == RB_OK; i++)
        rc = write_script(&figures->list[i], folder);
    if (rc == RB_OK)
        draw(figures, folder);
    free(folder);
    return rc;
}
