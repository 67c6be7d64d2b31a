using System.Text.Json.Nodes;

namespace Steps.Tests.PublishDataSource;

/// <summary>A request as far as its order among others matters.</summary>
/// <param name="Method">The HTTP method.</param>
/// <param name="Namespace">The object's namespace.</param>
/// <param name="Kind">The resource: <c>datavolumes</c>.</param>
/// <param name="Name">The object; empty for all.</param>
internal sealed record Move(string Method, string Namespace, string Kind, string Name)
{
    public bool IsChange => Method != "GET";

    public static async Task<Move> OfAsync(HttpRequestMessage request)
    {
        var parts = request.RequestUri!.AbsolutePath.Split('/', StringSplitOptions.RemoveEmptyEntries);
        var at = Array.IndexOf(parts, "namespaces") + 1;
        var watched = Uri.UnescapeDataString(request.RequestUri.Query).Split('&').FirstOrDefault(part => part.StartsWith("fieldSelector=metadata.name=", StringComparison.Ordinal));
        var name = parts.Length > at + 2 ? parts[at + 2]
            : request.Method == HttpMethod.Post ? (string)JsonNode.Parse(await request.Content!.ReadAsStringAsync())!["metadata"]!["name"]!
            : watched?["fieldSelector=metadata.name=".Length..] ?? "";
        return new Move(request.Method.Method, parts[at], parts[at + 1], name);
    }

    /// <summary>Whether the two could come in the other order without any difference.</summary>
    public bool IsIndependentOf(Move other) => !(IsChange || other.IsChange) || (!Meets(other) && !other.Meets(this));

    private bool Meets(Move other) =>
        // A deleted DataVolume takes its claim along, a new one gets one.
        (Kind == other.Kind || (IsChange && Kind == "datavolumes" && Method != "PATCH" && other.Kind == "persistentvolumeclaims"))
        && Namespace == other.Namespace
        && (Name.Length == 0 || other.Name.Length == 0 || Name == other.Name);
}

/// <summary>What came of one order.</summary>
/// <param name="Choices">Who went on, step by step.</param>
/// <param name="Further">Orders that begin as this one and then differ.</param>
/// <param name="IsDoubled">Whether it differs from another order only in steps that do not concern each other.</param>
internal sealed record Order(string Choices, IReadOnlyList<string> Further, bool IsDoubled);

/// <summary>
/// Two programs in one process, of which only one may send a request at a time, in an order that is given. All orders are found by
/// trying; of those that differ only by neighbouring steps that do not concern each other, one is tried (the first by letters).
/// </summary>
internal sealed class Interleaving
{
    private readonly Lane[] _lanes = [new(), new()];

    /// <summary>Makes the handler that holds a lane's requests.</summary>
    public Func<HttpMessageHandler, HttpMessageHandler> Gate(int lane) => inner => new GateHandler(_lanes[lane], inner);

    /// <summary>Runs both in the order of a prefix and then as it comes.</summary>
    /// <param name="prefix">Letters A and B: who goes on.</param>
    /// <param name="fixedSteps">How many of them begin every order.</param>
    /// <param name="programs">What each does; with its gate as the client's handler.</param>
    /// <param name="after">Called when a request was answered, before the program sees it.</param>
    public async Task<Order> RunAsync(string prefix, int fixedSteps, IReadOnlyList<Func<Task>> programs, Func<Move, Task> after)
    {
        for (var lane = 0; lane < 2; lane++)
        {
            _lanes[lane].After = after;
            _lanes[lane].Work = Task.Run(programs[lane]);
        }

        var (choices, further, isDoubled) = ("", new List<string>(), false);
        var trace = new List<string>();
        (int Lane, Move Move, Move? Other)? last = null;
        while (true)
        {
            var moves = new Move?[2];
            for (var lane = 0; lane < 2; lane++)
            {
                moves[lane] = await _lanes[lane].NextAsync();
                if (_lanes[lane].Work is { IsFaulted: true } failed)
                {
                    _lanes[1 - lane].Stop();
                    await failed;
                }
            }

            if (moves[0] is null && moves[1] is null)
            {
                await Task.WhenAll(_lanes.Select(lane => lane.Work));
                return new Order(choices, further, isDoubled);
            }

            // After B's step, A's that waited then already and has nothing to do with it: was tried the other way round.
            var isSwapped = choices.Length > fixedSteps && last is { Lane: 1, Other: { } waiting } && waiting == moves[0] && waiting.IsIndependentOf(last.Value.Move);
            var next = choices.Length < prefix.Length ? prefix[choices.Length] - 'A' : moves[0] is null || (isSwapped && moves[1] is not null) ? 1 : 0;
            isDoubled |= next == 0 && isSwapped;
            if (choices.Length >= prefix.Length && next == 0 && moves[1] is not null && !isDoubled)
            {
                further.Add(choices + "B");
            }

            trace.Add($"{(char)('A' + next)} {moves[next]}");
            if (moves[next] is null)
            {
                throw new InvalidOperationException($"{prefix} can't be followed:\n{string.Join('\n', trace)}");
            }

            last = (next, moves[next]!, moves[1 - next]);
            choices += (char)('A' + next);
            _lanes[next].Go();
        }
    }

    private sealed class Lane
    {
        private readonly SemaphoreSlim _arrived = new(0);
        private TaskCompletionSource _go = new();
        private Move? _move;

        public Task Work { get; set; } = Task.CompletedTask;

        public Func<Move, Task> After { get; set; } = _ => Task.CompletedTask;

        /// <summary>The request that waits; null when the program has ended.</summary>
        public async Task<Move?> NextAsync()
        {
            while (_move is null && !Work.IsCompleted)
            {
                using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
                await Task.WhenAny(_arrived.WaitAsync(limit.Token), Work);
                if (limit.IsCancellationRequested)
                {
                    throw new TimeoutException("a program neither sends a request nor ends");
                }
            }

            return _move;
        }

        public void Go()
        {
            _move = null;
            _go.SetResult();
        }

        public void Stop() => _go.TrySetException(new InvalidOperationException("the other program has failed"));

        public async Task ArriveAsync(Move move)
        {
            var go = _go = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _move = move;
            _arrived.Release();
            await go.Task;
        }
    }

    private sealed class GateHandler(Lane lane, HttpMessageHandler inner) : DelegatingHandler(inner)
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var move = await Move.OfAsync(request);
            await lane.ArriveAsync(move);
            var answer = await base.SendAsync(request, cancellationToken);
            if (answer.IsSuccessStatusCode && move.IsChange)
            {
                await lane.After(move);
            }

            return answer;
        }
    }
}
