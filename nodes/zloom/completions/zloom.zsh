#compdef zloom
# SPDX-License-Identifier: MPL-2.0
# For zsh: written from nodes/zloom/commands.def; the test cli.reference compares.
_zloom_commands () {
    local -a commands=(
        'choose:a few questions, and the pattern that fits\: why, its price, a recipe'
        'patterns:the six ways to talk side by side\: delivery, latency, complexity, use'
        'new:a folder with a commented recipe, its cases, and a worker to fill in'
        'lint:check a recipe\: every mistake at once, with its line'
        'explain:what a diagnostic, a recipe key or a flow'\''s promises mean'
        'expand:a recipe with every default, and where each value comes from'
        'graph:who sends to whom, as text or for drawing'
        'schema:the recipe language as JSON Schema, for editors'
        'test:play a recipe'\''s own cases on a clock of their own'
        'run:run a recipe here\: its nodes as supervised processes, or as threads'
        'node:run one node of a recipe alone, in this process'
        'up:run a recipe in the background; returns when all nodes serve'
        'down:drain what runs, stop it, and wait until it has stopped'
        'ps:the processes of a topology\: state, uptime, restarts, memory, last end'
        'wait:wait until a topology is ready, has no work left, or is down'
        'pause:a node takes no more, or a flow hands out nothing, until resume'
        'resume:what was paused or drained goes on; a node that failed is tried again now'
        'drain:a node finishes and stops; a flow or all of it runs empty; waits for it'
        'scale:run N replicas of a worker, more or fewer than now'
        'send:send messages and wait until they are safe'
        'tap:watch messages of a flow go by, without taking them'
        'dlq:look at dead letters, put them back, or delete them'
        'flow:keys of a keyed flow that do not go on, and letting them go on'
        'group:who hears a bus, and the end of a durable subscriber that is no more'
        'stats:counters of flows, consumers, sessions and the journal'
        'top:flows and nodes live on one screen\: rates, depth, age, credit, restarts'
        'trace:one message\: where it is, who has it, its failures, and its way over all flows'
        'why:what holds a flow or a node back\: one sentence, its numbers, what to do'
        'logs:what the nodes of a topology and its supervisor said, merged'
        'keys:keys of hosts and programs\: make one, show its public half, look after them'
        'doctor:check a journal offline\: what is whole, what is not'
        'help:this list, or one command'\''s options'
        'version:the version of zloom and of its libraries'
    )
    _describe command commands
}
_zloom () {
    if (( CURRENT == 2 )); then
        _zloom_commands
        return
    fi
    shift words
    (( CURRENT-- ))
    case $words[1] in
        choose)
            _arguments -s \
                '*--answers[QUESTION=ANSWER, with commas between them; nothing is asked then]:LIST: ' \
                '*--recipe[only the recipe]' \
                '-o[text, json or jsonl]:FORM:(text json jsonl)' \
                '*--output[text, json or jsonl]:FORM:(text json jsonl)' \
                '*:word: '
            ;;
        patterns)
            _arguments -s \
                '-o[text, json or jsonl]:FORM:(text json jsonl)' \
                '*--output[text, json or jsonl]:FORM:(text json jsonl)' \
                '*:word: '
            ;;
        new)
            _arguments -s \
                '-w[what the worker is written in\: python (default), js, sh or c]:LANGUAGE: ' \
                '*--worker[what the worker is written in\: python (default), js, sh or c]:LANGUAGE: ' \
                '*--name[of the recipe (default\: the first pattern'\''s)]:NAME: ' \
                '*--dir[where to (default\: a folder of the recipe'\''s name)]:DIR:_files -/' \
                '-o[text, json or jsonl]:FORM:(text json jsonl)' \
                '*--output[text, json or jsonl]:FORM:(text json jsonl)' \
                '*:word: '
            ;;
        lint)
            _arguments -s \
                '*--set[set a param of the recipe; may stand several times]:NAME=VALUE: ' \
                '*--fleet[check this fleet, too, and the recipe that it names]:FILE:_files' \
                '*--state[the topology'\''s state folder (default\: by its name)]:DIR:_files -/' \
                '-o[text, json or jsonl]:FORM:(text json jsonl)' \
                '*--output[text, json or jsonl]:FORM:(text json jsonl)' \
                '*--env[also look for programs, files and folders]' \
                '-a[show warnings that the recipe allows, too]' \
                '*--all[show warnings that the recipe allows, too]' \
                '*:word:_files -g "*.(yaml|yml)"'
            ;;
        explain)
            _arguments -s \
                '*--set[set a param of the recipe; may stand several times]:NAME=VALUE: ' \
                '-o[text, json or jsonl]:FORM:(text json jsonl)' \
                '*--output[text, json or jsonl]:FORM:(text json jsonl)' \
                '*:word:_files -g "*.(yaml|yml)"'
            ;;
        expand)
            _arguments -s \
                '*--set[set a param of the recipe; may stand several times]:NAME=VALUE: ' \
                '-o[text, json or jsonl]:FORM:(text json jsonl)' \
                '*--output[text, json or jsonl]:FORM:(text json jsonl)' \
                '*:word:_files -g "*.(yaml|yml)"'
            ;;
        graph)
            _arguments -s \
                '*--set[set a param of the recipe; may stand several times]:NAME=VALUE: ' \
                '-o[text, dot, mermaid, json or jsonl]:FORM:(text dot mermaid json jsonl)' \
                '*--output[text, dot, mermaid, json or jsonl]:FORM:(text dot mermaid json jsonl)' \
                '*:word:_files -g "*.(yaml|yml)"'
            ;;
        schema)
            _arguments -s \
                '*--fragment[of a file that `use\:` takes in, instead of a recipe]' \
                '*:word: '
            ;;
        test)
            _arguments -s \
                '-c[this case alone; several times for several]:NAME: ' \
                '*--case[this case alone; several times for several]:NAME: ' \
                '*--set[set a param of the recipe; may stand several times]:NAME=VALUE: ' \
                '-o[text, tap (version 14), junit (XML), json or jsonl]:FORM:(text tap)' \
                '*--output[text, tap (version 14), junit (XML), json or jsonl]:FORM:(text tap)' \
                '*:word:_files -g "*.(yaml|yml)"'
            ;;
        run)
            _arguments -s \
                '*--state[the topology'\''s state folder (default\: by its name)]:DIR:_files -/' \
                '*--fleet[the fleet that places the recipe'\''s nodes on hosts]:FILE:_files' \
                '*--host[which of its hosts this one is]:NAME: ' \
                '*--keys[where this host'\''s key is (default\: $ZLOOM_KEYS, ~/.config/zloom/keys)]:DIR:_files -/' \
                '*--set[set a param of the recipe; may stand several times]:NAME=VALUE: ' \
                '*--threads[the nodes as threads of this one process, wired over inproc]' \
                '*--until-idle[stop when pollers are done and no work is left]' \
                '*--grace[how long a drain may take (default 30s)]:DURATION: ' \
                '*--logs[write all logs and stdout to the state folder, for `zloom logs`]' \
                '*--log-size[when a log file is full; four older ones are kept (16MiB)]:SIZE: ' \
                '*--ready-fd[write a newline to this descriptor when all nodes serve]:FD: ' \
                '*--metrics[answer /metrics and /healthz there\: PORT (this machine) or HOST\:PORT]:ADDRESS: ' \
                '*:word:_files -g "*.(yaml|yml)"'
            ;;
        node)
            _arguments -s \
                '*--state[the topology'\''s state folder (default\: by its name)]:DIR:_files -/' \
                '*--fleet[the fleet that places the recipe'\''s nodes on hosts]:FILE:_files' \
                '*--host[which of its hosts this one is]:NAME: ' \
                '*--keys[where this host'\''s key is (default\: $ZLOOM_KEYS, ~/.config/zloom/keys)]:DIR:_files -/' \
                '*--set[set a param of the recipe; may stand several times]:NAME=VALUE: ' \
                '*--replica[which replica of a node that has several (default 1)]:N: ' \
                '*--unit[what its process is called (default\: the node, or NODE.N of several)]:NAME: ' \
                '*--runtime[folder of the sockets (default\: by the topology'\''s name)]:DIR:_files -/' \
                '*--ready-fd[write a newline to this descriptor when the node serves]:FD: ' \
                '*:word:_files -g "*.(yaml|yml)"'
            ;;
        up)
            _arguments -s \
                '*--state[the topology'\''s state folder (default\: by its name)]:DIR:_files -/' \
                '*--fleet[the fleet that places the recipe'\''s nodes on hosts]:FILE:_files' \
                '*--host[which of its hosts this one is]:NAME: ' \
                '*--keys[where this host'\''s key is (default\: $ZLOOM_KEYS, ~/.config/zloom/keys)]:DIR:_files -/' \
                '*--set[set a param of the recipe; may stand several times]:NAME=VALUE: ' \
                '*--grace[how long its drain may take, when it goes down (default 30s)]:DURATION: ' \
                '-t[how long to wait until all serve (default 60s)]:DURATION: ' \
                '*--timeout[how long to wait until all serve (default 60s)]:DURATION: ' \
                '*--log-size[when a log file is full; four older ones are kept (16MiB)]:SIZE: ' \
                '*--metrics[answer /metrics and /healthz there\: PORT (this machine) or HOST\:PORT]:ADDRESS: ' \
                '-o[text, json or jsonl]:FORM:(text json jsonl)' \
                '*--output[text, json or jsonl]:FORM:(text json jsonl)' \
                '*:word:_files -g "*.(yaml|yml)"'
            ;;
        down)
            _arguments -s \
                '*--state[the topology'\''s state folder (default\: by its name)]:DIR:_files -/' \
                '*--grace[how long the drain may take (default\: what it was started with)]:DURATION: ' \
                '*--now[stop at once instead of draining; nothing confirmed is lost]' \
                '-o[text, json or jsonl]:FORM:(text json jsonl)' \
                '*--output[text, json or jsonl]:FORM:(text json jsonl)' \
                '*:word:_files -g "*.(yaml|yml)"'
            ;;
        ps)
            _arguments -s \
                '*--state[the topology'\''s state folder (default\: by its name)]:DIR:_files -/' \
                '-o[text, json or jsonl]:FORM:(text json jsonl)' \
                '*--output[text, json or jsonl]:FORM:(text json jsonl)' \
                '*:word:_files -g "*.(yaml|yml)"'
            ;;
        wait)
            _arguments -s \
                '*--state[the topology'\''s state folder (default\: by its name)]:DIR:_files -/' \
                '*--ready[until all nodes serve or have done their work (default)]' \
                '*--idle[until pollers are done, too, and no work is left]' \
                '*--down[until all has stopped]' \
                '-t[how long to wait (default\: for ever)]:DURATION: ' \
                '*--timeout[how long to wait (default\: for ever)]:DURATION: ' \
                '*:word:_files -g "*.(yaml|yml)"'
            ;;
        pause)
            _arguments -s \
                '*--state[the topology'\''s state folder (default\: by its name)]:DIR:_files -/' \
                '*--node[the node of that name, where there is a flow of that name, too]' \
                '*--flow[the flow of that name]' \
                '-o[text, json or jsonl]:FORM:(text json jsonl)' \
                '*--output[text, json or jsonl]:FORM:(text json jsonl)' \
                '*:word: '
            ;;
        resume)
            _arguments -s \
                '*--state[the topology'\''s state folder (default\: by its name)]:DIR:_files -/' \
                '*--node[the node of that name, where there is a flow of that name, too]' \
                '*--flow[the flow of that name]' \
                '-t[how long to wait for nodes that start again (default\: for ever)]:DURATION: ' \
                '*--timeout[how long to wait for nodes that start again (default\: for ever)]:DURATION: ' \
                '-o[text, json or jsonl]:FORM:(text json jsonl)' \
                '*--output[text, json or jsonl]:FORM:(text json jsonl)' \
                '*:word: '
            ;;
        drain)
            _arguments -s \
                '*--state[the topology'\''s state folder (default\: by its name)]:DIR:_files -/' \
                '*--node[the node of that name, where there is a flow of that name, too]' \
                '*--flow[the flow of that name]' \
                '-t[how long to wait until it is done (default\: for ever)]:DURATION: ' \
                '*--timeout[how long to wait until it is done (default\: for ever)]:DURATION: ' \
                '-o[text, json or jsonl]:FORM:(text json jsonl)' \
                '*--output[text, json or jsonl]:FORM:(text json jsonl)' \
                '*:word: '
            ;;
        scale)
            _arguments -s \
                '*--state[the topology'\''s state folder (default\: by its name)]:DIR:_files -/' \
                '-t[how long to wait until it is done (default\: for ever)]:DURATION: ' \
                '*--timeout[how long to wait until it is done (default\: for ever)]:DURATION: ' \
                '-o[text, json or jsonl]:FORM:(text json jsonl)' \
                '*--output[text, json or jsonl]:FORM:(text json jsonl)' \
                '*:word: '
            ;;
        send)
            _arguments -s \
                '*--state[the topology'\''s state folder (default\: by its name)]:DIR:_files -/' \
                '*--fleet[go to the router of this fleet, on another host ($ZLOOM_FLEET)]:FILE:_files' \
                '*--as[with --fleet\: the key to come with ($ZLOOM_AS)]:NAME: ' \
                '*--keys[where that key is (default\: $ZLOOM_KEYS, ~/.config/zloom/keys)]:DIR:_files -/' \
                '-f[each line of FILE is a message; - is stdin]:FILE:_files' \
                '*--file[each line of FILE is a message; - is stdin]:FILE:_files' \
                '-k[the key of every message (default\: from its body, where the flow says)]:KEY: ' \
                '*--key[the key of every message (default\: from its body, where the flow says)]:KEY: ' \
                '*--topic[what every event is about; for a bus, as in order.eu.paid]:TOPIC: ' \
                '*--in[not to be handed out before so long from now]:DURATION: ' \
                '*--at[not before then\: 14\:05 (the next), 2026-11-28T14\:05 (here), ...T14\:05\:00Z]:TIME: ' \
                '*--expires[worthless after so long\: handed to nobody from then on]:DURATION: ' \
                '-p[0 to 9, 9 goes first]:N: ' \
                '*--priority[0 to 9, 9 goes first]:N: ' \
                '*--id[the message'\''s own id\: a flow with dedup takes it once (one BODY)]:ID: ' \
                '*--trace[keep what becomes of it, over all flows\: zloom trace shows it]' \
                '*--name[the producer'\''s name\: what it has sent already is not sent again]:NAME: ' \
                '-t[how long to wait for confirms (default 30s)]:DURATION: ' \
                '*--timeout[how long to wait for confirms (default 30s)]:DURATION: ' \
                '-o[text, json or jsonl\: what was sent, on stdout, with its ids]:FORM:(text json jsonl: what was sent on stdout with its ids)' \
                '*--output[text, json or jsonl\: what was sent, on stdout, with its ids]:FORM:(text json jsonl: what was sent on stdout with its ids)' \
                '*:word: '
            ;;
        tap)
            _arguments -s \
                '*--state[the topology'\''s state folder (default\: by its name)]:DIR:_files -/' \
                '*--fleet[go to the router of this fleet, on another host ($ZLOOM_FLEET)]:FILE:_files' \
                '*--as[with --fleet\: the key to come with ($ZLOOM_AS)]:NAME: ' \
                '*--keys[where that key is (default\: $ZLOOM_KEYS, ~/.config/zloom/keys)]:DIR:_files -/' \
                '-n[stop after N messages]:N: ' \
                '*--count[stop after N messages]:N: ' \
                '*--topic[of a bus\: only events about this, as in order.* or order.>]:PATTERN: ' \
                '-w[what waits in the flow now, then stop]' \
                '*--waiting[what waits in the flow now, then stop]' \
                '-o[text, json or jsonl]:FORM:(text json jsonl)' \
                '*--output[text, json or jsonl]:FORM:(text json jsonl)' \
                '*:word: '
            ;;
        dlq)
            _arguments -s \
                '*--state[the topology'\''s state folder (default\: by its name)]:DIR:_files -/' \
                '*--fleet[go to the router of this fleet, on another host ($ZLOOM_FLEET)]:FILE:_files' \
                '*--as[with --fleet\: the key to come with ($ZLOOM_AS)]:NAME: ' \
                '*--keys[where that key is (default\: $ZLOOM_KEYS, ~/.config/zloom/keys)]:DIR:_files -/' \
                '-r[only dead letters of this reason (rejected, failures, crash, ...)]:WORD: ' \
                '*--reason[only dead letters of this reason (rejected, failures, crash, ...)]:WORD: ' \
                '*--id[only the dead letter with this id (producer/number)]:ID: ' \
                '-n[at most N dead letters]:N: ' \
                '*--max[at most N dead letters]:N: ' \
                '*--rate[requeue at most N a second]:N: ' \
                '*--dry-run[say what would be done, change nothing]' \
                '-y[purge without asking]' \
                '*--yes[purge without asking]' \
                '-o[text, json or jsonl]:FORM:(text json jsonl)' \
                '*--output[text, json or jsonl]:FORM:(text json jsonl)' \
                '*:word:(ls show requeue purge)'
            ;;
        flow)
            _arguments -s \
                '*--state[the topology'\''s state folder (default\: by its name)]:DIR:_files -/' \
                '*--fleet[go to the router of this fleet, on another host ($ZLOOM_FLEET)]:FILE:_files' \
                '*--as[with --fleet\: the key to come with ($ZLOOM_AS)]:NAME: ' \
                '*--keys[where that key is (default\: $ZLOOM_KEYS, ~/.config/zloom/keys)]:DIR:_files -/' \
                '-k[release\: the key that is to go on]:KEY: ' \
                '*--key[release\: the key that is to go on]:KEY: ' \
                '*--retry[release\: try the message that failed again (default)]' \
                '*--skip[release\: the message that failed goes to the dead letters]' \
                '-n[parked\: at most N keys]:N: ' \
                '*--max[parked\: at most N keys]:N: ' \
                '-o[text, json or jsonl]:FORM:(text json jsonl)' \
                '*--output[text, json or jsonl]:FORM:(text json jsonl)' \
                '*:word: '
            ;;
        group)
            _arguments -s \
                '*--state[the topology'\''s state folder (default\: by its name)]:DIR:_files -/' \
                '*--fleet[go to the router of this fleet, on another host ($ZLOOM_FLEET)]:FILE:_files' \
                '*--as[with --fleet\: the key to come with ($ZLOOM_AS)]:NAME: ' \
                '*--keys[where that key is (default\: $ZLOOM_KEYS, ~/.config/zloom/keys)]:DIR:_files -/' \
                '-y[drop\: what waits for it is lost, and that is meant]' \
                '*--yes[drop\: what waits for it is lost, and that is meant]' \
                '-o[text, json or jsonl]:FORM:(text json jsonl)' \
                '*--output[text, json or jsonl]:FORM:(text json jsonl)' \
                '*:word: '
            ;;
        stats)
            _arguments -s \
                '*--state[the topology'\''s state folder (default\: by its name)]:DIR:_files -/' \
                '*--fleet[go to the router of this fleet, on another host ($ZLOOM_FLEET)]:FILE:_files' \
                '*--as[with --fleet\: the key to come with ($ZLOOM_AS)]:NAME: ' \
                '*--keys[where that key is (default\: $ZLOOM_KEYS, ~/.config/zloom/keys)]:DIR:_files -/' \
                '-o[text, json or jsonl]:FORM:(text json jsonl)' \
                '*--output[text, json or jsonl]:FORM:(text json jsonl)' \
                '*:word: '
            ;;
        top)
            _arguments -s \
                '*--state[the topology'\''s state folder (default\: by its name)]:DIR:_files -/' \
                '-n[print N looks and stop; nothing is drawn]:N: ' \
                '*--count[print N looks and stop; nothing is drawn]:N: ' \
                '*--interval[between two looks (default 1s)]:DURATION: ' \
                '-o[text, json or jsonl]:FORM:(text json jsonl)' \
                '*--output[text, json or jsonl]:FORM:(text json jsonl)' \
                '*:word:_files -g "*.(yaml|yml)"'
            ;;
        trace)
            _arguments -s \
                '*--state[the topology'\''s state folder (default\: by its name)]:DIR:_files -/' \
                '*--fleet[go to the router of this fleet, on another host ($ZLOOM_FLEET)]:FILE:_files' \
                '*--as[with --fleet\: the key to come with ($ZLOOM_AS)]:NAME: ' \
                '*--keys[where that key is (default\: $ZLOOM_KEYS, ~/.config/zloom/keys)]:DIR:_files -/' \
                '*--receipts[of a bus'\''s event\: what became of it at each durable subscriber]' \
                '-o[text, json or jsonl]:FORM:(text json jsonl)' \
                '*--output[text, json or jsonl]:FORM:(text json jsonl)' \
                '*:word: '
            ;;
        why)
            _arguments -s \
                '*--state[the topology'\''s state folder (default\: by its name)]:DIR:_files -/' \
                '*--fleet[go to the router of this fleet, on another host ($ZLOOM_FLEET)]:FILE:_files' \
                '*--as[with --fleet\: the key to come with ($ZLOOM_AS)]:NAME: ' \
                '*--keys[where that key is (default\: $ZLOOM_KEYS, ~/.config/zloom/keys)]:DIR:_files -/' \
                '*--for[between the two looks (default 1s)]:DURATION: ' \
                '*--timeout[how long a router may take to answer (default 1s, from afar 3s)]:DURATION: ' \
                '-o[text, json or jsonl]:FORM:(text json jsonl)' \
                '*--output[text, json or jsonl]:FORM:(text json jsonl)' \
                '*:word: '
            ;;
        logs)
            _arguments -s \
                '*--state[the topology'\''s state folder (default\: by its name)]:DIR:_files -/' \
                '-f[go on with what comes, until the topology is down]' \
                '*--follow[go on with what comes, until the topology is down]' \
                '-n[the last N lines (default 100, with --since all)]:N: ' \
                '*--lines[the last N lines (default 100, with --since all)]:N: ' \
                '*--since[from then on\: 10m (ago), 14\:05, 2026-11-28T14\:05\:00Z]:WHEN: ' \
                '-o[text, json or jsonl]:FORM:(text json jsonl)' \
                '*--output[text, json or jsonl]:FORM:(text json jsonl)' \
                '*:word: '
            ;;
        keys)
            _arguments -s \
                '*--keys[the folder of keys (default\: $ZLOOM_KEYS, ~/.config/zloom/keys)]:DIR:_files -/' \
                '*--fleet[with status\: which of them the fleet knows, and what they may do]:FILE:_files' \
                '-o[text, json or jsonl]:FORM:(text json jsonl)' \
                '*--output[text, json or jsonl]:FORM:(text json jsonl)' \
                '*:word: '
            ;;
        doctor)
            _arguments -s \
                '-o[text, json or jsonl]:FORM:(text json jsonl)' \
                '*--output[text, json or jsonl]:FORM:(text json jsonl)' \
                '*:word:_files -/'
            ;;
        help)
            _arguments -s \
                '-a[every command, also the rarer ones]' \
                '*--all[every command, also the rarer ones]' \
                '-o[text, json or jsonl]:FORM:(text json jsonl)' \
                '*--output[text, json or jsonl]:FORM:(text json jsonl)' \
                '*:word:_zloom_commands'
            ;;
        version)
            _arguments -s \
                '-o[text, json or jsonl]:FORM:(text json jsonl)' \
                '*--output[text, json or jsonl]:FORM:(text json jsonl)' \
                '*:word: '
            ;;
    esac
}
_zloom "$@"
