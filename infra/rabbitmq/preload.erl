%% Loads the modules of a private broker in one go, before it boots: evaluated first of all.
%%
%% Looking for its boot steps RabbitMQ loads every module of every application that it knows, one after the other, and
%% after each of them Erlang swaps its table of exported functions. Loaded together they take a third of that time.
Applications = [
    kernel, stdlib, sasl, compiler, syntax_tools, tools, crypto, asn1, public_key, ssl, inets, xmerl, os_mon, mnesia,
    rabbit, rabbit_common, rabbitmq_prelaunch, ra, osiris, aten, gen_batch_server, seshat, enough, ranch, cuttlefish,
    sysmon_handler, credentials_obfuscation, stdout_formatter, recon, observer_cli, jsx, syslog, systemd,
    amqp10_common, amqp_client, cowlib, cowboy, rabbitmq_web_dispatch, rabbitmq_management, rabbitmq_management_agent
],
%% What this release does not have, or cannot load, it will not ask for.
Folders = [Folder || Name <- Applications, Folder <- [code:lib_dir(Name, ebin)], is_list(Folder)],
Files = lists:flatmap(fun(Folder) -> filelib:wildcard("*.beam", Folder) end, Folders),
code:ensure_modules_loaded([list_to_atom(filename:basename(File, ".beam")) || File <- Files]).
