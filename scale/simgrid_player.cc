/* scale/simgrid_player.cc - a program of its own: plays the traces of scale/simgrid.h in SimGrid without a thread for every rank.
 *
 *     ringbench-simgrid platform.xml hosts traces [--cfg=...]
 *
 * Takes the three files of smpirun -replay with the actions that ringbench writes: init, isend, recv, wait, compute, finalize. Hosts, links,
 * routes, sharing and the clock are SimGrid's own; a rank is a place in its trace that moves on when SimGrid says that what it waits for is
 * done. smpirun gives every rank a stack and leaves it several times a message, which costs more than the simulation.
 *
 * A message begins when it is sent. Two ranks are joined by a connection that keeps order, as a queue pair or a link between GPUs
 * does: its messages go over the route one after the other, and each arrives the route's latency after its last byte has left. smpirun
 * has all of them on the route together, and all flows share by round-trip time as TCP does; and it adds 16 bytes to each message.
 *
 * Output    "<seconds>:Simulation time", as smpirun with ringbench's log format.
 * Exit code 0; 1 with one line that says what is wrong with the traces. */
#include <simgrid/kernel/Timer.hpp>
#include <simgrid/s4u.hpp>

#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <fcntl.h>
#include <fstream>
#include <string>
#include <string_view>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <unordered_map>
#include <utility>
#include <vector>

namespace s4u = simgrid::s4u;
using timer = simgrid::kernel::timer::Timer;

namespace {

struct rank;

/* One direction between two ranks. Tags number its messages from 0. */
struct connection {
    s4u::Host *from = nullptr, *to = nullptr;
    double latency = 0;
    uint64_t sent = 0, left = 0, arrived = 0;
    std::deque<uint64_t> queue; /* bytes of those that have not left, the first is on its way */
    s4u::CommPtr comm;
    rank *sender = nullptr, *receiver = nullptr; /* who waits for the next to leave, to arrive */
};

struct rank {
    int number;
    std::string file;
    const char *at, *end;
    s4u::Host *host;
    std::unordered_map<int, connection> inbox; /* by sender */
};

std::vector<rank> ranks;
std::unordered_map<const s4u::Link *, double> latencies; /* taken from SimGrid, see take_latencies() */
std::vector<s4u::CommPtr> ended; /* at this instant: SimGrid still looks at them */

void play(rank *r);

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

connection &connection_of(const rank &from, rank &to)
{
    connection &c = to.inbox[from.number];
    c.from = from.host;
    c.to = to.host;
    return c;
}

double latency_of(const connection &c)
{
    std::vector<s4u::Link *> links;
    double sum = 0;
    c.from->route_to(c.to, links, nullptr);
    for (const s4u::Link *l : links)
        sum += latencies[l];
    return sum;
}

void begin(connection &c)
{
    if (c.left == 0)
        c.latency = latency_of(c);
    c.comm = s4u::Comm::sendto_init(c.from, c.to);
    c.comm->set_payload_size(c.queue.front());
    c.comm->set_data(&c);
    c.comm->start();
}

void arrive(connection &c)
{
    c.arrived++;
    play(std::exchange(c.receiver, nullptr));
}

void on_end(const s4u::Activity &activity)
{
    static double date = -1;
    connection &c = *activity.get_data<connection>();
    if (s4u::Engine::get_clock() > date)
        ended.clear();
    date = s4u::Engine::get_clock();
    ended.push_back(std::move(c.comm));
    c.comm = nullptr;
    c.left++;
    c.queue.pop_front();
    if (!c.queue.empty())
        begin(c);
    play(std::exchange(c.sender, nullptr));
    if (c.latency > 0)
        timer::set(date + c.latency, [&c] { arrive(c); });
    else
        arrive(c);
}

void send(rank &r)
{
    connection &c = connection_of(r, other(r));
    if (number(r) != c.sent++)
        fail("%s: the tags of the messages to a rank do not count from 0", r.file.c_str());
    c.queue.push_back(number(r));
    if (c.queue.size() == 1)
        begin(c);
}

/* False: it has not arrived, the rank goes on when it has. */
bool receive(rank &r)
{
    connection &c = connection_of(other(r), r);
    const bool there = number(r) < c.arrived;
    c.receiver = there ? nullptr : &r;
    return there;
}

/* For a message of its own to leave. */
bool wait(rank &r)
{
    rank &from = other(r), &to = other(r);
    connection &c = connection_of(from, to);
    const uint64_t tag = number(r);
    if (from.number != r.number || tag >= c.sent)
        fail("%s: waits for a message that it did not send", r.file.c_str());
    c.sender = tag < c.left ? nullptr : &r;
    return tag < c.left;
}

/* A rank computes one thing at a time on a host of its own, so that only the date counts. An activity of SimGrid's would lengthen the list
 * that it walks through at the end of every message (docs/simgrid.md). */
void compute(rank &r)
{
    const double flops = strtod(word(r).data(), nullptr);
    timer::set(s4u::Engine::get_clock() + flops / r.host->get_speed(), [&r] { play(&r); });
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
    else if (action == "recv")
        go = receive(r);
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

/* A latency that SimGrid knows of is the weight of a flow where several share a link; here it is the time from the end of a message to its
 * arrival. */
void take_latencies(const s4u::Engine &engine)
{
    for (s4u::Link *l : engine.get_all_links()) {
        latencies[l] = l->get_latency();
        l->set_latency(0);
    }
}

} /* namespace */

int main(int argc, char **argv)
{
    s4u::Engine engine(&argc, argv);
    if (argc != 4)
        fail("usage: ringbench-simgrid platform.xml hosts traces [--cfg=...]");
    engine.load_platform(argv[1]);
    take_latencies(engine);
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
