%% What a private broker of a development machine or a test run does beside serving: evaluated while it boots.
Running = fun Wait(Name) ->
    case whereis(Name) of
        undefined -> timer:sleep(250), Wait(Name);
        Pid -> Pid
    end
end,
spawn(fun() ->
    (fun Again() ->
        %% Free space is looked at four times a second instead of every ten, so that the alarm of a full disk stops
        %% publishers before the write-ahead log is full, and ends soon. It takes this from a call only, once it runs.
        Running(rabbit_disk_monitor),
        rabbit_disk_monitor:set_max_check_interval(250),
        %% At a stop the management plug-in's event handler asks the application controller, which waits for it: both
        %% wait until a limit of 5 s ends the handler (3.10, rabbit_mgmt_db_handler:ensure_statistics_disabled/0).
        %% Clients' supervisors are stopped before it, and by then it has nothing left to tell.
        Stopping = monitor(process, Running(rabbit_direct_client_sup)),
        receive {'DOWN', Stopping, process, _, _} -> ok end,
        exit(whereis(rabbit_event), kill),
        timer:sleep(1000),
        Again()
    end)()
end),
%% What quorum queues must write while nothing is free ends their log, its supervisors give up within a second, and
%% until the broker is restarted no queue has a leader. As soon as there is space again, the log and those queues that
%% have had no process for three looks are started as at a boot.
spawn(fun() ->
    HasEnded = fun(Queue) ->
        amqqueue:get_type(Queue) =:= rabbit_quorum_queue andalso
            whereis(element(1, amqqueue:get_pid(Queue))) =:= undefined
    end,
    Ended = fun() ->
        [log || whereis(ra_log_wal) =:= undefined] ++ lists:filter(HasEnded, rabbit_amqqueue:list())
    end,
    %% A queue that was started while the log was ending waits for it, some 30 s, and the log's supervisors wait for the
    %% queue's, so that nothing can be started before (ra 2.2, ra_log_segment_writer:maybe_wait_for_segment_writer/2).
    WithoutLog = fun() ->
        [Pid || whereis(ra_log_segment_writer) =:= undefined, Queue <- rabbit_amqqueue:list(),
            amqqueue:get_type(Queue) =:= rabbit_quorum_queue,
            Pid <- [whereis(element(1, amqqueue:get_pid(Queue)))], is_pid(Pid)]
    end,
    EndThose = fun Again() -> [exit(Pid, kill) || Pid <- WithoutLog()], timer:sleep(100), Again() end,
    StartAgain = fun() ->
        logger:warning("quorum queues have ended: they are started again"),
        Ending = spawn(EndThose),
        try
            %% Ended by a line on standard output that found no room; who mends a file of the log writes one more.
            whereis(user) =:= undefined andalso user:start(),
            [rabbit_ra_systems:ensure_ra_system_started(System) || System <- [coordination, quorum_queues]],
            %% Waits for supervisors of the old log, when they have not come to their end yet.
            [rabbit_quorum_queue:recover(Host, lists:filter(HasEnded, rabbit_amqqueue:list(Host)))
                || Host <- rabbit_vhost:list_names()]
        after
            exit(Ending, kill)
        end
    end,
    (fun Look(Before, Times) ->
        timer:sleep(250),
        Running(rabbit_direct_client_sup),
        case {Ended(), rabbit_alarm:get_alarms()} of
            {[_ | _] = Before, []} when Times >= 2 -> catch StartAgain(), Look([], 0);
            {[_ | _] = Before, []} -> Look(Before, Times + 1);
            {Now, _} -> Look(Now, 0)
        end
    end)([], 0)
end).
