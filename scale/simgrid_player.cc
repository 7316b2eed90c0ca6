/* scale/simgrid_player.cc - a program of its own: plays the traces of scale/simgrid.h in SimGrid without a thread for every rank.
 *
 *     ringbench-simgrid platform.xml hosts traces [--cfg=...]
 *
 * What smpirun -replay does with the same three files, for the actions that ringbench writes: init, isend, irecv, recv, wait, compute,
 * finalize. Hosts, links, routes, sharing and the clock are SimGrid's own; a rank is a place in its trace that moves on when SimGrid says
 * that what it waits for is done. smpirun gives every rank a stack and leaves it four times a message, which costs more than the
 * simulation; and it adds 16 bytes of envelope to each message, this does not.
 *
 * A message begins when both ends have named it, and ends at both at once; tags number the messages of a pair.
 * Output    "<seconds>:Simulation time", as smpirun with ringbench's log format.
 * Exit code 0; 1 with one line that says what is wrong with the traces. */
#include <simgrid/s4u.hpp>

#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <string>
#include <string_view>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <unordered_map>
#include <vector>

namespace s4u = simgrid::s4u;

namespace {

struct rank;

/* A message, or a computation of one rank. */
struct doing {
    uint64_t bytes = 0;
    bool sent = false, received = false, done = false;
    int seen = 0;                            /* ends that waited for it */
    rank *waiting[2] = { nullptr, nullptr }; /* sender, receiver */
    s4u::ActivityPtr activity;
};

struct rank {
    int number;
    std::string file;
    const char *at, *end;
    s4u::Host *host;
    std::unordered_map<uint64_t, doing> inbox; /* by sender and tag */
};

std::vector<rank> ranks;
std::vector<s4u::ActivityPtr> ended; /* at this instant: SimGrid still looks at them */

[[noreturn]] __attribute__((format(printf, 1, 2))) void fail(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vfprintf(stderr, format, list);
    va_end(list);
    fputc('\n', stderr);
    _exit(1);
}

/* --- words of a line --- */

std::string_view word(rank &r)
{
    while (r.at < r.end && *r.at == ' ')
        r.at++;
    const char *from = r.at;
    while (r.at < r.end && *r.at != ' ' && *r.at != '\n')
        r.at++;
    if (r.at == from)
        fail("%s: a line ends too soon", r.file.c_str());
    return { from, static_cast<size_t>(r.at - from) };
}

uint64_t number(rank &r)
{
    uint64_t n = 0;
    for (const char c : word(r)) {
        if (c < '0' || c > '9')
            fail("%s: not a number where one must be", r.file.c_str());
        n = 10 * n + static_cast<uint64_t>(c - '0');
    }
    return n;
}

rank &other(rank &r)
{
    const uint64_t n = number(r);
    if (n >= ranks.size())
        fail("%s: there is no rank %llu", r.file.c_str(), static_cast<unsigned long long>(n));
    return ranks[n];
}

void end_line(rank &r)
{
    while (r.at < r.end && *r.at != '\n')
        r.at++;
    r.at += r.at < r.end;
}

/* --- messages --- */

uint64_t key(const rank &from, uint64_t tag)
{
    return static_cast<uint64_t>(from.number) << 40 | tag;
}

void begin_if_both(doing &d, const rank &from, const rank &to)
{
    if (!d.sent || !d.received)
        return;
    const s4u::CommPtr comm = s4u::Comm::sendto_init(from.host, to.host);
    comm->set_payload_size(d.bytes);
    comm->set_data(&d);
    d.activity = comm;
    comm->start();
}

void send(rank &r)
{
    rank &to = other(r);
    doing &d = to.inbox[key(r, number(r))];
    d.bytes = number(r);
    d.sent = true;
    begin_if_both(d, r, to);
}

uint64_t receive(rank &r)
{
    rank &from = other(r);
    const uint64_t k = key(from, number(r));
    doing &d = r.inbox[k];
    if (!d.received) {
        d.received = true;
        begin_if_both(d, from, r);
    }
    return k;
}

/* False: it is not done yet, the rank goes on when it is. */
bool wait_for(rank &r, rank &to, uint64_t k, bool as_receiver)
{
    const auto at = to.inbox.find(k);
    if (at == to.inbox.end())
        fail("%s: waits for a message that was not begun", r.file.c_str());
    doing &d = at->second;
    if (!d.done) {
        d.waiting[as_receiver] = &r;
        return false;
    }
    if (++d.seen == 2)
        to.inbox.erase(at);
    return true;
}

bool wait(rank &r)
{
    rank &from = other(r), &to = other(r);
    return wait_for(r, to, key(from, number(r)), to.number == r.number && (from.number != r.number));
}

bool receive_now(rank &r)
{
    return wait_for(r, r, receive(r), true);
}

void compute(rank &r)
{
    doing *d = new doing;
    d->waiting[0] = &r;
    const s4u::ExecPtr exec = s4u::Exec::init();
    exec->set_host(r.host)->set_flops_amount(strtod(word(r).data(), nullptr));
    exec->set_data(d);
    d->activity = exec;
    exec->start();
}

/* --- ranks --- */

/* False: the rank waits, in front of this line or, for a computation, behind it. */
bool play_line(rank &r)
{
    const char *line = r.at;
    bool go = true;
    word(r); /* the rank's own number */
    const std::string_view action = word(r);
    if (action == "isend")
        send(r);
    else if (action == "irecv")
        receive(r);
    else if (action == "recv")
        go = receive_now(r);
    else if (action == "wait")
        go = wait(r);
    else if (action == "compute")
        compute(r);
    else if (action != "init" && action != "finalize")
        fail("%s: unknown action %.*s", r.file.c_str(), static_cast<int>(action.size()), action.data());
    if (go)
        end_line(r);
    else
        r.at = line;
    return go && action != "compute";
}

void play(rank *r)
{
    while (r != nullptr && r->at < r->end && play_line(*r))
        ;
}

void on_end(const s4u::Activity &activity)
{
    static double date = -1;
    doing *d = activity.get_data<doing>();
    if (s4u::Engine::get_clock() > date)
        ended.clear();
    date = s4u::Engine::get_clock();
    ended.push_back(std::move(d->activity));
    d->done = true;
    rank *const waiting[2] = { d->waiting[0], d->waiting[1] };
    if (!d->sent)
        delete d;
    play(waiting[0]);
    play(waiting[1]);
}

/* --- files --- */

void open_trace(const std::string &file, s4u::Host *host)
{
    const int fd = open(file.c_str(), O_RDONLY);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) != 0 || status.st_size == 0)
        fail("%s: cannot be read", file.c_str());
    const size_t bytes = static_cast<size_t>(status.st_size);
    void *text = mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (text == MAP_FAILED)
        fail("%s: cannot be mapped", file.c_str());
    const char *at = static_cast<const char *>(text);
    ranks.push_back({ static_cast<int>(ranks.size()), file, at, at + bytes, host, {} });
}

void open_traces(const s4u::Engine &engine, const char *hosts, const char *traces)
{
    std::ifstream host_lines(hosts), trace_lines(traces);
    std::string host, trace;
    while (std::getline(host_lines, host) && std::getline(trace_lines, trace)) {
        s4u::Host *h = engine.host_by_name_or_null(host);
        if (h == nullptr)
            fail("%s: the platform has no host %s", hosts, host.c_str());
        open_trace(trace, h);
    }
    if (ranks.empty())
        fail("%s and %s: no ranks", hosts, traces);
}

} /* namespace */

int main(int argc, char **argv)
{
    s4u::Engine engine(&argc, argv);
    if (argc != 4)
        fail("usage: ringbench-simgrid platform.xml hosts traces [--cfg=...]");
    engine.load_platform(argv[1]);
    open_traces(engine, argv[2], argv[3]);
    s4u::Activity::on_completion_cb(on_end);
    for (rank &r : ranks)
        play(&r);
    engine.run();
    for (const rank &r : ranks)
        if (r.at < r.end)
            fail("%s: waits for ever, %zu bytes before its end", r.file.c_str(), static_cast<size_t>(r.end - r.at));
    printf("%.12f:Simulation time\n", s4u::Engine::get_clock());
    fflush(stdout);
    _exit(0); /* taking the platform apart takes as long as a small simulation */
}
